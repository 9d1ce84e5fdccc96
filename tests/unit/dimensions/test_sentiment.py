"""The sentiment dimension: what makes it ready, what moves it, and the day bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.pipeline import Pipeline
from agents.runtime.folds import DimensionFold
from schemas.errors import SettingsError
from schemas.frame import NS_PER_S, Backfill, Derivatives, Frame, Known, Liquidations
from schemas.score import DimensionScore
from schemas.series import Series, SeriesName
from schemas.settings import Settings
from tests.support.bars import MINUTE_NS, chance_table, history, trade_frame, walk
from tests.support.played import machine, play, raw_of, scores_of
from tests.support.series import series

HOUR_NS = 3_600 * NS_PER_S
END_NS = 60 * 240 * MINUTE_NS
KEY = ("generated", "TEST/USDT")


def last(messages: Iterable[Frame | Backfill | Series], **options: float) -> DimensionScore:
    return play(machine("sentiment", **options), messages)[0][-1]


def told(name: SeriesName, values: Sequence[float], *, step_ns: int, end_ns: int) -> Series:
    """Values at even distances, the last of them at ``end_ns``."""
    first_ns = end_ns - (len(values) - 1) * step_ns
    return series(name, [(first_ns + i * step_ns, v) for i, v in enumerate(values)], key=KEY)


def past() -> list[Backfill]:
    """Bars of every timeframe up to ``END_NS``, coarsest first."""
    table = chance_table(60, 2)
    return [
        history(table, minutes=m, start_ns=END_NS - 60 * m * MINUTE_NS) for m in (240, 15, 5, 1)
    ]


def with_derivatives(frame: Frame, **known: float) -> Frame:
    """The frame with values that are known since its close."""
    given = {name: Known(round(value * 1e8), 8, frame.close_ns) for name, value in known.items()}
    derivatives = msgspec.structs.replace(frame.derivatives, **given)
    return msgspec.structs.replace(frame, derivatives=derivatives)


def test_spot_has_takers_and_a_mood_and_nothing_else() -> None:
    score = last([*past(), *[trade_frame(END_NS + i, 10_000, seq=i + 1) for i in range(3)]])
    ready = {name for name, value in scores_of(score).items() if value is not None}
    assert ready == {"volume_sentiment", "market_mood"}
    assert score.coverage < 0.25


def test_the_weight_of_what_is_not_ready_is_spread() -> None:
    score = last([*past(), trade_frame(END_NS, 10_000)])
    weights = {part.name: part.weight for part in score.components}
    assert weights["volume_sentiment"] == pytest.approx(0.10 / 0.25)
    assert weights["market_mood"] == pytest.approx(0.15 / 0.25)


def test_history_that_does_not_say_who_took_has_no_taker_balance() -> None:
    raw = raw_of(last([*past(), trade_frame(END_NS, 10_000)]))
    assert {"price_impact_4h", "price_impact_1m"} <= raw.keys()
    assert not any(name.startswith("taker_balance") for name in raw)


def test_takers_are_balanced_from_the_first_bar_after_history_on() -> None:
    known = END_NS + 30 * MINUTE_NS
    longest = msgspec.structs.replace(
        history(chance_table(61, 2), minutes=240, start_ns=END_NS - 60 * 240 * MINUTE_NS),
        known_ns=known,
    )
    live = [trade_frame(known + i * MINUTE_NS, 10_000, seq=i + 1) for i in range(12)]
    raw = raw_of(last([longest, *live]))
    assert "taker_balance_1m" in raw
    assert "taker_balance_4h" not in raw


def test_history_that_says_who_took_gives_a_balance() -> None:
    sided = [
        msgspec.structs.replace(bars, taker_buy_volume=tuple(0.8 * v for v in bars.volume))
        for bars in past()
    ]
    score = last([*sided, trade_frame(END_NS, 10_000)])
    assert raw_of(score)["taker_balance_4h"] == pytest.approx(
        0.6, abs=0.02
    )  # the newest trade bought
    assert (scores_of(score)["volume_sentiment"] or 0.0) > 60.0


def test_a_trend_with_its_takers_makes_a_good_mood() -> None:
    up = [trade_frame(i * MINUTE_NS, 10_000 + 3 * i, seq=i + 1) for i in range(400)]
    rose = scores_of(last(up))
    fell = scores_of(
        last([trade_frame(i * MINUTE_NS, 10_000 - 3 * i, seq=i + 1) for i in range(400)])
    )
    assert (rose["market_mood"] or 0.0) > 70.0
    assert (fell["market_mood"] or 100.0) < 30.0


def test_fear_and_greed_news_and_social_enter_the_mood_when_they_come() -> None:
    frame = trade_frame(END_NS, 10_000)
    plain = last([*past(), frame])
    for name, value in (
        (SeriesName.FEAR_GREED, 70.0),
        (SeriesName.NEWS, 0.9),
        (SeriesName.SOCIAL, 0.5),
    ):
        said = told(name, [value], step_ns=1, end_ns=END_NS)
        score = last([*past(), said, frame])
        mood, before = scores_of(score)["market_mood"], scores_of(plain)["market_mood"]
        assert mood is not None
        assert before is not None
        assert mood > before, name
        assert score.coverage == pytest.approx(plain.coverage)


def test_extreme_greed_worsens_the_mood() -> None:
    frame = trade_frame(END_NS, 10_000)

    def mood(index: float) -> float:
        said = told(SeriesName.FEAR_GREED, [index], step_ns=1, end_ns=END_NS)
        return scores_of(last([*past(), said, frame]))["market_mood"] or 0.0

    assert mood(97.0) < mood(50.0) < mood(70.0)
    assert mood(3.0) > mood(50.0) > mood(30.0)


def test_an_index_alone_is_no_mood() -> None:
    said = told(SeriesName.FEAR_GREED, [70.0], step_ns=1, end_ns=0)
    assert scores_of(last([said, trade_frame(0, 10_000)]))["market_mood"] is None


def test_funding_that_falls_silent_is_not_ready_any_more() -> None:
    rates = told(SeriesName.FUNDING_RATE, [1e-4, 2e-4] * 20, step_ns=8 * HOUR_NS, end_ns=END_NS)
    heard = last([rates, trade_frame(END_NS, 10_000)])
    silent = last([rates, trade_frame(END_NS + 25 * HOUR_NS, 10_000)])
    for name in ("funding", "funding_volatility"):
        assert scores_of(heard)[name] is not None
        assert scores_of(silent)[name] is None


def test_the_rate_of_a_frame_goes_on_where_history_ends() -> None:
    rates = told(SeriesName.FUNDING_RATE, [1e-4] * 20, step_ns=8 * HOUR_NS, end_ns=END_NS)
    score = last([rates, with_derivatives(trade_frame(END_NS, 10_000), funding_rate=0.0012)])
    raw = raw_of(score)
    assert raw["funding_rate"] == pytest.approx(0.0012)
    assert raw["funding_annual"] == pytest.approx(1.314)
    assert raw["funding_hourly"] == pytest.approx(0.00015)
    assert raw["funding_momentum"] > 0.0
    assert scores_of(score)["funding"] == 0.0  # beyond 100% a year


def test_the_mark_over_the_index_is_the_premium_and_over_the_last_price_without_one() -> None:
    def premium(index: float | None) -> float:
        frames = []
        for i in range(120):
            known = {"mark_price": 1_000.0 + (0.5 if i < 119 else 2.0), "funding_rate": 1e-4}
            if index is not None:
                known["index_price"] = index
            plain = trade_frame(i * MINUTE_NS, 10_000, seq=i + 1)
            frames.append(with_derivatives(plain, **known))
        return raw_of(last(frames))["premium_standing"]

    assert premium(1_000.0) == pytest.approx(4.0)
    assert premium(None) == pytest.approx(-2.0 / 0.5)  # the last price stands below the mark


def test_a_value_with_a_clock_that_runs_ahead_does_not_hide_those_that_follow() -> None:
    first, second = (trade_frame(i * MINUTE_NS, 10_000, seq=i + 1) for i in range(2))
    ahead = Known(99, 0, first.close_ns + 7 * HOUR_NS)
    wrong = msgspec.structs.replace(first, derivatives=Derivatives(open_interest=ahead))
    right = with_derivatives(second, open_interest=5.0)
    assert raw_of(last([wrong, right]))["open_interest"] == 5.0


def test_risk_leans_against_the_side_of_the_crowd_and_grows_with_open_interest() -> None:
    frame = trade_frame(END_NS, 10_000)

    def risk(rate: float, interest: float) -> float:
        positions = [100.0] * 40 + [interest]
        given = [
            told(SeriesName.FUNDING_RATE, [rate] * 20, step_ns=8 * HOUR_NS, end_ns=END_NS),
            told(SeriesName.OPEN_INTEREST, positions, step_ns=HOUR_NS, end_ns=END_NS),
        ]
        return scores_of(last([*past(), *given, frame]))["risk"] or 0.0

    assert risk(3e-4, 140.0) < risk(3e-4, 100.0) < 50.0
    assert risk(-3e-4, 140.0) > risk(-3e-4, 100.0) > 50.0


def test_risk_without_a_side_is_50_and_says_what_it_assumed() -> None:
    interest = told(SeriesName.OPEN_INTEREST, [100.0] * 9, step_ns=HOUR_NS, end_ns=END_NS)
    frame = trade_frame(END_NS, 10_000)
    score = last([*past(), interest, frame], assumed_leverage=20.0)
    raw = raw_of(score)
    assert scores_of(score)["risk"] == 50.0
    assert "crowd_side" not in raw
    assert "margin_used" not in raw
    assert (raw["assumed_leverage"], raw["assumed_maintenance"]) == (20.0, 0.0025)
    assert 0.0 < raw["maintenance_reach"] < 1.0


def test_a_maintenance_margin_as_large_as_the_margin_is_refused() -> None:
    with pytest.raises(SettingsError, match="assumed_maintenance_share"):
        machine("sentiment", assumed_maintenance_share=1.0)


def test_a_cascade_of_forced_longs_lowers_the_score_while_it_runs() -> None:
    frames = []
    for i in range(400):
        plain = trade_frame(i * MINUTE_NS, 10_000, seq=i + 1)
        if i % 40 == 0 or i >= 390:
            side = 1 if i >= 390 or i % 80 == 0 else -1
            forced = Liquidations((0,), (0,), (side,), (10_000,), (50 if i >= 390 else 5,))
            plain = msgspec.structs.replace(plain, liquidations=forced)
        frames.append(plain)
    scores, _ = play(machine("sentiment"), frames)
    before, after = (scores_of(scores[i])["liquidations"] for i in (389, 399))
    assert before is not None
    assert after is not None
    assert after < 25.0 < before
    assert raw_of(scores[399])["cascade"] == 1.0
    assert raw_of(scores[399])["liquidation_side"] < -0.9


@given(order=st.permutations(list(SeriesName)))
def test_the_order_in_which_series_come_does_not_matter(order: list[SeriesName]) -> None:
    values = {name: [1.0, 2.0, 0.5, 1.5, 1.0, 0.7] for name in SeriesName}
    given_series = [told(n, values[n], step_ns=HOUR_NS, end_ns=END_NS) for n in order]
    frame = trade_frame(END_NS, 10_000)
    assert last([*given_series, frame]) == last(
        [*sorted(given_series, key=lambda s: s.name), frame]
    )


def test_series_reach_the_dimension_through_pipeline_and_fold_alike() -> None:
    rates = told(SeriesName.FUNDING_RATE, [1e-4, 3e-4] * 10, step_ns=8 * HOUR_NS, end_ns=END_NS)
    messages: list[Backfill | Series] = [*past(), rates]
    frame = trade_frame(END_NS, 10_000)
    direct = last([*messages, frame])
    pipeline = Pipeline(Settings(dimensions={"enabled": ("sentiment",)}))
    fold = DimensionFold(machine("sentiment"))
    state = fold.initial()
    for message in messages:
        assert pipeline.process(message) == []
        assert list(fold.apply(state, message)) == []
    assert direct in [record.message for record in pipeline.process(frame)]
    assert list(fold.apply(state, frame)) == [direct]
    assert scores_of(direct)["funding"] is not None


def test_history_taints_and_series_do_not() -> None:
    rates = told(SeriesName.FUNDING_RATE, [1e-4] * 9, step_ns=8 * HOUR_NS, end_ns=END_NS)
    assert not last([rates, *walk(30, 1)]).tainted
    assert last([*past(), trade_frame(END_NS, 10_000)]).tainted
