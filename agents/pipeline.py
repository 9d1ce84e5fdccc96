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
from agents.overview.overview import Overview, OverviewState
from schemas.control import Command, Flatten, Halt, Resume
from schemas.frame import Backfill, Frame, Instrument, Message
from schemas.score import ConfluenceScore, DimensionScore
from schemas.series import Series
from schemas.settings import Settings
from schemas.signal import Signal
from schemas.topics import Topic, topic_of


class Record(NamedTuple):
    """One message and the topic it belongs to."""

    topic: Topic
    message: Message


class Pipeline:
    """Runs the enabled dimensions, the join, the account and, if enabled, the market overview.

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
        self._seen: dict[str, tuple[int, int]] = {}
        self._closed_ns: dict[str, int] = {}
        self._join = Join(settings)
        self._join_states: dict[str, JoinState] = {}
        self._account = Account(settings)
        self.account_state: AccountState = self._account.initial()
        self._overview = Overview(settings) if settings.overview.enabled else None
        self._overview_state = OverviewState()

    def process(self, message: Frame | Instrument | Backfill | Series | Command) -> list[Record]:
        """Take the next message of the log; everything that is decided by it, in order.

        A command may come any time before the frames for which it holds.
        """
        match message:
            case Frame():
                return [Record(topic_of(m), m) for m in self._decide(message)]
            case Instrument():
                self._account.learn(self.account_state, message)
                if self._overview is not None:
                    self._overview.learn(self._overview_state, message)
            case Backfill():
                self._account.recall(self.account_state, message)
                for machine in self._machines:
                    machine.backfill(self._state(machine, message), message)
            case Series():
                for machine in self._machines:
                    machine.learn(self._state(machine, message), message)
            case Halt() | Resume() | Flatten():
                if message.account == self._account.id:
                    self._account.command(self.account_state, message)
        return []

    def _decide(self, frame: Frame) -> list[Message]:
        at = (frame.epoch, frame.seq)
        if at <= self._seen.get(frame.key, (-1, -1)):
            return []  # of a feed that another one has succeeded, or seen before
        self._seen[frame.key] = at
        decided: list[Message] = []
        signal = score = None
        repeated = frame.close_ns <= self._closed_ns.get(frame.key, -1)
        for machine in self._machines:
            for given in machine.apply(self._state(machine, frame), frame):
                decided.append(given)
                if not isinstance(given, DimensionScore):
                    continue
                joined = self._join.step(self._join_state(frame), given) or ()
                decided.extend(joined)
                signal = next((m for m in joined if isinstance(m, Signal)), signal)
                score = next((m for m in joined if isinstance(m, ConfluenceScore)), score)
        if not repeated:
            self._closed_ns[frame.key] = frame.close_ns
            decided.extend(self._account.step(self.account_state, frame, signal, score))
            if self._overview is not None:
                decided.extend(self._overview.step(self._overview_state, frame))
        return decided

    def _state(self, machine: DimensionMachine, message: Frame | Backfill | Series) -> SymbolState:
        key = (machine.name, message.key)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = machine.initial()
        return state

    def _join_state(self, frame: Frame) -> JoinState:
        return self._join_states.setdefault(frame.key, JoinState())
