"""The readings of the sentiment dimension: each component's score, and the values behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.dimensions.base import Reading
from agents.dimensions.sentiment_state import SentimentState
from agents.dimensions.timeframes import WEIGHTS, Combined, combine
from agents.indicators.bar import Bar
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.blend import blend, blend_ready, ready_share, score, scores, squash
from agents.indicators.funding import HOURS_PER_YEAR
from agents.indicators.leverage import maintenance_reach, margin_used
from agents.indicators.mood import MoodView
from agents.indicators.outside_mood import OutsideMood
from schemas.frame import NS_PER_S

DAY_BARS = 6
"""Closed bars of which a day's volume is told: one day of 4h, or half an hour of 5m at first."""

MINUTES_PER_DAY = 1_440.0

_ALL = [1.0] * len(TIMEFRAMES)

_Parts = tuple[tuple[float, float | None], ...]


def _names(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{timeframe}" for timeframe, _ in TIMEFRAMES)


_TAKERS, _COUNTS, _IMPACT = _names("taker_balance"), _names("trade_balance"), _names("price_impact")
_VOLATILITY, _MOMENTUM = _names("mood_volatility"), _names("mood_momentum")
_VOLUME, _TREND = _names("mood_volume"), _names("mood_trend")


def crowd_side(state: SentimentState, now_ns: int) -> float | None:
    """Side of the leveraged crowd in [-1, 1], from funding and the ratio; ``None`` without both."""
    annual = None if state.funding.heard.fresh(now_ns) is None else state.funding.annual
    funded = None if annual is None else annual / 0.30
    return blend(((0.5, squash(funded)), (0.5, squash(state.ratio.crowding(now_ns), gain=0.5))))


def long_short_ratio(state: SentimentState, now_ns: int) -> Reading:
    """Crowding of the accounts."""
    ratio = state.ratio
    crowding = ratio.crowding(now_ns)
    raw = _known(
        ("long_short_ratio", ratio.heard.fresh(now_ns)),
        ("long_short_standing", crowding),
        ("long_short_persistence", None if crowding is None else ratio.persistence),
    )
    return Reading("long_short_ratio", score(ratio.lean(now_ns)), raw)


def funding(state: SentimentState, now_ns: int) -> Reading:
    """Level and momentum of the funding rate, with the premium that it will be made of."""
    rate = state.funding
    premium = squash(state.premium.fresh(now_ns), gain=0.6)
    fresh = rate.heard.fresh(now_ns) is not None
    annual = rate.annual if fresh else None
    raw = _known(
        ("funding_rate", rate.heard.fresh(now_ns)),
        ("funding_hourly", None if annual is None else annual / HOURS_PER_YEAR),
        ("funding_annual", annual),
        ("funding_period_h", rate.period_h if fresh else None),
        ("funding_momentum", rate.momentum if fresh else None),
        ("premium_standing", state.premium.fresh(now_ns)),
    )
    lean = rate.lean(now_ns, premium=premium)
    coverage = ready_share(((0.6, 0.0), (0.25, rate.momentum), (0.15, premium)))
    return Reading("funding", score(lean), raw, coverage=coverage)


def funding_volatility(state: SentimentState, now_ns: int) -> Reading:
    """Against a rate that runs away from its habit."""
    rate = state.funding
    raw = _known(
        ("funding_deviation", rate.habit.value),
        ("funding_acceleration", rate.acceleration),
        ("funding_stability", rate.stability),
    )
    return Reading("funding_volatility", score(rate.instability(now_ns)), raw)


def liquidations(state: SentimentState, now_ns: int) -> Reading:
    """The run of forced closes, and what follows it."""
    run, now = state.run, state.run.now
    normal = run.normal
    raw = _known(
        ("liquidated_longs", now.longs),
        ("liquidated_shorts", now.shorts),
        ("liquidations_normal", None if normal is None else normal[0]),
        ("liquidation_side", now.value),
        ("exhaustion", run.exhaustion),
        ("cascade", 1.0 if now.on else 0.0),
        ("period_longs", state.periods.longs.heard.fresh(now_ns)),
        ("period_shorts", state.periods.shorts.heard.fresh(now_ns)),
    )
    lean = blend(((0.7, run.lean(normal)), (0.3, state.periods.lean(now_ns))))
    return Reading("liquidations", score(lean), raw)


def volume_sentiment(state: SentimentState, bars: Sequence[Bar | None], *, apart: float) -> Reading:
    """Who takes, by volume and by number, and where that moves the price; ``bars`` are forming."""
    parts: list[_Parts] = []
    raw: list[tuple[str, float]] = []
    for rank, takers in enumerate(state.takers):
        balance, impact = takers.peek(bars[rank])
        count = state.counts[rank].value
        if balance is None and impact is None:
            count = None  # the timeframe is not there yet
        parts.append(
            (
                (0.4, squash(balance, gain=2.5)),
                (0.4, squash(count, gain=2.5)),
                (0.2, squash(impact, gain=2.5)),
            )
        )
        if balance is not None:
            raw.append((_TAKERS[rank], balance))
        if count is not None:
            raw.append((_COUNTS[rank], count))
        if impact is not None:
            raw.append((_IMPACT[rank], impact))
    whole = _over_timeframes(parts, apart=apart)
    return Reading("volume_sentiment", whole.score, tuple(raw), whole.divergence, whole.coverage)


def market_mood(
    moods: Sequence[MoodView], outside: OutsideMood, now_ns: int, *, apart: float
) -> Reading:
    """The mood of the bars, and of the world outside as far as it was heard."""
    whole = _over_timeframes([mood.parts for mood in moods], apart=apart)
    parts = outside.parts(now_ns)
    bars = None if whole.score is None else whole.score / 50.0 - 1.0
    lean = None if bars is None else blend(((0.6, bars), *parts))
    raw = list(
        _known(
            ("fear_greed", outside.fear_greed.fresh(now_ns)),
            ("fear_greed_lean", parts[0][1]),
            ("news_lean", parts[1][1]),
            ("social_lean", parts[2][1]),
        )
    )
    for rank, mood in enumerate(moods):
        if mood.volatility is not None:
            raw.append((_VOLATILITY[rank], mood.volatility))
        if mood.momentum is not None:
            raw.append((_MOMENTUM[rank], mood.momentum))
        if mood.volume is not None:
            raw.append((_VOLUME[rank], mood.volume))
        if mood.trend is not None:
            raw.append((_TREND[rank], mood.trend))
    share = 0.6 / math.fsum([0.6, *(weight for weight, part in parts if part is not None)])
    bonus = whole.divergence * share
    return Reading("market_mood", score(lean), tuple(raw), bonus, whole.coverage)


def risk(
    state: SentimentState,
    moods: Sequence[MoodView],
    now_ns: int,
    *,
    crowd: float | None,
    leverage: float,
    maintenance: float,
) -> Reading:
    """Against the side of the crowd, by how much it has at stake."""
    margin = reach = None
    for mood, (_, minutes) in zip(reversed(moods), reversed(TIMEFRAMES), strict=True):
        if mood.atr is None or mood.gap is None:
            continue
        day_range = mood.atr * math.sqrt(MINUTES_PER_DAY / minutes)
        reach = maintenance_reach(day_range, mood.close, leverage=leverage, rate=maintenance)
        if crowd is not None:
            margin = margin_used(mood.gap, mood.close, crowd=crowd, leverage=leverage)
        break  # the longest timeframe that is ready counts
    volume = day_volume(state.bars)
    level = state.interest.leverage(now_ns, day_volume=volume)
    parts = ((0.4, level), (0.3, margin), (0.3, reach))
    raw = _known(
        ("open_interest", state.interest.heard.fresh(now_ns)),
        ("open_interest_growth", state.interest.growth(now_ns)),
        ("day_volume", volume),
        ("leverage", level),
        ("margin_used", margin),
        ("maintenance_reach", reach),
        ("crowd_side", crowd),
        ("assumed_leverage", leverage),
        ("assumed_maintenance", maintenance),
    )
    size = blend(parts)
    if size is None or (level is None and crowd is None):
        return Reading("risk", None, raw)  # nothing says that this market has leverage
    lean = 0.0 if crowd is None else -crowd * size
    return Reading("risk", score(lean), raw, coverage=ready_share(parts))


def day_volume(bars: MarketBars) -> float | None:
    """Volume of a day, from the last six closed bars of the longest timeframe that has them."""
    for series in reversed(bars.series[1:]):
        if len(series.closed) >= DAY_BARS:
            volume = math.fsum([bar.volume for bar in series.closed[-DAY_BARS:]])
            return volume * (MINUTES_PER_DAY * 60 * NS_PER_S) / (DAY_BARS * series.period_ns)
    return None


def _over_timeframes(parts: Sequence[_Parts], *, apart: float) -> Combined:
    """Parts by timeframe combined; the coverage counts the parts that are not ready, too."""
    found = [blend_ready(part) for part in parts]
    whole = combine(scores([lean for lean, _ in found]), threshold=apart)
    shares = [share for _, share in found]
    if shares == _ALL:
        return whole
    held = ready = 0.0
    for weight, share in zip(WEIGHTS, shares, strict=True):
        if share > 0.0:
            held += weight * share
            ready += weight
    coverage = whole.coverage * (held / ready if ready > 0.0 else shares[0])
    return Combined(whole.score, whole.divergence, coverage)


def _known(*pairs: tuple[str, float | None]) -> tuple[tuple[str, float], ...]:
    """The pairs that have a value."""
    return tuple([(name, value) for name, value in pairs if value is not None])
