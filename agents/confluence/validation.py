"""The last step before an entry: a model may veto it or scale its risk down."""

from __future__ import annotations

from typing import Protocol

from schemas.score import ConfluenceScore
from schemas.signal import SignalKind, Validation

PASSED = Validation(model=None, scale=1.0, note="no trained model; passed unchanged")


class Validator(Protocol):
    """Judges an entry by the confluence score that asks for it, and by nothing else."""

    def validate(self, kind: SignalKind, score: ConfluenceScore) -> Validation:
        """A veto, or a scale of the risk in [0, 1]."""
        ...


class PassThrough:
    """Without a trained model every entry passes unchanged, and the record says so."""

    def validate(self, kind: SignalKind, score: ConfluenceScore) -> Validation:  # noqa: ARG002
        """Pass."""
        return PASSED
