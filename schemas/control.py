"""Control records: what people and watchdogs decide, logged with the tick from which it holds.

Decisions, live and replayed, read these records; nothing downstream reads a wall clock. ``account``
names who is told: an account, or for absences the market overview (``market.overview``).
"""

from __future__ import annotations

from schemas.frame import Message


class Halt(Message, frozen=True):
    """No new orders on ``account`` from ``effective_ns`` on, until a person resumes."""

    account: str
    effective_ns: int
    reason: str

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class Resume(Message, frozen=True):
    """Ends a halt."""

    account: str
    effective_ns: int
    reason: str

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


class Flatten(Message, frozen=True):
    """Cancel every order and close every position of ``account``."""

    account: str
    effective_ns: int
    reason: str

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


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


Control = Halt | Resume | Flatten | FeedStale | Absent | Resumed | SettingsInForce
