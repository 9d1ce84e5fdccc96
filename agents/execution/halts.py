"""What people have forbidden the account, and from which tick on.

Commands come with the tick from which they hold. They wait here until the account gets there, so
that it does not matter how early they are read: live, after a restart, or when a log is replayed.
"""

from __future__ import annotations

import msgspec

from schemas.control import Command, Flatten, Halt, Resume, TradingMode

_STRICTEST_FIRST = (TradingMode.HALT, TradingMode.SIGNAL_ONLY, TradingMode.REDUCE_ONLY)


class Restriction(msgspec.Struct, frozen=True):
    """A mode in force, who wants it and why. ``scope`` is ``venue:symbol``, or empty for all."""

    scope: str
    mode: TradingMode
    id: str
    by: str
    reason: str

    def covers(self, key: str) -> bool:
        """Whether it holds for a symbol."""
        return self.scope in {"", key}

    def refusal(self) -> str:
        """Why an order is refused: the rule, its extent, who and why."""
        where = self.scope or "account"
        return f"{self.mode.value}: {where}, by {self.by or 'unknown'}: {self.reason} ({self.id})"


class Flattening(msgspec.Struct):
    """A flatten under way; ``attempts`` counts its closing orders by symbol."""

    command: Flatten
    attempts: dict[str, int] = msgspec.field(default_factory=dict)

    def covers(self, key: str) -> bool:
        """Whether it is about a symbol."""
        return self.command.scope in {"", key}


class Halts(msgspec.Struct):
    """Commands of an account. ``taken`` has an id for each command there ever was: people are slow.

    ``pending`` have a tick that is not reached yet.
    """

    taken: dict[str, None] = msgspec.field(default_factory=dict)
    pending: list[Command] = msgspec.field(default_factory=list)
    in_force: list[Restriction] = msgspec.field(default_factory=list)
    flattening: list[Flattening] = msgspec.field(default_factory=list)

    def give(self, command: Command) -> None:
        """Take a command, once; without a tick it is only a wish."""
        if command.effective_ns is None or command.id in self.taken:
            return
        self.taken[command.id] = None
        self.pending.append(command)
        self.pending.sort(key=lambda command: command.effective_ns or 0)  # stable

    def advance(self, close_ns: int) -> list[Command]:
        """Put in force what holds for a frame with this close: given for earlier ticks."""
        given = []
        while self.pending and (self.pending[0].effective_ns or 0) < close_ns:
            given.append(self.pending.pop(0))
            self._put_in_force(given[-1])
        return given

    def over(self, key: str) -> Restriction | None:
        """The strictest restriction of a symbol, of several the oldest."""
        found = [restriction for restriction in self.in_force if restriction.covers(key)]
        return min(found, key=lambda r: _STRICTEST_FIRST.index(r.mode), default=None)

    def _put_in_force(self, command: Command) -> None:
        match command:
            case Halt(mode=mode):
                self._restrict(command, mode)
            case Flatten():
                # What is closed must not be opened again by the next signal.
                self._restrict(command, TradingMode.HALT)
                self.flattening.append(Flattening(command))
            case Resume(scope=scope):
                self.in_force = [r for r in self.in_force if r.scope != scope]
                self.flattening = [f for f in self.flattening if f.command.scope != scope]

    def _restrict(self, command: Halt | Flatten, mode: TradingMode) -> None:
        restriction = Restriction(command.scope, mode, command.id, command.by, command.reason)
        self.in_force.append(restriction)
