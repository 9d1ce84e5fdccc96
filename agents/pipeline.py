"""The whole of what decides, as one synchronous object: frame in, records out.

Dimensions, join and account are the same objects that the agents run over a broker; a test holds
the two against each other. Frames of several symbols come in the order (close, venue, symbol).
"""

from __future__ import annotations

from typing import NamedTuple

from agents.confluence.join import Join, JoinState
from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine, SymbolState
from agents.execution.account import Account, AccountState
from schemas.alert import Alert, Severity
from schemas.errors import SequenceHole
from schemas.frame import Frame, Instrument, Message
from schemas.order import Fill, Order, Position
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings
from schemas.signal import Signal
from schemas.topics import (
    ALERTS,
    CONFLUENCE_SCORES,
    DIMENSION_SCORES,
    FILLS,
    ORDERS,
    POSITIONS,
    SIGNALS,
    Topic,
)


class Record(NamedTuple):
    """One message and the topic it belongs to."""

    topic: Topic
    message: Message


_TOPIC_OF: dict[type[Message], Topic] = {
    DimensionScore: DIMENSION_SCORES,
    ConfluenceScore: CONFLUENCE_SCORES,
    Signal: SIGNALS,
    Order: ORDERS,
    Fill: FILLS,
    Position: POSITIONS,
    Alert: ALERTS,
}


def record_of(message: Message) -> Record:
    """A decided message with its topic."""
    return Record(_TOPIC_OF[type(message)], message)


class Pipeline:
    """Runs the enabled dimensions, the join and the account over frames, in this thread.

    >>> from schemas.settings import Settings
    >>> Pipeline(Settings(dimensions={"enabled": ("orderbook",)})).account_state.equity()
    Decimal('100000')
    """

    def __init__(self, settings: Settings) -> None:
        names = sorted(settings.dimensions.enabled)
        options = settings.dimensions.options
        self._machines = [
            DimensionMachine(registry.create(name, options.get(name, {}))) for name in names
        ]
        self._states: dict[tuple[str, str], SymbolState] = {}
        self._join = Join(settings)
        self._join_states: dict[str, JoinState] = {}
        self._account = Account(settings)
        self.account_state: AccountState = self._account.initial()

    def process(self, message: Frame | Instrument) -> list[Record]:
        """Take the next message of the log; everything that is decided by it, in order."""
        if isinstance(message, Instrument):
            self._account.learn(self.account_state, message)
            return []
        decided: list[Message] = []
        signal = None
        for machine in self._machines:
            score = self._fold(machine, message, decided)
            if score is None:
                continue
            decided.append(score)
            state = self._join_states.setdefault(message.key, JoinState())
            joined = self._join.step(state, score)
            decided.extend(joined)
            signal = next((m for m in joined if isinstance(m, Signal)), signal)
        decided.extend(self._account.step(self.account_state, message, signal))
        return [record_of(m) for m in decided]

    def _fold(
        self, machine: DimensionMachine, frame: Frame, decided: list[Message]
    ) -> DimensionScore | None:
        state = self._states.get((machine.name, frame.key))
        if state is None:
            state = self._states[machine.name, frame.key] = machine.initial()
        try:
            return machine.step(state, frame)
        except SequenceHole as hole:
            text = f"{machine.name}: {hole}; the log lacks it, so the window is tainted"
            at = (frame.venue, frame.symbol, frame.close_ns)
            decided.append(Alert(*at, "sequence_hole", Severity.WARNING, text))
            return machine.step(state, frame, accept_hole=True)
