"""Faust's table manager: no pause at the start, and no recovery that ends without a word."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import structlog
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped
from mode.utils.times import Seconds

from schemas.errors import BrokerError

log = structlog.get_logger()


class AnsweredRecovery(Recovery):
    """Ends the role when the broker does not answer.

    Upstream takes a wait that was too long for the end of the service: nothing is recovered any
    more, and the role keeps its partitions without reading them.
    """

    async def _wait(self, coro: Any, timeout: Seconds | None = None) -> None:
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            error = BrokerError(
                f"the broker did not answer within {timeout} s while tables were recovered; see "
                "whether it can be reached, then start the role again"
            )
            log.error("role.failed", error=str(error))
            await self.app.crash(error)
            raise error from None


class PromptTables(TableManager):
    """Recovers at once: upstream first sleeps for a second in which modules may add tables."""

    @cached_property
    def recovery(self) -> Recovery:
        """The recovery of every table of the app."""
        self._recovery = AnsweredRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start the recovery; every table of a role is made before its app starts."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
