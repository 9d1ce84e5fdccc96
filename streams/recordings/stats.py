"""What reading a recording met."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from schemas.errors import RejectedInput
from schemas.health import DeadLetter

OnDeadLetter = Callable[[DeadLetter], None]


class SourceStats(msgspec.Struct):
    """What reading a recording met so far.

    ``streams`` counts messages by kind, as ``depth@100ms``; ``dead_letters`` by reason.
    """

    lines: int = 0
    bytes_read: int = 0
    first_receive_ns: int | None = None
    last_receive_ns: int | None = None
    streams: dict[str, int] = msgspec.field(default_factory=dict)
    dead_letters: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Receive time between first and last line."""
        if self.first_receive_ns is None or self.last_receive_ns is None:
            return 0.0
        return (self.last_receive_ns - self.first_receive_ns) / 1e9

    def reject(
        self,
        source: str,
        error: RejectedInput,
        body: bytes,
        receive_ns: int,
        on_dead_letter: OnDeadLetter | None,
    ) -> None:
        """Count what could not be used, and tell whoever wants to know."""
        self.dead_letters[error.reason] = self.dead_letters.get(error.reason, 0) + 1
        if on_dead_letter is not None:
            on_dead_letter(DeadLetter(source, error.reason, str(error), body, receive_ns))
