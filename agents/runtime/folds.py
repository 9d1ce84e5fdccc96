"""The pure state machines as folds: over the messages of a topic, or over steps of all symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agents.confluence.join import Join, JoinState
from agents.dimensions.base import DimensionMachine, SymbolState
from agents.execution.account import Account, AccountState
from agents.execution.sequencer import Step
from agents.overview.overview import Overview, OverviewState
from schemas.control import Command
from schemas.frame import Backfill, Frame, Instrument, Message
from schemas.overview import OVERVIEW_READER
from schemas.score import DimensionScore
from schemas.series import Series
from schemas.settings import Settings
from schemas.topics import (
    CONFLUENCE_SCORES,
    MONITOR,
    ORDERS,
    PORTFOLIO,
    POSITIONS,
    SIGNALS,
    VENUE_REPORTS,
    Topic,
)
from schemas.venue import VenueReport


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


class OrderedFold(Protocol):
    """A state machine over steps, one state for all symbols."""

    name: str
    """Also the name of its table."""
    reader: str
    """Its key in the table, and the name to which control records are addressed."""
    verdicts: tuple[Topic, ...]
    """Topics of what it waits for on a tick: scores and signals, or nothing."""
    reports: tuple[Topic, ...]
    """Topics of what a real venue reports to it."""
    outputs: tuple[Topic, ...]
    """Topics of its own that it reads back, to know how far a predecessor came."""
    state_version: int
    """Grows when the encoding of the state changes."""
    may_begin_anew: bool
    """Whether a state of another version may be left; if not, the role refuses to start."""

    def initial(self) -> Any:
        """The state before the first step."""
        ...

    def learn(self, state: Any, instrument: Instrument) -> None:
        """Take the trading rules of a symbol."""
        ...

    def recall(self, state: Any, bars: Backfill) -> None:
        """Take history; it counts for frames that close after its ``known_ns``."""
        ...

    def command(self, state: Any, command: Command) -> None:
        """Take a command with the tick from which it holds."""
        ...

    def hear(self, state: Any, report: VenueReport) -> None:
        """Take what a real venue reports, with the tick from which it holds."""
        ...

    def agrees(self, state: Any) -> bool:
        """Whether it and its real venue agree, so that it may decide."""
        ...

    def last_run(self, state: Any) -> int:
        """Number of the last process that was heard of, 0 if there was none."""
        ...

    def step(self, state: Any, step: Step) -> Sequence[Message]:
        """Take one step; what it decides."""
        ...

    def encode(self, state: Any) -> bytes:
        """Bytes of a state."""
        ...

    def decode(self, data: bytes) -> Any:
        """The state that ``encode`` wrote."""
        ...


class AccountFold:
    """One account over frames with their signals."""

    name = "account"
    reports: tuple[Topic, ...]
    verdicts: tuple[Topic, ...] = (CONFLUENCE_SCORES, SIGNALS)
    outputs: tuple[Topic, ...] = (ORDERS, POSITIONS, PORTFOLIO, MONITOR)
    state_version = 16
    may_begin_anew = False

    def __init__(self, settings: Settings) -> None:
        self.reader = settings.account.id
        self.reports = (VENUE_REPORTS,) if settings.live.enabled else ()
        self._account = Account(settings)
        self.initial = self._account.initial
        self.learn = self._account.learn
        self.recall = self._account.recall
        self.command = self._account.command
        self.hear = self._account.hear
        self.last_run = self._account.last_run
        self.encode = self._account.encode
        self.decode = self._account.decode

    def agrees(self, state: AccountState) -> bool:
        """Whether its venue forbids nothing."""
        return self._account.unready(state) is None

    def step(self, state: AccountState, step: Step) -> Sequence[Message]:
        """Take one step; orders, fills and positions."""
        return self._account.step(state, step.frame, step.signal, step.score)


class OverviewFold:
    """The market overview over frames."""

    name = "overview"
    reader = OVERVIEW_READER
    verdicts: tuple[Topic, ...] = ()
    reports: tuple[Topic, ...] = ()
    outputs: tuple[Topic, ...] = ()
    state_version = 1
    may_begin_anew = True

    def __init__(self, settings: Settings) -> None:
        self._overview = Overview(settings)
        self.initial = self._overview.initial
        self.learn = self._overview.learn
        self.encode = self._overview.encode
        self.decode = self._overview.decode

    def recall(self, state: OverviewState, bars: Backfill) -> None:
        """It does without history."""

    def command(self, state: OverviewState, command: Command) -> None:
        """Nobody commands it."""

    def hear(self, state: OverviewState, report: VenueReport) -> None:
        """It trades nowhere."""

    def agrees(self, state: OverviewState) -> bool:  # noqa: ARG002 - it trades nowhere
        """Always."""
        return True

    def last_run(self, state: OverviewState) -> int:  # noqa: ARG002 - it trades nowhere
        """There is none."""
        return 0

    def step(self, state: OverviewState, step: Step) -> Sequence[Message]:
        """Take one step; the overview of an interval that it completes."""
        return self._overview.step(state, step.frame)
