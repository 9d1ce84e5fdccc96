"""Alerts: something a person should look at."""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import Message
from schemas.ids import content_id


class Severity(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(Message, frozen=True):
    """One alert. ``rule`` names what raised it, ``text`` the fact and the action."""

    venue: str
    symbol: str
    tick_ns: int
    rule: str
    severity: Severity
    text: str

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    @property
    def id(self) -> str:
        """Unique within the topic."""
        return content_id("alert", self.venue, self.symbol, str(self.tick_ns), self.rule)
