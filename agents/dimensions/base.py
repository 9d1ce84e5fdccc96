"""The contract of a dimension, and the one way in which every dimension is driven.

A dimension is three functions over its own state: ``initial``, ``fold`` (one frame into the state)
and ``read`` (component readings at a tick); one that uses bars takes ``backfill`` too, one
that uses series of values ``learn``. Everything else (order and gap checks, weights, coverage,
fitness, the message) is the same for all and lives here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from agents.indicators.clamp import clamp
from agents.indicators.fitness import Fitness
from schemas.alert import Alert, Severity
from schemas.errors import SequenceHole
from schemas.frame import Backfill, Frame, Message
from schemas.score import NEUTRAL, ComponentReading, DimensionScore
from schemas.section import Section
from schemas.series import Series

MAX_DIVERGENCE = 10.0
"""Largest timeframe-divergence bonus of a component, in points."""


class Mirror(StrEnum):
    """How a component answers the mirrored market: prices reflected, sides swapped."""

    SIGNED = "signed"
    """Gives 100 − score."""
    UNDIRECTED = "undirected"
    """Does not lean: scores 50."""


class Push(StrEnum):
    """A change of the last frames in one direction, to declare where a component is monotone."""

    BID_DEPTH = "bid_depth"
    """Every bid quantity of the book grows by the same factor."""
    ASK_DEPTH = "ask_depth"
    """Every ask quantity of the book grows by the same factor."""
    BUYING = "buying"
    """Buy trades grow by the same factor."""
    SELLING = "selling"
    """Sell trades grow by the same factor."""


@dataclass(frozen=True)
class ComponentSpec:
    """What a component declares of itself; the conformance tests hold it to this.

    ``tolerance`` is what rounding may add, in points, in a mirrored market or in other units.
    ``monotone`` maps a push to +1 (the score must not fall) or −1 (must not rise).
    """

    name: str
    weight: float
    mirror: Mirror = Mirror.SIGNED
    tolerance: float = 1e-9
    monotone: Mapping[Push, int] = field(default_factory=dict)


class Reading(msgspec.Struct):
    """What a component gives at a tick: a score in [0, 100] or ``None``, and its raw values.

    ``coverage`` is how much of what the component wants to look at was ready, in (0, 1].
    """

    name: str
    score: float | None
    raw: tuple[tuple[str, float], ...] = ()
    divergence: float = 0.0
    coverage: float = 1.0


S = TypeVar("S")


class Dimension(ABC, Generic[S]):
    """One face of the prism. Holds settings only; state is passed in.

    ``state_version`` grows when the state's encoding changes. ``fold`` and ``read`` never mutate
    the frame, read no clock, and keep the state bounded.
    """

    name: ClassVar[str]
    state_version: ClassVar[int] = 1
    components: ClassVar[tuple[ComponentSpec, ...]]
    options_type: ClassVar[type[Section]]
    state_type: ClassVar[type[Any]]

    @abstractmethod
    def initial(self) -> S:
        """State of a symbol of which nothing is known."""

    @abstractmethod
    def fold(self, state: S, frame: Frame) -> None:
        """Take one frame into the state."""

    @abstractmethod
    def read(self, state: S, frame: Frame) -> Sequence[Reading]:
        """Readings of every component, in the order of ``components``, at the tick ``frame``."""

    def backfill(self, state: S, history: Backfill) -> None:
        """Take bars of history into the state; a dimension that keeps no bars ignores them."""

    def learn(self, state: S, series: Series) -> None:
        """Take values of a series into the state; a dimension that uses none ignores them."""

    def is_tainted(self, state: S) -> bool:  # noqa: ARG002 - a default for those without history
        """Whether history or late data is in what the state remembers."""
        return False


@dataclass
class SymbolState:
    """All that one dimension keeps of one symbol: where it stands in the log, and its own state."""

    inner: Any
    epoch: int = -1
    seq: int = -1
    close_ns: int = -1
    tainted: bool = False
    fitness: Fitness = field(default_factory=Fitness)


class DimensionMachine:
    """Drives one dimension for any number of symbols; the states are the caller's to keep.

    >>> from agents.dimensions import registry
    >>> machine = DimensionMachine(registry.create("orderbook", {}))
    >>> machine.initial().seq
    -1
    """

    def __init__(self, dimension: Dimension[Any]) -> None:
        self.dimension = dimension
        self.name = dimension.name
        self._weights = {spec.name: spec.weight for spec in dimension.components}
        self._total_weight = math.fsum(self._weights.values())
        self._shares = {name: w / self._total_weight for name, w in self._weights.items()}
        self._encoder = msgspec.msgpack.Encoder(order="deterministic")
        self._decode_inner = msgspec.msgpack.Decoder(dimension.state_type).decode
        self._decode_state = msgspec.msgpack.Decoder(SymbolState).decode

    def initial(self) -> SymbolState:
        """State of a symbol of which nothing is known."""
        return SymbolState(inner=self.dimension.initial())

    def encode(self, state: SymbolState) -> bytes:
        """Bytes of a state; equal states give equal bytes."""
        return self._encoder.encode(state)

    def decode(self, data: bytes) -> SymbolState:
        """The state that :meth:`encode` wrote."""
        state = self._decode_state(data)
        state.inner = self._decode_inner(self._encoder.encode(state.inner))
        return state

    def step(
        self, state: SymbolState, frame: Frame, *, accept_hole: bool = False
    ) -> DimensionScore | None:
        """Fold one frame; a score if it is a tick. What was seen before is ignored.

        Raises :class:`SequenceHole` before anything changes if a frame is missing that the feed did
        not declare; ``accept_hole`` (the log really lacks it) goes on and taints the window.
        """
        epoch, seq = frame.epoch, frame.seq
        if epoch < state.epoch or (epoch == state.epoch and seq <= state.seq):
            return None
        if epoch != state.epoch or seq != state.seq + 1 or frame.quality.declared_hole:
            self._check_continuity(state, frame, accept_hole=accept_hole)
        state.epoch, state.seq = epoch, seq
        if frame.close_ns <= state.close_ns:
            return None  # a feed that started anew repeats an interval; time does not
        state.close_ns = frame.close_ns
        fitness = state.fitness.update(frame)
        self.dimension.fold(state.inner, frame)
        return self._score(state, frame, fitness) if frame.is_tick else None

    def backfill(self, state: SymbolState, history: Backfill) -> None:
        """Give the dimension history; what the machine itself knows of the log stays as it was."""
        self.dimension.backfill(state.inner, history)

    def learn(self, state: SymbolState, series: Series) -> None:
        """Give the dimension values of a series."""
        self.dimension.learn(state.inner, series)

    def apply(self, state: SymbolState, frame: Frame) -> list[Message]:
        """Fold one frame of a log that lacks nothing more: what it gives, holes as alerts."""
        try:
            score = self.step(state, frame)
            found: list[Message] = []
        except SequenceHole as hole:
            text = f"{self.name}: {hole}; the log lacks it, so the window is tainted"
            at = (frame.venue, frame.symbol, frame.close_ns)
            found = [Alert(*at, f"sequence_hole:{self.name}", Severity.WARNING, text)]
            score = self.step(state, frame, accept_hole=True)
        return found if score is None else [*found, score]

    @staticmethod
    def _check_continuity(state: SymbolState, frame: Frame, *, accept_hole: bool) -> None:
        declared = frame.quality.declared_hole
        if state.epoch == frame.epoch and frame.seq != state.seq + 1 + declared:
            if not accept_hole:
                raise SequenceHole(
                    f"{frame.key}: frame {frame.epoch}/{frame.seq} follows "
                    f"{state.epoch}/{state.seq}; rewind to read what is missing"
                )
            state.tainted = True
        if declared:
            state.tainted = True

    def _score(self, state: SymbolState, frame: Frame, fitness: float) -> DimensionScore:
        readings = self.dimension.read(state.inner, frame)
        components, contributions, covered = self._weigh(readings)
        score = None
        if contributions:
            score = clamp(NEUTRAL + math.fsum(contributions), 0.0, 100.0)
        return DimensionScore(
            frame.venue,
            frame.symbol,
            self.name,
            frame.close_ns,
            frame.epoch,
            frame.seq,
            score,
            math.fsum(covered) / self._total_weight,
            fitness,
            mid_price(frame),
            tuple(components),
            state.tainted or self.dimension.is_tainted(state.inner),
            state.fitness.named(),
        )

    def _weigh(
        self, readings: Sequence[Reading]
    ) -> tuple[list[ComponentReading], list[float], list[float]]:
        """Every component; and of those that are ready contribution and covered weight."""
        components, contributions, covered = [], [], []
        weights, shares = self._weights, self._shares_of(readings)
        for reading in readings:
            name, score = reading.name, reading.score
            if score is None:
                components.append(ComponentReading(name, None, 0.0, 0.0, 0.0, reading.raw))
                continue
            whole, bonus, share = score, reading.divergence, shares[name]
            if bonus:
                if not -MAX_DIVERGENCE <= bonus <= MAX_DIVERGENCE:
                    bonus = clamp(bonus, -MAX_DIVERGENCE, MAX_DIVERGENCE)
                whole = score + bonus
                if not 0.0 <= whole <= 100.0:
                    whole = clamp(whole, 0.0, 100.0)
            contribution = share * (whole - NEUTRAL)
            contributions.append(contribution)
            covered.append(weights[name] * reading.coverage)
            components.append(
                ComponentReading(name, score, share, contribution, bonus, reading.raw)
            )
        return components, contributions, covered

    def _shares_of(self, readings: Sequence[Reading]) -> Mapping[str, float]:
        """Weights of the components that are ready, over the sum of them."""
        ready = [reading.name for reading in readings if reading.score is not None]
        if len(ready) == len(self._weights):
            return self._shares
        total = math.fsum([self._weights[name] for name in ready])
        return {name: self._weights[name] / total for name in ready}


def mid_price(frame: Frame) -> float | None:
    """Mid of the frame's close from its book, ``None`` without both sides."""
    book = frame.book
    if book is None or not book.bid_price or not book.ask_price:
        return None
    return (book.bid_price[0] + book.ask_price[0]) / 2 * frame.price_unit
