"""From what a person wants to a tick from which it holds.

A command comes without a tick. The active account writes it again with one, and applies nothing
later until it has read that back; so the halt is immediate, and whoever reads the log again puts it
in force at the same place. The tick lies behind everything that was decided before: by this
process, and, read off the orders in the log, by one that died.
"""

from __future__ import annotations

import msgspec

from schemas.control import Command


class Commands:
    """Commands of one reader: which still wait for their tick, and which are on their way."""

    def __init__(self) -> None:
        self._asked: dict[str, Command] = {}
        self._answered: dict[str, None] = {}
        self._limit_ns: dict[str, int] = {}
        self._decided_ns = -1

    def decided(self, tick_ns: int) -> None:
        """An output for this tick is in the log."""
        self._decided_ns = max(self._decided_ns, tick_ns)

    def behind_ns(self, applied_ns: int) -> int:
        """The tick behind which nothing is decided yet; this process has applied ``applied_ns``."""
        return max(applied_ns, self._decided_ns)

    def take(self, command: Command) -> Command | None:
        """Take one from the log; it is given back if it holds: the first of its id with a tick."""
        if command.id in self._answered:
            return None
        if command.effective_ns is None:
            self._asked.setdefault(command.id, command)
            return None
        self._answered[command.id] = None
        self._asked.pop(command.id, None)
        self._limit_ns.pop(command.id, None)
        return command

    def due(self, applied_ns: int) -> list[Command]:
        """Those to be written now, with their tick; they count as on their way from here on."""
        at_ns = self.behind_ns(applied_ns)
        due = [
            msgspec.structs.replace(command, effective_ns=at_ns)
            for command in self._asked.values()
            if command.id not in self._limit_ns
        ]
        for command in due:
            self._limit_ns[command.id] = at_ns
        return due

    def limits_ns(self) -> list[int]:
        """Closes up to which steps may be applied while commands are on their way."""
        return list(self._limit_ns.values())
