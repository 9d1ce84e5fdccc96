"""The join: the scores of one symbol and tick become a confluence score, and a signal when due.

It never times out: a tick is decided once every enabled dimension has spoken, ticks in their order.
A score that stays away holds up its symbol (and an alert says so). What waits is bounded: a score
for which there is no room is refused, and its caller gives it again later.
"""

from __future__ import annotations

import msgspec

from agents.confluence.crossing import Crossing, CrossingState, Verdict
from agents.confluence.reliability import STABILITY_TICKS, reliability
from agents.confluence.weighting import confluence
from schemas.alert import Alert, Severity
from schemas.frame import Message
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings
from schemas.signal import Signal, signal_id

MOST_WAITING = 600
"""Undecided ticks of a symbol: ten minutes of one dimension running ahead of another."""


class JoinState(msgspec.Struct):
    """Of one symbol: undecided ticks, recent scores, where its signals stand.

    ``full`` holds from a refusal until nothing waits any more: ticks are refused in a row, so that
    none is missing among those that are taken later.
    """

    waiting: dict[int, dict[str, DimensionScore]] = msgspec.field(default_factory=dict)
    decided_ns: int = -1
    recent: list[float] = msgspec.field(default_factory=list)
    crossing: CrossingState = msgspec.field(default_factory=CrossingState)
    alerted_ns: int = -1
    full: bool = False


class Join:
    """Joins the scores of the enabled dimensions; the states are the caller's to keep."""

    def __init__(self, settings: Settings) -> None:
        self._names = tuple(sorted(settings.dimensions.enabled))
        weights = settings.weights.model_dump()
        self._weights = {name: float(weights[name]) for name in self._names}
        self._signals = settings.signals
        self._crossing = Crossing(settings.signals)
        self._account = settings.account.id
        self._config_hash = settings.config_hash()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(JoinState).decode

    def encode(self, state: JoinState) -> bytes:
        """Bytes of a state."""
        return self._encode(state)

    def decode(self, data: bytes) -> JoinState:
        """The state that :meth:`encode` wrote."""
        return self._decode(data)

    def step(self, state: JoinState, score: DimensionScore) -> list[Message] | None:
        """Take one score; what can be decided now, in tick order. Repeats are ignored.

        ``None``: refused, because :data:`MOST_WAITING` ticks wait; give it again, and all that
        comes after it, once :attr:`JoinState.full` is over.
        """
        if score.tick_ns <= state.decided_ns or score.dimension not in self._weights:
            return []
        waiting = state.waiting
        if score.tick_ns not in waiting and (state.full or len(waiting) >= MOST_WAITING):
            state.full = True
            return None
        waiting.setdefault(score.tick_ns, {}).setdefault(score.dimension, score)
        if len(waiting[score.tick_ns]) < len(self._names):
            oldest = min(waiting) if len(waiting) == MOST_WAITING else None
            return [] if oldest is None else self._alert_once(state, oldest, waiting[oldest])
        decided = self._decide_complete(state)
        state.full = state.full and bool(waiting)
        return decided

    def _decide_complete(self, state: JoinState) -> list[Message]:
        decided: list[Message] = []
        for tick_ns in sorted(state.waiting):
            spoken = state.waiting[tick_ns]
            if len(spoken) < len(self._names):
                decided.extend(self._alert_once(state, tick_ns, spoken))
                break
            decided.extend(self._decide(state, [spoken[name] for name in self._names]))
            del state.waiting[tick_ns]
            state.decided_ns = tick_ns
        return decided

    def _alert_once(
        self, state: JoinState, tick_ns: int, spoken: dict[str, DimensionScore]
    ) -> list[Message]:
        if state.alerted_ns == tick_ns:
            return []
        state.alerted_ns = tick_ns
        one = next(iter(spoken.values()))
        missing = ", ".join(name for name in self._names if name not in spoken)
        text = (
            f"no score of {missing} although later ticks have come; "
            f"{one.key} gives no signals until it comes: check that worker"
        )
        return [
            Alert(one.venue, one.symbol, tick_ns, "missing_score", Severity.CRITICAL, text),
        ]

    def _decide(self, state: JoinState, scores: list[DimensionScore]) -> list[Message]:
        first = scores[0]
        value, contributions = confluence(scores, self._weights)
        if value is not None:
            state.recent = [*state.recent, value][-STABILITY_TICKS:]
        trust, parts = reliability(scores, contributions, self._weights, state.recent)
        verdict = self._verdict(state, value, trust, first)
        limits = self._signals
        id_ = None
        if verdict.kind is not None:
            id_ = signal_id(first.venue, first.symbol, first.tick_ns, self._config_hash)
        result = ConfluenceScore(
            venue=first.venue,
            symbol=first.symbol,
            tick_ns=first.tick_ns,
            epoch=first.epoch,
            seq=first.seq,
            score=value,
            reliability=trust,
            price=first.price,
            contributions=contributions,
            reliability_parts=parts,
            long_threshold=limits.long_threshold,
            short_threshold=limits.short_threshold,
            signal_id=id_,
            withheld=verdict.withheld,
            tainted=any(s.tainted for s in scores),
        )
        signal = self._signal(result, verdict)
        return [result] if signal is None else [result, signal]

    def _verdict(
        self, state: JoinState, value: float | None, trust: float, first: DimensionScore
    ) -> Verdict:
        if value is None:
            return Verdict()
        if first.price is None:
            return Verdict(withheld="no two-sided book, so no price to act on")
        return self._crossing.step(
            state.crossing, score=value, reliability=trust, tick_ns=first.tick_ns
        )

    def _signal(self, result: ConfluenceScore, verdict: Verdict) -> Signal | None:
        if verdict.kind is None or result.score is None or result.price is None:
            return None
        confidence = min(result.score / 100.0, 1.0)
        return Signal(
            id=str(result.signal_id),
            account=self._account,
            venue=result.venue,
            symbol=result.symbol,
            tick_ns=result.tick_ns,
            epoch=result.epoch,
            seq=result.seq,
            kind=verdict.kind,
            price=result.price,
            score=result.score,
            reliability=result.reliability,
            confidence=confidence,
            strength=max(confidence, 1.0 - confidence),
            risk_fraction=self._signals.risk_fraction * result.reliability,
            long_threshold=result.long_threshold,
            short_threshold=result.short_threshold,
            contributions=result.contributions,
            config_hash=self._config_hash,
            reason=str(verdict.reason),
        )
