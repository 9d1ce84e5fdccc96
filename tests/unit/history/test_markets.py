"""What files give together: one order per symbol, history ahead, series where they are due."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.pipeline import Pipeline
from schemas.digest import digest, sort_key
from schemas.errors import SourceMissing, UsageError
from schemas.frame import Backfill, Frame
from schemas.health import DeadLetter
from schemas.score import ConfluenceScore
from schemas.series import Series, SeriesName
from schemas.settings import FramesSettings, settings_from
from streams.history.backfill import USED_NS
from streams.history.kline import Kline
from streams.history.market import Market
from streams.history.series_spec import SeriesSpec
from streams.merge import FeedMessage, event_ns, merge
from streams.sources import markets_from
from tests.support.klines import (
    HOUR_NS,
    MINUTE_NS,
    START_NS,
    bars,
    csv_lines,
    write_csv,
    write_feather,
)
from tests.unit.streams import wire

DAY_MINUTES = 1_440


def market_of(*paths: Path, **more: Any) -> Market:
    (market,) = markets_from(paths, **more)
    return market


def messages_of(*paths: Path, **more: Any) -> list[FeedMessage]:
    return list(market_of(*paths, **more).messages(FramesSettings()))


def frames_in(messages: list[FeedMessage]) -> list[Frame]:
    return [message for message in messages if isinstance(message, Frame)]


def bars_in(messages: list[FeedMessage], minutes: int) -> list[int]:
    return [
        at
        for message in messages
        if isinstance(message, Backfill) and message.timeframe_ns == minutes * MINUTE_NS
        for at in message.open_ns
    ]


def values_in(messages: list[FeedMessage], name: SeriesName) -> list[tuple[int, float, int]]:
    """Time and value, and when they were told."""
    return [
        (at, value, message.known_ns)
        for message in messages
        if isinstance(message, Series) and message.name is name
        for at, value in zip(message.at_ns, message.value, strict=True)
    ]


def minutes(folder: Path, count: int, **more: Any) -> Path:
    return write_feather(folder / "BTC_USDT_USDT-1m-futures.feather", bars(count, **more))


def series(folder: Path, rows: list[str], what: str = "fear_greed") -> SeriesSpec:
    return SeriesSpec.parse(f"{what}={write_csv(folder / 'values.csv', ['time,value', *rows])}")


def test_the_timeframes_that_history_is_made_for_are_those_of_the_bars() -> None:
    assert tuple(count * MINUTE_NS for _, count in TIMEFRAMES) == USED_NS


def test_each_minute_is_one_labelled_bar_and_then_one_tick_over_its_time(tmp_path: Path) -> None:
    messages = messages_of(minutes(tmp_path, 3))
    assert [type(message) for message in messages] == [Backfill, Frame] * 3
    for number, row in enumerate(bars(3)):
        bar, frame = messages[2 * number : 2 * number + 2]
        assert isinstance(bar, Backfill)
        assert isinstance(frame, Frame)
        assert bar.source == "klines:BTC_USDT_USDT-1m-futures.feather"
        assert (bar.open_ns, bar.close) == ((row.open_ns,), (row.close,))
        assert bar.known_ns == frame.close_ns == row.open_ns + MINUTE_NS
        assert (frame.open_ns, frame.seq, frame.is_tick) == (row.open_ns, number + 1, True)
        assert (frame.key, frame.epoch) == ("klines:BTC/USDT:USDT", 1)
        assert not frame.quality.book_synced
        assert frame.book is None
        assert not len(frame.trades)


def test_a_venue_can_be_named(tmp_path: Path) -> None:
    keys = {m.key for m in messages_of(minutes(tmp_path, 2), venue="binanceusdm")}
    assert keys == {"binanceusdm:BTC/USDT:USDT"}


def test_counts_and_takers_travel_where_the_file_has_them(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "BTC_USDT-1m.csv", csv_lines(bars(1)))
    bar = messages_of(path)[0]
    assert isinstance(bar, Backfill)
    assert (bar.trades, bar.taker_buy_volume) == ((1,), (0.5,))
    plain = messages_of(minutes(tmp_path, 1))[0]
    assert isinstance(plain, Backfill)
    assert (plain.trades, plain.taker_buy_volume) == ((), ())


def test_five_minute_bars_alone_make_fifteen_minutes_and_four_hours(tmp_path: Path) -> None:
    path = write_feather(tmp_path / "BTC_USDT-5m.feather", bars(144, minutes=5))
    messages = messages_of(path)
    assert len(frames_in(messages)) == len(bars_in(messages, 5)) == 144
    assert bars_in(messages, 15) == [START_NS + i * 15 * MINUTE_NS for i in range(48)]
    assert bars_in(messages, 240) == [START_NS + i * 4 * HOUR_NS for i in range(3)]
    for _, same in groupby(messages, key=event_ns):
        assert [m.timeframe_ns for m in same if isinstance(m, Backfill)] in (
            [5 * MINUTE_NS],
            [15 * MINUTE_NS, 5 * MINUTE_NS],
            [240 * MINUTE_NS, 15 * MINUTE_NS, 5 * MINUTE_NS],
        )
    folded = MarketBars()
    for message in messages:
        if isinstance(message, Backfill):
            folded.backfill(message)
    assert [len(one.closed) for one in folded.series] == [0, 16, 16, 3]


def test_bars_that_make_up_no_timeframe_of_scores_are_refused(tmp_path: Path) -> None:
    path = write_feather(tmp_path / "BTC_USDT-1d.feather", bars(3, minutes=DAY_MINUTES))
    with pytest.raises(SourceMissing, match=r"1440 minutes make up none of 1m, 5m, 15m and 4h"):
        market_of(path)


def test_files_of_one_timeframe_are_joined_by_time_and_repeats_are_rejected(tmp_path: Path) -> None:
    whole = bars(10)
    late = write_csv(tmp_path / "BTC_USDT-1m-02.csv", csv_lines(whole[4:]))
    early = write_csv(tmp_path / "BTC_USDT-1m-01.csv", csv_lines(whole[:6]))
    market = market_of(late, early)
    letters: list[DeadLetter] = []
    messages = list(market.messages(FramesSettings(), on_dead_letter=letters.append))
    assert bars_in(messages, 1) == [row.open_ns for row in whole]
    assert [letter.source for letter in letters] == [late.name] * 2
    # The first repeat is the last bar's own time, the other one older.
    assert market.stats.dead_letters == {"out_of_sequence": 1, "repeated": 1}
    assert market.stats.lines == 12


def test_bars_that_lack_are_counted(tmp_path: Path) -> None:
    rows = bars(10)
    market = market_of(write_csv(tmp_path / "BTC_USDT-1m.csv", csv_lines(rows[:3] + rows[7:])))
    frames = frames_in(list(market.messages(FramesSettings())))
    assert [frame.seq for frame in frames] == [1, 2, 3, 4, 5, 6]
    assert market.stats.streams == {"klines": 6, "klines missing": 4}


def coarser(folder: Path, *, minutes: int, count: int, end_ns: int = START_NS) -> Path:
    rows = bars(count, minutes=minutes, start_ns=end_ns - count * minutes * MINUTE_NS)
    length = {5: "5m", 60: "1h", 240: "4h"}[minutes]
    return write_feather(folder / f"BTC_USDT_USDT-{length}-futures.feather", rows)


def test_coarser_files_are_history_of_the_time_before_coarsest_first(tmp_path: Path) -> None:
    source = minutes(tmp_path, 3)
    long = coarser(tmp_path, minutes=240, count=3, end_ns=START_NS + 4 * HOUR_NS)
    short = coarser(tmp_path, minutes=5, count=2_500)
    market = market_of(source, short, long)
    messages = list(market.messages(FramesSettings()))
    first = next(i for i, m in enumerate(messages) if isinstance(m, Frame))
    ahead = [m for m in messages[: first - 1] if isinstance(m, Backfill)]
    assert [m.timeframe_ns // MINUTE_NS for m in ahead] == [240, 15, 5, 5, 5]
    assert {m.known_ns for m in ahead} == {START_NS}
    assert len(bars_in(messages, 240)) == 2  # the third is not over when the minutes begin
    assert len(bars_in(messages, 5)) == 2_500
    assert bars_in(messages, 15)[-1] == START_NS - 15 * MINUTE_NS
    assert market.summary()["history"] == {
        "bars of 15m": 833,
        "bars of 240m": 2,
        "bars of 5m": 2_500,
    }
    assert [sort_key(m) for m in messages] == sorted(
        (sort_key(m) for m in messages), key=lambda key: key[:3]
    )


def test_history_that_does_not_reach_the_first_frame_is_left_out_and_named(tmp_path: Path) -> None:
    old = coarser(tmp_path, minutes=5, count=50, end_ns=START_NS - 5 * MINUTE_NS)
    market = market_of(minutes(tmp_path, 3), old)
    messages = list(market.messages(FramesSettings()))
    assert bars_in(messages, 5) == bars_in(messages, 15) == []
    assert market.summary()["unused_history"] == [old.name]


def test_series_come_ahead_of_the_frame_by_whose_close_they_are_known(tmp_path: Path) -> None:
    s = START_NS // 1_000_000_000
    rows = [f"{s - 7200},1", f"{s - 3600},2", f"{s + 60},3", f"{s + 61},4", f"{s + 9999},5"]
    messages = messages_of(minutes(tmp_path, 3), series=[series(tmp_path, rows)])
    minute = 60 * 1_000_000_000
    assert [(v, known) for _, v, known in values_in(messages, SeriesName.FEAR_GREED)] == [
        (1.0, START_NS + minute),
        (2.0, START_NS + minute),
        (3.0, START_NS + minute),
        (4.0, START_NS + 2 * minute),
    ]
    kinds = [type(message) for message in messages]
    assert kinds == [Backfill, Series, Frame, Backfill, Series, Frame, Backfill, Frame]


def test_long_series_are_cut_into_messages_that_a_broker_takes(tmp_path: Path) -> None:
    rows = [f"{START_NS // 10**9 - i},5" for i in range(2_500)]
    messages = messages_of(minutes(tmp_path, 1), series=[series(tmp_path, rows)])
    sizes = [len(message.at_ns) for message in messages if isinstance(message, Series)]
    assert sizes == [1_000, 1_000, 500]
    assert digest([*messages]) == digest([*reversed(messages)])


def test_derivatives_are_in_the_frames_and_what_was_known_before_is_told_once(
    tmp_path: Path,
) -> None:
    source = minutes(tmp_path, 500)
    eight = 8 * HOUR_NS
    rates = [
        Kline(START_NS + i * eight + 1_000, round(1e-5 * i, 5), 0, 0, 0, 0) for i in range(-3, 3)
    ]
    funding = write_feather(tmp_path / "BTC_USDT_USDT-8h-funding_rate.feather", rates)
    rows = bars(3, minutes=480, start_ns=START_NS - 2 * eight)
    mark = write_feather(tmp_path / "BTC_USDT_USDT-8h-mark.feather", rows)
    messages = messages_of(source, funding, mark)
    frames = frames_in(messages)
    assert [v for _, v, _ in values_in(messages, SeriesName.FUNDING_RATE)] == [
        -3e-5,
        -2e-5,
        -1e-5,
    ]
    seen = [f.derivatives.funding_rate for f in frames]
    assert [float(k) for k in (seen[0], seen[479], seen[480]) if k is not None] == [0.0, 0.0, 1e-5]
    marks = [f.derivatives.mark_price for f in frames]
    assert [float(k) for k in (marks[0], marks[478]) if k is not None] == [rows[1].close] * 2
    assert marks[479] is not None
    assert float(marks[479]) == rows[2].close
    assert frames[0].derivatives.open_interest is None


def test_nothing_is_told_before_it_is_known(tmp_path: Path) -> None:
    s = START_NS // 10**9
    spec = series(tmp_path, [f"{s + 37 * i},{i + 1}" for i in range(100)], "open_interest")
    for frame in frames_in(messages_of(minutes(tmp_path, 60), series=[spec])):
        known = frame.derivatives.open_interest
        assert known is not None
        assert frame.close_ns - 37 * 10**9 < known.known_ns <= frame.close_ns


def test_symbols_are_merged_by_time_whichever_file_is_named_first(tmp_path: Path) -> None:
    one = minutes(tmp_path, 20)
    two = write_feather(tmp_path / "ETH_USDT_USDT-5m-futures.feather", bars(4, minutes=5))
    merged = [
        list(merge(*(m.messages(FramesSettings()) for m in markets_from(paths))))
        for paths in ([one, two], [two, one])
    ]
    assert merged[0] == merged[1]
    assert [event_ns(m) for m in merged[0]] == sorted(event_ns(m) for m in merged[0])
    assert {m.symbol for m in merged[0]} == {"BTC/USDT:USDT", "ETH/USDT:USDT"}


def recorded(folder: Path) -> Path:
    """A recording of binance:ABC/USDT that begins at ``wire.START_NS``."""
    lines = [wire.line(0, wire.BOOK), wire.line(1, wire.trade(1)), wire.line(5_000, wire.trade(2))]
    return wire.write(folder / "recorded", lines)


def test_history_comes_ahead_of_a_recording_and_changes_no_frame(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    start_ns = wire.START_NS - wire.START_NS % MINUTE_NS
    rows = bars(1_500, start_ns=start_ns - 1_498 * MINUTE_NS)
    history = write_csv(tmp_path / "ABC_USDT-1m.csv", csv_lines(rows))
    s = wire.START_NS // 10**9
    spec = series(tmp_path, [f"{s - 50},1", f"{s + 3},2"])
    messages = messages_of(source, history=[history], series=[spec])
    assert [type(m) for m in messages[:3]] == [Backfill, Backfill, Series]
    assert {m.key for m in messages} == {"binance:ABC/USDT"}
    assert bars_in(messages, 1) == [row.open_ns for row in rows[:1_498]]
    assert frames_in(messages) == messages_of(source)
    assert [v for _, v, _ in values_in(messages, SeriesName.FEAR_GREED)] == [1.0, 2.0]

    pipeline = Pipeline(settings_from({"dimensions": {"enabled": ["technical"]}}))
    given = [r.message for m in messages for r in pipeline.process(m)]
    scores = [message for message in given if isinstance(message, ConfluenceScore)]
    assert scores
    assert all(score.score is not None and score.tainted for score in scores)


def test_history_that_ends_too_early_for_a_recording_is_refused(tmp_path: Path) -> None:
    history = write_csv(
        tmp_path / "ABC_USDT-1m.csv", csv_lines(bars(5, start_ns=START_NS - 10**18))
    )
    with pytest.raises(SourceMissing, match=r"no bars up to the first frame of binance:ABC/USDT"):
        messages_of(recorded(tmp_path), history=[history])


def test_what_does_not_go_together_is_refused_with_what_to_do(tmp_path: Path) -> None:
    one = minutes(tmp_path, 3)
    two = write_feather(tmp_path / "ETH_USDT_USDT-1m-futures.feather", bars(3))
    abc = write_feather(tmp_path / "ABC_USDT-1m.feather", bars(3))
    mark = write_feather(tmp_path / "SOL_USDT_USDT-8h-mark.feather", bars(3, minutes=480))
    rate = write_feather(tmp_path / "BTC_USDT_USDT-8h-funding_rate.feather", bars(1, minutes=480))
    oi = series(tmp_path, ["1746403200,5"], "open_interest")
    funding = series(tmp_path, ["1746403200,0.1"], "funding_rate")
    other = SeriesSpec.parse(f"fear_greed@XRP/USDT={oi.path}")
    record = recorded(tmp_path)
    cases: list[tuple[str, list[Path], dict[str, Any]]] = [
        ("give klines of the time before the recording with --history", [record, abc], {}),
        ("mark of SOL/USDT:USDT without its bars", [mark], {}),
        ("funding_rate of BTC/USDT:USDT twice", [one, rate], {"history": [rate]}),
        ("no coarser than the source", [one], {"history": [one]}),
        ("history of ETH/USDT:USDT, of which there is no source", [one], {"history": [two]}),
        ("no klines; --history takes klines", [one], {"history": [record]}),
        ("of XRP/USDT, of which there is no source", [one], {"series": [other]}),
        (r"of which symbol .*Write open_interest@BTC/USDT:USDT=", [one, two], {"series": [oi]}),
        ("given twice", [one], {"series": [oi, oi]}),
        ("given twice", [one, rate], {"series": [funding]}),
    ]
    for told, paths, more in cases:
        with pytest.raises(UsageError, match=told):
            markets_from(paths, **more)
