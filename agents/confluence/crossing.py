"""From scores to signals: thresholds with hysteresis, cool-down and a reliability floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from agents.confluence.thresholds import Thresholds
from schemas.confluence_settings import SignalsSettings
from schemas.frame import NS_PER_S
from schemas.score import NEUTRAL
from schemas.signal import SignalKind


@dataclass
class CrossingState:
    """What has been asked for so far. ``stance`` is the side that the last signal left open."""

    stance: SignalKind = SignalKind.EXIT
    long_armed: bool = True
    short_armed: bool = True
    entered_ns: int | None = None


class Tick(msgspec.Struct):
    """What a tick is judged by."""

    score: float
    reliability: float
    tick_ns: int
    limits: Thresholds


class Zone(msgspec.Struct):
    """Scores from ``low`` (inclusive) up to the next zone: what is due, and whether it is given."""

    low: float
    due: SignalKind | None
    allowed: bool

    @property
    def outcome(self) -> SignalKind | None:
        """What a score in this zone gives."""
        return self.due if self.allowed else None


Zones = tuple[Zone, Zone, Zone]

_Due = tuple[float, SignalKind | None]


def zone_at(zones: Zones, score: float) -> int:
    """Which zone a score lies in."""
    return 2 if score >= zones[2].low else 1 if score >= zones[1].low else 0


class Verdict(msgspec.Struct):
    """A signal and its reason, or why a crossing gave none; ``None`` for both: nothing is due."""

    kind: SignalKind | None = None
    reason: str = ""
    withheld: str | None = None


NOTHING = Verdict()


class Crossing:
    """Decides when a score is a signal.

    A long fires at ``score >= long threshold`` if no long is open, and is armed again only after
    the score has fallen ``hysteresis`` points below the threshold; shorts are the mirror image. An
    open side is left when the score comes within ``exit_band`` of 50 on its own side, or past it.
    Entries keep ``cooldown_s`` of event time between them, and a side that would be turned round
    meanwhile is left; below ``reliability_floor`` nothing fires. So at any one tick the scores fall
    into three zones, each with one outcome.
    """

    def __init__(self, settings: SignalsSettings) -> None:
        self._settings = settings
        self._cooldown_ns = round(settings.cooldown_s * NS_PER_S)

    def zones(self, state: CrossingState, tick: Tick) -> Zones:
        """What each score would give at this tick, lowest scores first; changes nothing."""
        limits = tick.limits
        long = SignalKind.LONG if state.long_armed else None
        short = SignalKind.SHORT if state.short_armed else None
        out = SignalKind.EXIT
        rested = self._cooldown_left_ns(state, tick.tick_ns) <= 0
        above_short = math.nextafter(limits.short, math.inf)
        due: tuple[_Due, _Due, _Due]
        match state.stance:
            case SignalKind.EXIT:
                due = ((-math.inf, short), (above_short, None), (limits.long, long))
            case SignalKind.LONG:
                kept = max(
                    math.nextafter(NEUTRAL + self._settings.exit_band, math.inf), above_short
                )
                turned = short if short is not None and rested else out
                due = ((-math.inf, turned), (above_short, out), (kept, None))
            case SignalKind.SHORT:
                left = min(NEUTRAL - self._settings.exit_band, limits.long)
                turned = long if long is not None and rested else out
                due = ((-math.inf, None), (left, out), (limits.long, turned))
        trusted = tick.reliability >= self._settings.reliability_floor
        (low, bottom), (middle, inner), (high, top) = due
        return (
            Zone(low, bottom, trusted and (rested or bottom is out)),
            Zone(middle, inner, trusted and (rested or inner is out)),
            Zone(high, top, trusted and (rested or top is out)),
        )

    def judge(self, state: CrossingState, tick: Tick, zones: Zones) -> Verdict:
        """What a score gives, by the zones of its tick; sides that it is far from are armed."""
        score, limits = tick.score, tick.limits
        zone = zones[zone_at(zones, score)]
        if score < limits.long - self._settings.hysteresis:
            state.long_armed = True
        if score > limits.short + self._settings.hysteresis:
            state.short_armed = True
        if zone.due is None:
            return NOTHING
        if zone.allowed:
            return Verdict(zone.due, _reason(state.stance, zone.due, score, limits))
        floor = self._settings.reliability_floor
        if tick.reliability < floor:
            why = f"reliability {tick.reliability:.3f} is below the floor {floor:g}"
        else:
            left_ns = self._cooldown_left_ns(state, tick.tick_ns)
            why = f"cool-down, {left_ns / NS_PER_S:.1f} s left"
        return Verdict(withheld=f"{zone.due.value}: {why}")

    @staticmethod
    def take(state: CrossingState, kind: SignalKind, tick_ns: int) -> None:
        """The signal is given: remember where that leaves the symbol."""
        state.stance = kind
        if kind is SignalKind.EXIT:
            return
        state.entered_ns = tick_ns
        if kind is SignalKind.LONG:
            state.long_armed = False
        else:
            state.short_armed = False

    def _cooldown_left_ns(self, state: CrossingState, tick_ns: int) -> int:
        return 0 if state.entered_ns is None else state.entered_ns + self._cooldown_ns - tick_ns


def _reason(stance: SignalKind, due: SignalKind, score: float, limits: Thresholds) -> str:
    match due:
        case SignalKind.LONG:
            return f"score {score:.2f} at or above {limits.long:.4g}"
        case SignalKind.SHORT:
            return f"score {score:.2f} at or below {limits.short:.4g}"
        case SignalKind.EXIT:
            turned = "fell back" if stance is SignalKind.LONG else "rose back"
            return f"{stance.value}: score {turned} to {score:.2f}"
