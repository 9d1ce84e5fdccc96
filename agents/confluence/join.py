"""The join: the scores of one symbol and tick become a confluence score, and a signal when due.

It never times out: a tick is decided once every enabled dimension has spoken, ticks in their order.
A score that stays away holds up its symbol (and an alert says so). What waits is bounded: a score
for which there is no room is refused, and its caller gives it again later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from agents.confluence.adaptation import Adaptation, AdaptationState
from agents.confluence.crossing import NOTHING, Crossing, CrossingState, Tick, Verdict
from agents.confluence.flip import smallest_flip
from agents.confluence.raw import (
    RELATIVE_DEPTH,
    RELATIVE_SPREAD,
    RELATIVE_VOLUME,
    raw_value,
)
from agents.confluence.reliability import STABILITY_TICKS, reliability
from agents.confluence.signals import SignalMaker
from agents.confluence.thresholds import poverty, thresholds_in_force
from agents.confluence.validation import PassThrough, Validator
from agents.confluence.weighting import confluence
from schemas.alert import Alert, Severity
from schemas.frame import Message
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings
from schemas.signal import SignalKind

MOST_WAITING = 600
"""Undecided ticks of a symbol: ten minutes of one dimension running ahead of another."""

_TAINTED = attrgetter("tainted")


@dataclass
class JoinState:
    """Of one symbol: undecided ticks, recent scores, where its signals and weights stand.

    ``full`` holds from a refusal until nothing waits any more: ticks are refused in a row, so that
    none is missing among those that are taken later.
    """

    waiting: dict[int, dict[str, DimensionScore]] = field(default_factory=dict)
    decided_ns: int = -1
    recent: list[float] = field(default_factory=list)
    crossing: CrossingState = field(default_factory=CrossingState)
    alerted_ns: int = -1
    adaptation: AdaptationState = field(default_factory=AdaptationState)
    full: bool = False


class Join:
    """Joins the scores of the enabled dimensions; the states are the caller's to keep."""

    def __init__(self, settings: Settings, *, validator: Validator | None = None) -> None:
        self._names = tuple(sorted(settings.dimensions.enabled))
        weights = settings.weights.model_dump()
        self._weights = {name: float(weights[name]) for name in self._names}
        self._settings = settings
        self._adaptation = Adaptation(self._weights, settings.regime)
        self._validator = validator or PassThrough()
        self._crossing = Crossing(settings.signals)
        self._signals = SignalMaker(settings)
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
        spoken = waiting.get(score.tick_ns)
        if spoken is None:
            if state.full or len(waiting) >= MOST_WAITING:
                state.full = True
                return None
            spoken = waiting[score.tick_ns] = {}
        spoken.setdefault(score.dimension, score)
        if len(spoken) < len(self._names):
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
        at = state.adaptation
        changes = self._adaptation.step(at, scores, price=first.price, tick_ns=first.tick_ns)
        value, contributions = confluence(scores, self._weights, at.multipliers)
        if value is not None:
            state.recent.append(value)
            if len(state.recent) > STABILITY_TICKS:
                del state.recent[0]
        trust, parts = reliability(scores, contributions, self._weights, state.recent)
        limits = thresholds_in_force(
            self._settings.signals,
            self._settings.thresholds,
            volatility=at.volatility_ratio,
            volume=raw_value(scores, RELATIVE_VOLUME),
            liquidity=poverty(
                spread=raw_value(scores, RELATIVE_SPREAD), depth=raw_value(scores, RELATIVE_DEPTH)
            ),
        )
        verdict, flip = NOTHING, None
        if value is not None and first.price is None:
            verdict = Verdict(withheld="no two-sided book, so no price to act on")
        elif value is not None:
            tick = Tick(value, trust, first.tick_ns, limits)
            zones = self._crossing.zones(state.crossing, tick)
            flip = smallest_flip(value, zones, scores, contributions)
            verdict = self._crossing.judge(state.crossing, tick, zones)
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
            long_threshold=limits.long,
            short_threshold=limits.short,
            withheld=verdict.withheld,
            tainted=any(map(_TAINTED, scores)),
            regime=at.regime,
            threshold_moves=limits.moves,
            changes=changes,
            flip=flip,
        )
        return self._give(state, result, verdict, scores)

    def _give(
        self,
        state: JoinState,
        result: ConfluenceScore,
        verdict: Verdict,
        scores: list[DimensionScore],
    ) -> list[Message]:
        """The score and, unless the model vetoes it, the signal that is due.

        An entry that would have turned an open side round and is vetoed leaves that side.
        """
        kind, reason, validation = verdict.kind, verdict.reason, None
        score, price = result.score, result.price
        if kind is None or score is None or price is None:
            return [result]
        if kind is not SignalKind.EXIT:
            validation = self._validator.validate(kind, result)
            if validation.veto is not None:
                why = f"{kind.value}: vetoed by {validation.model}: {validation.veto}"
                result = msgspec.structs.replace(result, withheld=why)
                if state.crossing.stance is SignalKind.EXIT:
                    return [result]
                kind, reason, validation = SignalKind.EXIT, f"{reason}, but {why}", None
        self._crossing.take(state.crossing, kind, result.tick_ns)
        signal = self._signals.make(
            kind,
            result,
            scores,
            price=price,
            score=score,
            reason=reason,
            volatility=state.adaptation.market.long.value,
            validation=validation,
        )
        return [msgspec.structs.replace(result, signal_id=signal.id), signal]
