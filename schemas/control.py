"""Control records: what people and watchdogs decide, logged with the tick from which it holds.

Decisions, live and replayed, read these records; nothing downstream reads a wall clock. ``account``
names who is told: an account, or for absences the market overview (``market.overview``).
"""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import Message


class TradingMode(StrEnum):
    """What an account, or one symbol of it, may still do. The strictest of all in force holds."""

    REDUCE_ONLY = "reduce_only"
    """Orders may make a position smaller, and nothing else."""
    SIGNAL_ONLY = "signal_only"
    """Signals are given and recorded; none becomes an order."""
    HALT = "halt"
    """The alarm: no order by a signal. Closings of a flatten go on."""


class Halt(Message, frozen=True):
    """Restricts ``account``, or one ``venue:symbol`` of it, until a person resumes.

    A person writes it without a tick, and the account stops as soon as it reads it. The account
    writes it again with the tick from which it holds, ``effective_ns``: it holds for frames that
    close after that, live and whenever the log is read again. The same goes for the two below.
    ``given_ns`` is wall time, for people; nothing decides by it.
    """

    account: str
    effective_ns: int | None
    reason: str
    id: str = ""
    by: str = ""
    scope: str = ""
    given_ns: int = 0
    mode: TradingMode = TradingMode.HALT

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class Resume(Message, frozen=True):
    """Ends every halt of the same scope: the account's own, or those of one symbol."""

    account: str
    effective_ns: int | None
    reason: str
    id: str = ""
    by: str = ""
    scope: str = ""
    given_ns: int = 0

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class Flatten(Message, frozen=True):
    """Halts its scope, cancels its orders and closes its positions."""

    account: str
    effective_ns: int | None
    reason: str
    id: str = ""
    by: str = ""
    scope: str = ""
    given_ns: int = 0

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


Command = Halt | Resume | Flatten
"""What a person may want of an account."""


class FeedStale(Message, frozen=True):
    """No frame of a symbol since ``since_ns`` although heartbeats were due: no new entries."""

    account: str
    venue: str
    symbol: str
    since_ns: int

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class Absent(Message, frozen=True):
    """The account stops waiting for a symbol: its frames that close after ``from_ns`` do not count.

    Frames up to and including ``from_ns`` still do.
    """

    account: str
    venue: str
    symbol: str
    from_ns: int

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class Resumed(Message, frozen=True):
    """The account waits for a symbol again: frames that close after ``from_ns`` count."""

    account: str
    venue: str
    symbol: str
    from_ns: int

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class SettingsInForce(Message, frozen=True):
    """The settings a run decides by, as canonical JSON, with their hash."""

    account: str
    effective_ns: int
    config_hash: str
    settings_json: str

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


Control = Command | FeedStale | Absent | Resumed | SettingsInForce
