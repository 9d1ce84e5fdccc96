"""The lines of a preflight: what was looked at, how it stands, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec


class Grade(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "WARN"
    """Works, or is not needed in this mode; a person should know."""
    FAIL = "FAIL"
    """Nothing may be traded so."""


class Check(msgspec.Struct, frozen=True):
    """One line. ``action`` is what to do; empty for what is in order."""

    name: str
    grade: Grade
    fact: str
    action: str = ""

    def __str__(self) -> str:
        """The line."""
        do = f" -> {self.action}" if self.action else ""
        return f"{self.grade:<5}{self.name:<17} {self.fact}{do}"


class Checklist:
    """Gathers checks. What only live trading needs is a warning while the account is on paper."""

    def __init__(self, *, live: bool) -> None:
        self.live = live
        self.checks: list[Check] = []

    def ok(self, name: str, fact: str) -> None:
        """It is in order."""
        self.checks.append(Check(name, Grade.OK, fact))

    def warn(self, name: str, fact: str, action: str = "") -> None:
        """It works, but should be known."""
        self.checks.append(Check(name, Grade.WARN, fact, action))

    def fail(self, name: str, fact: str, action: str) -> None:
        """Nothing may be traded so, live or on paper."""
        self.checks.append(Check(name, Grade.FAIL, fact, action))

    def fail_live(self, name: str, fact: str, action: str) -> None:
        """Nothing may be traded live so; paper does without."""
        if self.live:
            self.fail(name, fact, action)
        else:
            self.warn(name, f"missing for live: {fact}", action)

    def count(self, grade: Grade) -> int:
        """How many checks ended so."""
        return sum(check.grade is grade for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.count(Grade.FAIL)

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)
