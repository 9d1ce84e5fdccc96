"""The pure state machines as folds over a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.confluence.join import Join, JoinState
from agents.dimensions.base import DimensionMachine, SymbolState
from schemas.frame import Backfill, Frame, Message
from schemas.score import DimensionScore
from schemas.series import Series
from schemas.settings import Settings


class DimensionFold:
    """One dimension over frames and history; other records of the topic are not for it."""

    def __init__(self, machine: DimensionMachine) -> None:
        self.name = machine.name
        self.state_version = machine.dimension.state_version
        self._machine = machine

    def initial(self) -> SymbolState:
        """State of a symbol of which nothing is known."""
        return self._machine.initial()

    def is_full(self, state: SymbolState) -> bool:  # noqa: ARG002 - nothing waits
        """Never: a frame is folded at once."""
        return False

    def apply(self, state: SymbolState, message: Any) -> Sequence[Message]:
        """Take one message; a score if it is a tick."""
        if isinstance(message, Frame):
            return self._machine.apply(state, message)
        if isinstance(message, Backfill):
            self._machine.backfill(state, message)
        elif isinstance(message, Series):
            self._machine.learn(state, message)
        return ()

    def encode(self, state: SymbolState) -> bytes:
        """Bytes of a state."""
        return self._machine.encode(state)

    def decode(self, data: bytes) -> SymbolState:
        """The state that :meth:`encode` wrote."""
        return self._machine.decode(data)


class JoinFold:
    """The join over dimension scores."""

    name = "join"
    state_version = 1

    def __init__(self, settings: Settings) -> None:
        self._join = Join(settings)

    def initial(self) -> JoinState:
        """State of a symbol of which nothing is known."""
        return JoinState()

    def is_full(self, state: JoinState) -> bool:
        """Whether scores are refused, because one dimension is far ahead of another."""
        return state.full

    def apply(self, state: JoinState, message: Any) -> Sequence[Message] | None:
        """Take one score; what it decides, ``None`` if it is refused."""
        return self._join.step(state, message) if isinstance(message, DimensionScore) else ()

    def encode(self, state: JoinState) -> bytes:
        """Bytes of a state."""
        return self._join.encode(state)

    def decode(self, data: bytes) -> JoinState:
        """The state that :meth:`encode` wrote."""
        return self._join.decode(data)
