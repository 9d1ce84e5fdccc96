"""The incremental indicators against plain computations over whole arrays."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from agents.indicators.cvd import CvdSlope
from agents.indicators.ewma import Ewma
from agents.indicators.kyle import KyleLambda
from agents.indicators.ofi import OrderFlowImbalance
from agents.indicators.quantile import StepQuantile
from agents.indicators.quotes import aggressor_volumes
from agents.indicators.rate import EventRate
from agents.indicators.spread import TradeSpreads
from agents.indicators.standing import Standing
from agents.indicators.vpin import Vpin
from schemas.frame import Frame, Touch, Trades
from tests.support.markets import random_market

S = 1_000_000_000
Floats = NDArray[np.float64]


def irregular(count: int, seed: int) -> tuple[list[int], Floats]:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(1, 3 * S, count))
    return [int(t) for t in times], rng.normal(3.0, 2.0, count)


def tape_of(frames: list[Frame]) -> pd.DataFrame:
    """Market trades with the mid before each, read row by row."""
    rows = []
    mid = math.nan
    for frame in frames:
        tape, touch = frame.trades, frame.touch
        for i in range(len(tape)):
            for k in range(len(touch)):
                if touch.trades_before[k] <= i:
                    mid = (touch.bid_price[k] + touch.ask_price[k]) / 2
            if not tape.flags[i]:
                rows.append((frame.close_ns, tape.price[i], tape.qty[i], tape.side[i], mid))
        if frame.book is not None:
            mid = (frame.book.bid_price[0] + frame.book.ask_price[0]) / 2
    frame_table = pd.DataFrame(rows, columns=["ns", "price", "qty", "side", "mid"])
    return frame_table.assign(
        price=frame_table.price / 10, mid=frame_table.mid / 10, qty=frame_table.qty / 1000
    )


def test_ewma_is_the_mean_weighted_by_time_and_age() -> None:
    times, values = irregular(300, 1)
    ewma = Ewma(half_life_s=7.0)
    for value, at_ns in zip(values, times, strict=True):
        result = ewma.update(float(value), at_ns)
    ages = (times[-1] - np.array(times)) / S
    kept = 2.0 ** (-ages / 7.0)
    weights = kept[1:] - kept[:-1]  # what the time up to each sample weighs by now
    assert result == pytest.approx(float((weights * values[1:]).sum() / weights.sum()), rel=1e-12)


def test_rate_is_the_amount_over_the_faded_time() -> None:
    times, values = irregular(300, 2)
    rate = EventRate(half_life_s=20.0, warmup_s=5.0)
    for value, at_ns in zip(values, times, strict=True):
        result = rate.update(float(value), at_ns)
    ages = (times[-1] - np.array(times)) / S
    kept = 2.0 ** (-ages / 20.0)
    seconds = 20.0 / math.log(2.0) * (1.0 - kept[0])
    assert result == pytest.approx(float((values * kept)[1:].sum() / seconds), rel=1e-12)


@pytest.mark.parametrize("centred", [True, False])
def test_standing_is_the_distance_from_the_past_in_its_deviations(centred: bool) -> None:
    times, values = irregular(200, 3)
    standing = Standing(half_life_s=30.0, warmup_s=10.0, centred=centred, floor=0.1)
    given = [standing.update(float(v), t) for v, t in zip(values, times, strict=True)]
    means, deviations = [], []
    for i in range(1, len(values)):
        past = np.arange(1, i)
        kept = 2.0 ** (-(times[i - 1] - np.array(times)) / (30.0 * S))
        weights = kept[past] - kept[past - 1]
        mean = float((weights * values[past]).sum() / weights.sum()) if i > 1 and centred else 0.0
        means.append(mean)
        deviations.append(abs(float(values[i]) - mean) if i > 1 or not centred else 0.0)
    last = len(values) - 1
    kept = 2.0 ** (-(times[last - 1] - np.array(times)) / (30.0 * S))
    weights = kept[1:last] - kept[: last - 1]
    scale = float((weights * np.array(deviations[:-1])).sum() / weights.sum()) + 0.1
    assert given[last] == pytest.approx((float(values[last]) - means[-1]) / scale, rel=1e-9)
    assert given[0] is None


@pytest.mark.parametrize(("odds", "sigma"), [(1, 0.5), (9, 1.0), (19, 2.0)])
def test_quantile_leaves_its_share_of_samples_below(odds: int, sigma: float) -> None:
    sizes = np.random.default_rng(4).lognormal(2.0, sigma, 30_000)
    quantile = StepQuantile(odds=odds, step=0.005)
    below = []
    for size in sizes:
        value = quantile.value
        if value is not None:
            below.append(size <= value)
        quantile.update([float(size)])
    share = odds / (odds + 1)
    assert np.mean(below[5_000:]) == pytest.approx(share, abs=0.01)
    assert quantile.value == pytest.approx(float(np.quantile(sizes, share)), rel=0.35)


def test_quantile_follows_a_market_that_changes() -> None:
    quantile = StepQuantile(odds=9, step=0.02)
    quantile.update([1.0 + i % 10 for i in range(2_000)])
    before = quantile.value
    quantile.update([100.0 * (1.0 + i % 10) for i in range(2_000)])
    assert before is not None
    assert quantile.value is not None
    assert quantile.value > 50.0 * before


def test_ofi_is_the_sum_over_every_touch_change() -> None:
    frames = random_market(5, 400)
    rows = [
        row
        for f in frames
        for row in zip(
            f.touch.bid_price, f.touch.bid_qty, f.touch.ask_price, f.touch.ask_qty, strict=True
        )
    ]
    bid, bid_qty, ask, ask_qty = np.array(rows, dtype=float).T
    change = (
        np.where(bid[1:] >= bid[:-1], bid_qty[1:], 0.0)
        - np.where(bid[1:] <= bid[:-1], bid_qty[:-1], 0.0)
        - np.where(ask[1:] <= ask[:-1], ask_qty[1:], 0.0)
        + np.where(ask[1:] >= ask[:-1], ask_qty[:-1], 0.0)
    )
    ofi = OrderFlowImbalance()
    assert sum(ofi.flow(frame) for frame in frames) == int(change.sum())
    assert len(rows) > 500


def test_ofi_value_is_the_faded_flow_over_the_mean_queue() -> None:
    frames = random_market(6, 300)
    ofi, flows, queues, ticks = OrderFlowImbalance(half_life_s=4.0), [], [], []
    plain = OrderFlowImbalance()
    for frame in frames:
        ofi.update(frame)
        flows.append(plain.flow(frame))
        if frame.is_tick:
            queues.append((plain.bid_qty + plain.ask_qty) / 2)
            ticks.append(frame.close_ns)
    close = np.array([f.close_ns for f in frames])
    total = (np.array(flows) * 2.0 ** (-(close[-1] - close) / (4.0 * S))).sum()
    kept = 2.0 ** (-(ticks[-1] - np.array(ticks)) / (60.0 * S))
    weights = kept[1:] - kept[:-1]
    queue = (weights * np.array(queues[1:])).sum() / weights.sum()
    assert ofi.value == pytest.approx(float(total / queue), rel=1e-9)


def test_vpin_is_the_mean_imbalance_of_equal_buckets_with_trades_split_at_the_edge() -> None:
    frames = random_market(7, 900)
    size = 1.7
    vpin = Vpin(window=20, ready=5, size=size)
    vpin.rate.half_life_s = 1e12  # never warm: the size stays as given
    vpin.rate.warmup_s = 1e12
    for frame in frames:
        bought, sold = (q / 1000 for q in aggressor_volumes(frame.trades))
        vpin.update(frame, bought=bought, sold=sold)
    tape = tape_of(frames)
    ends = tape.qty.cumsum().to_numpy()
    starts = ends - tape.qty.to_numpy()
    edges = np.arange(0.0, ends[-1], size)
    imbalances = []
    for low in edges[: int(ends[-1] // size)]:
        inside = np.clip(np.minimum(ends, low + size) - np.maximum(starts, low), 0.0, None)
        assert inside.sum() == pytest.approx(size)
        imbalances.append(float((inside * tape.side).sum()))
    assert len(imbalances) > 40
    assert vpin.value == pytest.approx(np.abs(imbalances[-20:]).sum() / (20 * size), rel=1e-9)
    assert vpin.imbalances == pytest.approx(imbalances[-20:], abs=1e-9)
    assert vpin.bought + vpin.sold == pytest.approx(float(ends[-1] % size), abs=1e-9)


def test_a_trade_larger_than_the_whole_window_fills_it_and_no_more() -> None:
    frame = random_market(8, 1)[0]
    vpin = Vpin(window=10, ready=1, size=1.0)
    vpin.update(frame, bought=0.0, sold=0.0)
    vpin._take(1e9 + 0.25, 1)
    assert vpin.volumes == [1.0] * 10
    assert vpin.bought == pytest.approx(0.25)
    assert vpin.value == 1.0


def test_a_bucket_never_holds_more_than_its_size_when_the_rate_fell_while_it_was_open() -> None:
    vpin = Vpin(ready=1, rate=EventRate(half_life_s=60.0, warmup_s=5.0))

    def second(at_s: int, *, bought: int = 0, sold: int = 0) -> None:
        tape = Trades(price=(1, 1), qty=(bought, sold), side=(1, -1), flags=(0, 0))
        frame = Frame("v", "s", 0, at_s, 0, at_s * S, True, 0, 0, trades=tape)
        vpin.update(frame, bought=float(bought), sold=float(sold))

    for at_s in range(20):
        second(at_s, bought=10)
    for at_s in range(20, 140):
        second(at_s)
    second(140, bought=150)  # ends a bucket of 100; at the present rate one holds 28
    assert vpin.size is not None
    assert vpin.bought + vpin.sold < vpin.size < 30.0
    second(141, sold=30)
    assert vpin.value is not None
    assert vpin.value <= 1.0
    assert all(abs(i) <= v for i, v in zip(vpin.imbalances, vpin.volumes, strict=True))


def test_lambda_is_the_weighted_slope_of_mid_change_on_signed_volume() -> None:
    frames = random_market(9, 900)
    kyle = KyleLambda(half_life_s=40.0, sample_s=1.0, ready=5)
    for frame in frames:
        bought, sold = (q / 1000 for q in aggressor_volumes(frame.trades))
        kyle.update(frame, delta=bought - sold)
    table = pd.DataFrame(
        {
            "ns": [f.close_ns for f in frames],
            "mid": [(f.book.bid_price[0] + f.book.ask_price[0]) / 20 for f in frames if f.book],
            "delta": [(b - s) / 1000 for b, s in (aggressor_volumes(f.trades) for f in frames)],
        }
    )
    # The first frame opens the first sample; every ten frames of 100 ms close one.
    group = (np.arange(len(table)) - 1) // 10
    samples = table.iloc[1:].groupby(group[1:])
    x = samples.delta.sum().to_numpy()
    mids = np.concatenate([[table.mid.iloc[0]], samples.mid.last().to_numpy()])
    ns = samples.ns.last().to_numpy()
    whole = samples.size().to_numpy() == 10
    x, y, ns = x[whole], np.diff(mids)[whole], ns[whole]
    weights = 2.0 ** (-(ns[-1] - ns) / (40.0 * S))
    slope = np.polyfit(x, y, 1, w=np.sqrt(weights))[0]
    assert len(x) == 89
    assert kyle.value == pytest.approx(float(slope), rel=1e-9)


def test_spreads_are_the_volume_weighted_means_over_matured_trades() -> None:
    frames = random_market(10, 700)
    spreads = TradeSpreads(horizon_s=5.0, half_life_s=1e15, ready=1)
    for frame in frames:
        spreads.update(frame)
    tape = tape_of(frames).dropna()
    mids = pd.DataFrame(
        {
            "ns": [f.close_ns + 0 for f in frames],
            "later": [(f.book.bid_price[0] + f.book.ask_price[0]) / 20 for f in frames if f.book],
        }
    )
    tape = tape.assign(due=tape.ns + 5 * S).merge(mids, left_on="due", right_on="ns")
    effective = np.average(tape.side * (tape.price - tape.mid), weights=tape.qty)
    # Frames closer together than a 32nd of the horizon share the first one's due time.
    adverse = np.average(tape.side * (tape.later - tape.mid), weights=tape.qty)
    drift = np.average(tape.later - tape.mid, weights=tape.qty)
    assert len(tape) > 300
    assert spreads.effective == pytest.approx(effective, rel=0.02)
    assert spreads.adverse == pytest.approx(adverse, rel=0.1, abs=0.01)
    assert spreads.drift == pytest.approx(drift, rel=0.1, abs=0.01)
    assert spreads.effective is not None
    assert spreads.adverse is not None
    assert spreads.realised == pytest.approx(spreads.effective - spreads.adverse, rel=1e-12)


def test_spreads_are_exact_where_no_frames_share_a_horizon() -> None:
    frames = random_market(11, 200)
    spreads = TradeSpreads(horizon_s=1.0, half_life_s=1e15, ready=1)
    for frame in frames:
        spreads.update(frame)
    tape = tape_of(frames).dropna()
    mids = {f.close_ns: (f.book.bid_price[0] + f.book.ask_price[0]) / 20 for f in frames if f.book}
    tape = tape.assign(later=[mids.get(ns + S, math.nan) for ns in tape.ns]).dropna()
    adverse = np.average(tape.side * (tape.later - tape.mid), weights=tape.qty)
    effective = np.average(tape.side * (tape.price - tape.mid), weights=tape.qty)
    assert spreads.effective == pytest.approx(effective, rel=1e-9)
    assert spreads.adverse == pytest.approx(adverse, rel=1e-9)


def test_what_an_outage_did_to_the_mid_is_no_answer_to_the_trades_before_it() -> None:
    rng = np.random.default_rng(5)
    kyle, spreads = KyleLambda(), TradeSpreads()
    mid, at_ns = 100_000, 0
    for second in range(400):
        side, size = int(rng.choice([1, -1])), int(rng.integers(1, 6))
        outage = second == 300
        at_ns += 600 * S if outage else S
        mid += side + (5_000 if outage else 0)
        tape = Trades((at_ns,), (at_ns,), (mid,), (size,), (side,), (1,), (0,))
        touch = Touch(
            receive_ns=(at_ns,), bid_price=(mid - 1,), bid_qty=(9,), ask_price=(mid + 1,),
            ask_qty=(9,), trades_before=(0,),
        )  # fmt: skip
        frame = Frame("v", "s", 0, second, at_ns - 1, at_ns, True, 0, 0, tape, touch)
        kyle.update(frame, delta=float(side * size))
        spreads.update(frame)
    assert kyle.value is not None
    assert spreads.drift is not None
    assert spreads.realised is not None
    assert 0.1 < kyle.value < 1.0
    assert abs(spreads.drift) < 5.0
    assert abs(spreads.realised) < 5.0


def test_a_scale_and_a_rate_are_not_what_one_sample_after_an_outage_was() -> None:
    rng = np.random.default_rng(8)
    standing, rate = Standing(centred=False), EventRate()
    at_ns, told = 0, []
    for second in range(3_000):
        at_ns += 7_200 * S if second == 1_500 else S
        # A decaying sum is next to nothing after the outage.
        value = 1e-20 if second == 1_500 else float(rng.normal(0.0, 2.0))
        told.append((standing.update(value, at_ns), rate.update(3.0, at_ns)))
    before = [told[i] for i in range(1_400, 1_500)]
    assert max(abs(s) for s, _ in before if s is not None) < 5.0
    assert {s is None for s, _ in told[1_501:1_530]} == {True}
    for s, r in told[1_540:]:
        assert s is not None
        assert abs(s) < 6.0
        assert r == pytest.approx(3.0, rel=0.01)


def test_cvd_slope_is_the_least_squares_slope_of_the_running_total() -> None:
    rng = np.random.default_rng(12)
    deltas = rng.normal(0.3, 2.0, 200)
    cvd = CvdSlope(sample_s=1.0, window=20, ready=5)
    for i, delta in enumerate(deltas):
        cvd.update(float(delta), i * S)
    total = np.concatenate([[0.0], np.cumsum(deltas[1:])])
    slope = np.polyfit(np.arange(179.0, 200.0), total[179:], 1)[0]
    assert cvd.value == pytest.approx(float(slope), rel=1e-9)
