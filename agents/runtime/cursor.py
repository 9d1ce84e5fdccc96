"""Where a worker stands in one input partition, and what it does with the next offset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Admission(Enum):
    """What becomes of a delivered message."""

    TAKE = "take"
    IGNORE = "ignore"
    REWIND = "rewind"


@dataclass
class Cursor:
    """One input partition: the offset that must come next.

    What lies before it is old and ignored. What lies beyond it is a hole: the worker seeks back
    once, and takes the later offset only when the log, read again, really lacks what is between.
    """

    next_offset: int | None = None
    hole_at: int | None = None
    goes_over_old: bool = False
    """Whether the last offset delivered was an old one."""

    def admit(self, offset: int) -> Admission:
        """Decide on a delivered offset; ``TAKE`` moves the cursor behind it."""
        expected = self.next_offset
        self.goes_over_old = expected is not None and offset < expected
        if expected is None or self.goes_over_old:
            return Admission.IGNORE
        if offset > expected:
            if self.hole_at is None:
                self.hole_at = offset
                return Admission.REWIND
            # Beyond the hole: it was on its way when the worker sought back.
            if offset > self.hole_at:
                return Admission.IGNORE
        self.hole_at = None
        self.next_offset = offset + 1
        return Admission.TAKE
