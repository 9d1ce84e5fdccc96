"""From scores to signals: thresholds with hysteresis, cool-down and a reliability floor."""

from __future__ import annotations

import msgspec

from schemas.frame import NS_PER_S
from schemas.score import NEUTRAL
from schemas.settings import SignalsSettings
from schemas.signal import SignalKind


class CrossingState(msgspec.Struct):
    """What has been asked for so far. ``stance`` is the side that the last signal left open."""

    stance: SignalKind = SignalKind.EXIT
    long_armed: bool = True
    short_armed: bool = True
    entered_ns: int | None = None


class Verdict(msgspec.Struct, frozen=True):
    """A signal, or the reason why a crossing gave none; both ``None`` when nothing is due."""

    kind: SignalKind | None = None
    reason: str | None = None
    withheld: str | None = None


NOTHING = Verdict()


class Crossing:
    """Decides when a score is a signal.

    A long fires at ``score >= long_threshold`` if no long is open, and is armed again only after
    the score has fallen ``hysteresis`` points below the threshold; shorts are the mirror image. An
    open side is left when the score comes within ``exit_band`` of 50 on its own side, or past it.
    Entries keep ``cooldown_s`` of event time between them; below ``reliability_floor`` nothing
    fires.
    """

    def __init__(self, settings: SignalsSettings) -> None:
        self._settings = settings
        self._cooldown_ns = round(settings.cooldown_s * NS_PER_S)

    def step(
        self, state: CrossingState, *, score: float, reliability: float, tick_ns: int
    ) -> Verdict:
        """Take one score into the state; what is due at this tick."""
        self._rearm(state, score)
        kind, reason = self._due(state, score)
        if kind is None:
            return NOTHING
        withheld = self._withheld(state, kind, reliability, tick_ns)
        if withheld is not None:
            return Verdict(withheld=withheld)
        state.stance = kind
        if kind is SignalKind.LONG:
            state.long_armed = False
        elif kind is SignalKind.SHORT:
            state.short_armed = False
        if kind is not SignalKind.EXIT:
            state.entered_ns = tick_ns
        return Verdict(kind=kind, reason=reason)

    def _rearm(self, state: CrossingState, score: float) -> None:
        limits = self._settings
        if score < limits.long_threshold - limits.hysteresis:
            state.long_armed = True
        if score > limits.short_threshold + limits.hysteresis:
            state.short_armed = True

    def _due(self, state: CrossingState, score: float) -> tuple[SignalKind | None, str]:
        limits = self._settings
        if score >= limits.long_threshold and state.stance is not SignalKind.LONG:
            if state.long_armed:
                return SignalKind.LONG, f"score {score:.2f} at or above {limits.long_threshold:g}"
        elif score <= limits.short_threshold and state.stance is not SignalKind.SHORT:
            if state.short_armed:
                return SignalKind.SHORT, f"score {score:.2f} at or below {limits.short_threshold:g}"
        elif state.stance is SignalKind.LONG and score <= NEUTRAL + limits.exit_band:
            return SignalKind.EXIT, f"long: score fell back to {score:.2f}"
        elif state.stance is SignalKind.SHORT and score >= NEUTRAL - limits.exit_band:
            return SignalKind.EXIT, f"short: score rose back to {score:.2f}"
        return None, ""

    def _withheld(
        self, state: CrossingState, kind: SignalKind, reliability: float, tick_ns: int
    ) -> str | None:
        floor = self._settings.reliability_floor
        if reliability < floor:
            return f"{kind.value}: reliability {reliability:.3f} is below the floor {floor:g}"
        if kind is SignalKind.EXIT or state.entered_ns is None:
            return None
        left_ns = state.entered_ns + self._cooldown_ns - tick_ns
        if left_ns > 0:
            return f"{kind.value}: cool-down, {left_ns / NS_PER_S:.1f} s left"
        return None
