"""Faust's table manager without its pause at the start."""

from __future__ import annotations

from faust.tables.manager import TableManager


class PromptTables(TableManager):
    """Recovers at once: upstream first sleeps for a second in which modules may add tables."""

    async def on_start(self) -> None:
        """Start the recovery; every table of a role is made before its app starts."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
