"""The signal that a confluence score gives, with all that led to it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.confluence.raw import ATR, raw_value
from agents.confluence.trade_plan import trade_plan
from schemas.score import ConfluenceScore, DimensionScore
from schemas.settings import Settings
from schemas.signal import FrameRef, Signal, SignalKind, Validation, signal_id


class SignalMaker:
    """Writes signals of one account under one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.signals
        self._account = settings.account.id
        self._config_hash = settings.config_hash()

    def make(
        self,
        kind: SignalKind,
        result: ConfluenceScore,
        scores: Sequence[DimensionScore],
        *,
        price: float,
        score: float,
        reason: str,
        volatility: float,
        validation: Validation | None,
    ) -> Signal:
        """The signal of a tick; ``volatility`` is realised, in 1/sqrt(s)."""
        confidence = min(score / 100.0, 1.0)
        scale = 1.0 if validation is None else validation.scale
        return Signal(
            id=signal_id(result.venue, result.symbol, result.tick_ns, self._config_hash),
            account=self._account,
            venue=result.venue,
            symbol=result.symbol,
            tick_ns=result.tick_ns,
            epoch=result.epoch,
            seq=result.seq,
            kind=kind,
            price=price,
            score=score,
            reliability=result.reliability,
            confidence=confidence,
            strength=_strength(kind, confidence),
            risk_fraction=self._settings.risk_fraction * result.reliability * scale,
            long_threshold=result.long_threshold,
            short_threshold=result.short_threshold,
            contributions=result.contributions,
            config_hash=self._config_hash,
            reason=reason,
            regime=result.regime,
            reliability_parts=result.reliability_parts,
            threshold_moves=result.threshold_moves,
            frames=_frames(scores),
            plan=trade_plan(
                kind,
                price=price,
                atr=raw_value(scores, ATR),
                volatility=volatility,
                settings=self._settings,
            ),
            validation=validation,
            tainted=result.tainted,
        )


def _strength(kind: SignalKind, confidence: float) -> float:
    match kind:
        case SignalKind.LONG:
            return confidence
        case SignalKind.SHORT:
            return 1.0 - confidence
        case SignalKind.EXIT:
            return max(confidence, 1.0 - confidence)


def _frames(scores: Sequence[DimensionScore]) -> tuple[FrameRef, ...]:
    """The frames behind the scores, each once: one, unless a feed told an interval twice."""
    named = sorted({(s.venue, s.symbol, s.epoch, s.seq) for s in scores})
    return tuple(FrameRef(*frame) for frame in named)
