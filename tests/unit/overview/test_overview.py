"""The overview as a whole: boundaries, silence, money, ranks; the same after a restart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from agents.overview.lead_lag import POINTS
from agents.overview.measures import Market
from agents.overview.overview import Overview, OverviewState
from agents.overview.ranking import GROUP_WEIGHTS, ranked, standings
from agents.overview.symbol import SymbolState
from schemas.frame import ContractKind, Frame, Instrument
from schemas.overview import MarketOverview, SymbolOverview
from schemas.settings import Settings, settings_from
from tests.support.lanes import (
    KEYS,
    START_NS,
    STEP_NS,
    LanesPlan,
    frame_of,
    in_order,
    lane,
    path_of,
    plans,
    renamed,
)
from tests.support.markets import refined, rescaled, wild_frames

INTERVAL = 10
"""Frames in an interval."""
SETTINGS = settings_from(
    {"overview": {"enabled": True, "interval_s": 1, "window": 24, "choose": 3}}
)


def overviews(frames: Iterable[Frame], settings: Settings = SETTINGS) -> list[MarketOverview]:
    overview = Overview(settings)
    state = overview.initial()
    return [given for frame in frames for given in overview.step(state, frame)]


def with_(**overview: object) -> Settings:
    return settings_from({"overview": {**SETTINGS.overview.model_dump(), **overview}})


def row_of(given: MarketOverview, key: str) -> SymbolOverview:
    (row,) = [row for row in given.symbols if f"{row.venue}:{row.symbol}" == key]
    return row


def value_of(given: MarketOverview, key: str, name: str) -> float | None:
    (measure,) = [m for m in row_of(given, key).measures if m.name == name]
    return measure.value


@example(plan=LanesPlan(("gamma:ETH/BTC",), 142135, 150, 0.3, None))  # present, nothing ready
@given(plan=plans())
def test_ranks_are_a_permutation_and_scores_lie_in_their_range(plan: LanesPlan) -> None:
    found = overviews(plan.frames())
    assert found
    for given_ in found:
        assert [row.rank for row in given_.symbols] == list(range(1, len(given_.symbols) + 1))
        ready = [row.score for row in given_.symbols if row.score is not None]
        assert ready == sorted(ready, reverse=True)
        traded = [
            row for row in given_.symbols if row.present and row.measures[0].value is not None
        ]
        assert [row for row in given_.symbols if row.chosen] == traded[:3]
        for row in given_.symbols:
            groups = (row.selection, row.cross_market, row.quality)
            scores = [row.score, *groups, *(m.score for m in row.measures)]
            assert all(score is None or 0.0 <= score <= 100.0 for score in scores)
            assert 0.0 <= row.coverage <= 1.0 + 1e-12
            assert (row.score is None) == all(m.score is None for m in row.measures)
            assert row.present or row.score is None
            weighed = [
                (weight, group)
                for weight, group in zip(GROUP_WEIGHTS.values(), groups, strict=True)
                if group is not None
            ]
            if row.score is not None:
                total = sum(weight for weight, _ in weighed)
                mean = sum(weight * group for weight, group in weighed) / total
                assert row.score == pytest.approx(mean, abs=1e-9)


@given(plan=plans())
def test_names_of_venues_and_the_order_of_symbols_decide_nothing(plan: LanesPlan) -> None:
    turned = {"alpha": "zeta", "beta": "kappa", "gamma": "acme"}

    def other(key: str) -> str:
        venue, _, symbol = key.partition(":")
        return f"{turned[venue]}:{symbol}"

    lanes = [[renamed(f, other(f.key)) for f in frames] for frames in plan.lanes()]
    for before, after in zip(overviews(plan.frames()), overviews(in_order(*lanes)), strict=True):
        for row in before.symbols:
            same = row_of(after, other(f"{row.venue}:{row.symbol}"))
            assert (same.score, same.measures) == (row.score, row.measures)
        assert {a.asset: (a.flow, a.price) for a in before.assets} == {
            a.asset: (a.flow, a.price) for a in after.assets
        }


@given(plan=plans(100), finer=st.sampled_from(((3, 0), (0, 2), (1, 1))))
def test_exponents_change_nothing_at_all(plan: LanesPlan, finer: tuple[int, int]) -> None:
    frames = plan.frames()
    other = [refined(frame, price=finer[0], qty=finer[1]) for frame in frames]
    assert overviews(other) == overviews(frames)


@given(plan=plans(100), price=st.sampled_from((3, 109)), qty=st.sampled_from((1, 7)))
def test_units_change_no_score(plan: LanesPlan, price: int, qty: int) -> None:
    par = [key for key in plan.keys if not key.endswith("/BTC")]
    lanes = [frames for frames in plan.lanes() if frames and frames[0].key in par]
    other = [[rescaled(f, price=price, qty=qty) for f in frames] for frames in lanes]
    for before, after in zip(overviews(in_order(*lanes)), overviews(in_order(*other)), strict=True):
        for one, same in zip(before.symbols, after.symbols, strict=True):
            assert (same.symbol, same.rank) == (one.symbol, one.rank)
            assert same.score == one.score
            scores = [m.score for m in one.measures]
            assert [m.score for m in same.measures] == scores


@given(plan=plans(80), cut=st.integers(0, 400))
def test_going_on_from_an_encoded_state_gives_the_same_as_never_stopping(
    plan: LanesPlan, cut: int
) -> None:
    frames = plan.frames()
    whole, parted = Overview(SETTINGS), Overview(SETTINGS)
    state, other = whole.initial(), parted.initial()
    for number, frame in enumerate(frames):
        if number == cut:
            data = parted.encode(other)
            parted = Overview(SETTINGS)
            other = parted.decode(data)
            assert parted.encode(other) == data
        assert parted.step(other, frame) == whole.step(state, frame)
    assert parted.encode(other) == whole.encode(state)


def test_a_mirrored_market_ranks_the_same() -> None:
    overview, plan = Overview(SETTINGS), LanesPlan(KEYS, 5, 300, 0.0, None)
    state = overview.initial()
    for frame in plan.frames():
        overview.step(state, frame)
    before = ranked(state.symbols, SETTINGS.overview)
    for one in state.symbols.values():
        one.returns = [None if r is None else -r for r in one.returns]
        one.net_flow.total *= -1
    after = ranked(state.symbols, SETTINGS.overview)
    turned = 0
    for row, same in zip(before, after, strict=True):
        assert (same.symbol, same.score, same.coverage) == (row.symbol, row.score, row.coverage)
        turned += sum(a.value != b.value for a, b in zip(row.measures, same.measures, strict=True))
    assert turned > 5


def test_an_interval_holds_its_own_end_and_is_told_with_the_first_frame_behind_it() -> None:
    frames = lane(KEYS[0], path_of(1, 31))
    overview, state = Overview(SETTINGS), OverviewState()
    told = [[given_.tick_ns for given_ in overview.step(state, frame)] for frame in frames]
    ends = [START_NS + n * INTERVAL * STEP_NS for n in (1, 2, 3)]
    assert [ns for ns_ in told for ns in ns_] == ends
    assert [n for n, given_ in enumerate(told) if given_] == [10, 20, 30]
    first = overviews(frames)[0]
    bought = sum(
        p * q
        for f in frames[:10]
        for p, q, s in zip(f.trades.price, f.trades.qty, f.trades.side, strict=True)
    )
    assert value_of(first, KEYS[0], "volume") == pytest.approx(bought / 1e5)


def test_a_silent_symbol_is_not_present_and_its_gap_is_no_return() -> None:
    noisy = lane(KEYS[0], path_of(1, 120))
    silent = [f for f in lane(KEYS[1], path_of(2, 120)) if not 30 < f.seq <= 60]
    overview, state = Overview(SETTINGS), OverviewState()
    found = [given_ for f in in_order(noisy, silent) for given_ in overview.step(state, f)]
    rows = [row_of(given_, KEYS[1]) for given_ in found]
    assert [row.present for row in rows] == [True] * 3 + [False] * 3 + [True] * 5
    assert {row.rank for row in rows[3:6]} == {2}
    assert not any(row.chosen or row.score is not None for row in rows[3:6])
    known = [r is not None for r in state.symbols[KEYS[1]].returns]
    assert known == [False, True, True, False, False, False, False, True, True, True, True]
    assert all(r is not None for r in state.symbols[KEYS[0]].returns[1:])


def test_a_symbol_silent_for_a_whole_window_is_forgotten() -> None:
    noisy, gone = lane(KEYS[0], path_of(1, 300)), lane(KEYS[1], path_of(2, 30))
    found = overviews(in_order(noisy, gone))
    assert [len(given_.symbols) for given_ in found] == [2] * 26 + [1] * 3


def test_time_without_any_frame_gives_no_overview_but_passes() -> None:
    frames = lane(KEYS[0], path_of(1, 100))
    found = overviews([f for f in frames if not 20 < f.seq <= 50])
    assert [(g.tick_ns - START_NS) // (INTERVAL * STEP_NS) for g in found] == [1, 2, 6, 7, 8, 9]
    year_ns = 365 * 86_400 * 10**9
    late = msgspec.structs.replace(frames[-1], close_ns=frames[-1].close_ns + year_ns)
    overview, state = Overview(SETTINGS), OverviewState()
    for frame in [*frames, late]:
        overview.step(state, frame)
    assert list(state.symbols) == [KEYS[0]]
    assert state.symbols[KEYS[0]].returns == []


def test_the_state_is_bounded() -> None:
    overview, state = Overview(Settings(overview={"interval_s": 1})), OverviewState()
    keys = KEYS[:3]
    sizes = []
    for number in range(5_200):
        for i, key in enumerate(keys):
            frame = frame_of(key, number + 1, mid=6_000_000 + (number * (i + 7)) % 9_001, bought=9)
            overview.step(state, frame)
        if number in (4_000, 5_199):
            sizes.append(len(overview.encode(state)))
    assert sizes[1] <= sizes[0] * 1.01
    assert sizes[1] < 8_000 * len(keys)


def test_beta_refers_to_the_reference_of_the_venue_else_to_all_others() -> None:
    path = path_of(3, 300)
    twice = [1_000_000 + 2 * (p - 1_000_000) for p in path]
    lanes = [lane("a:BTC/USDT", path), lane("a:ETH/USDT", twice), lane("b:SOL/USDT", twice)]
    (*_, last) = overviews(in_order(*lanes))
    assert value_of(last, "a:BTC/USDT", "beta") is None
    assert value_of(last, "a:ETH/USDT", "beta") == pytest.approx(2.0, abs=0.1)
    assert value_of(last, "a:ETH/USDT", "correlation") == pytest.approx(1.0, abs=1e-3)
    # The mean of the others moves 1.5 times as BTC does, SOL 2 times.
    assert value_of(last, "b:SOL/USDT", "beta") == pytest.approx(2 / 1.5, abs=0.1)
    (*_, last) = overviews(in_order(*lanes), with_(reference="SOL"))
    assert value_of(last, "a:BTC/USDT", "beta") == pytest.approx(0.5, abs=0.1)


def test_the_reference_is_the_busiest_in_money_and_not_in_small_change() -> None:
    usd = [frame_of("a:BTC/USDT", n, mid=5_000_000, bought=10) for n in range(1, 22)]
    yen = [frame_of("a:BTC/JPY", n, mid=750_000_000, bought=1) for n in range(1, 22)]
    rate = [frame_of("a:JPY/USDT", n, mid=4, spread=2, bought=9) for n in range(1, 22)]
    market = Market(_symbols(in_order(usd, yen, rate)), SETTINGS.overview)
    assert market._references["a"] == "a:BTC/USDT"
    market = Market(_symbols(in_order(usd, yen)), SETTINGS.overview)
    assert market._references["a"] == "a:BTC/USDT"  # what is not known to be money is none


def _symbols(frames: Iterable[Frame]) -> dict[str, SymbolState]:
    overview, state = Overview(SETTINGS), OverviewState()
    for frame in frames:
        overview.step(state, frame)
    return state.symbols


def test_money_of_other_quotes_is_converted_where_a_pair_tells_how() -> None:
    btc = [frame_of("a:BTC/USDT", n, mid=5_000_000, bought=1) for n in range(1, 22)]
    eth = [frame_of("a:ETH/BTC", n, mid=4, spread=2, bought=1_000) for n in range(1, 22)]
    (*_, last) = overviews(in_order(btc, eth))
    # 10 frames with 1 ETH at 0.04 BTC, a BTC at 50,000.
    assert value_of(last, "a:ETH/BTC", "volume") == pytest.approx(10 * 0.04 * 50_000)
    (*_, alone) = overviews(eth)
    assert value_of(alone, "a:ETH/BTC", "volume") is None
    assert value_of(alone, "a:ETH/BTC", "spread_bps") is not None


def test_inverse_contracts_count_from_the_moment_their_size_is_known() -> None:
    key = "a:BTC/USD:BTC"
    frames = [frame_of(key, n, mid=5_000_000, bought=3_000) for n in range(1, 42)]
    overview, state = Overview(SETTINGS), OverviewState()
    rules = Instrument(
        "a", "BTC/USD:BTC", frames[19].close_ns + 1, ContractKind.INVERSE, "BTC", "USD", "BTC",
        Decimal("0.1"), Decimal(1), Decimal(0), Decimal(100),
    )  # fmt: skip
    overview.learn(state, rules)
    overview.learn(state, rules)
    found = [given_ for frame in frames for given_ in overview.step(state, frame)]
    assert [value_of(given_, key, "volume") for given_ in found[:2]] == [None, None]
    assert value_of(found[2], key, "volume") == pytest.approx(10 * 3 * 100)
    assert len(state.rules[key]) == 1


def test_sectors_gather_the_flow_of_their_assets() -> None:
    settings = with_(sectors={"BTC": "money", "ETH": "chains", "SOL": "chains"})
    lanes = [
        [frame_of(key, n, mid=1_000, bought=bought, sold=sold) for n in range(1, 12)]
        for key, bought, sold in (
            ("a:BTC/USDT", 10, 0), ("a:ETH/USDT", 0, 30), ("a:SOL/USDT", 10, 0),
            ("a:ADA/USDT", 5, 5),
        )
    ]  # fmt: skip
    (only,) = overviews(in_order(*lanes), settings)
    flows = {row.symbol: value_of(only, f"a:{row.symbol}", "sector_flow") for row in only.symbols}
    wanted = {"BTC/USDT": 1.0, "ETH/USDT": -0.5, "SOL/USDT": -0.5, "ADA/USDT": 0.0}
    assert flows == pytest.approx(wanted)
    assert {row.symbol: row.sector for row in only.symbols}["ADA/USDT"] == "all"
    assert row_of(only, "a:BTC/USDT").cross_market == 100.0
    assert row_of(only, "a:ADA/USDT").cross_market == 0.0


def test_one_asset_on_two_venues_is_taken_together_and_its_leader_found() -> None:
    path = path_of(8, POINTS + 50)
    late = [*path[:3], *path[:-3]]
    shifted = [price + 1_000 for price in late]
    (*_, last) = overviews(
        in_order(lane("a:BTC/USDT", path, seed=1), lane("b:BTC/USDT:USDT", shifted, seed=2))
    )
    (asset,) = last.assets
    first, second = asset.legs
    assert asset.asset == "BTC/USDT"
    assert first.price is not None
    assert second.price is not None
    assert asset.price is not None
    assert first.premium_bps is not None
    assert asset.price == pytest.approx((first.price + second.price) / 2)
    assert first.premium_bps == pytest.approx(1e4 * (first.price / asset.price - 1))
    assert second.premium_bps == pytest.approx(-first.premium_bps)
    assert asset.range_bps == pytest.approx(2 * abs(first.premium_bps))
    assert asset.bought == pytest.approx((first.bought or 0) + (second.bought or 0))
    assert asset.flow == pytest.approx((asset.bought - asset.sold) / (asset.bought + asset.sold))
    (lead,) = asset.leads
    assert (lead.first, lead.second) == ("a:BTC/USDT", "b:BTC/USDT:USDT")
    assert lead.lag_ms == 300.0
    assert lead.correlation == pytest.approx(1.0, abs=0.01)


@examples(max_examples=40)
@given(frames=wild_frames())
def test_frames_that_are_only_just_valid_give_finite_numbers(frames: list[Frame]) -> None:
    overview, state = Overview(SETTINGS), OverviewState()
    steady = (renamed(frame, KEYS[0]) for frame in frames)
    for frame in (one for pair in zip(frames, steady, strict=True) for one in pair):
        for given_ in overview.step(state, frame):
            values = [m.value for row in given_.symbols for m in row.measures]
            assert all(value is None or math.isfinite(value) for value in values)
    assert overview.decode(overview.encode(state)) == state


@examples(max_examples=200)
@given(values=st.dictionaries(st.text(), st.none() | st.floats(-1e9, 1e9)))
def test_standings_are_percentiles(values: dict[str, float | None]) -> None:
    found = standings(values)
    known = {key: value for key, value in values.items() if value is not None}
    assert set(found) == set(known)
    if found:
        assert sum(found.values()) / len(found) == pytest.approx(50.0)
    assert all(0.0 <= score <= 100.0 for score in found.values())
    ordered = [found[key] for key in sorted(known, key=lambda key: known[key])]
    assert ordered == sorted(ordered)
