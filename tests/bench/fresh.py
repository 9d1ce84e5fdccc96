"""Frames as a worker gets them: decoded, and each of them new."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.frame import Frame
from schemas.topics import FRAMES


def decoded(bodies: Sequence[bytes]) -> list[Frame]:
    """New frames of their bodies: a frame that was asked keeps its totals, and would cost less."""
    decode = FRAMES.decoder().decode
    return [decode(body) for body in bodies]
