"""Klines files: what is read of them, what is rejected, and what is refused with a clear line."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pytest

from schemas.errors import RejectedInput, SourceMissing
from schemas.frame import NS_PER_MS
from streams.history.files import KlinesFile, klines_file
from streams.history.kline import Kline, KlineCheck, Lengthen
from streams.history.names import Kind, klines_name
from tests.support.klines import (
    HOUR_NS,
    MINUTE_NS,
    START_NS,
    Rejects,
    bars,
    csv_lines,
    write_csv,
    write_feather,
)

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore"
)
US = 1_000


def opened(path: Path, symbol: str | None = None) -> KlinesFile:
    file = klines_file(path, symbol=symbol)
    assert file is not None
    return file


def rows_of(path: Path, rejects: Rejects | None = None) -> list[Kline]:
    read: list[int] = []
    rows = list(opened(path).rows(rejects or Rejects(), read.append))
    assert sum(read) <= path.stat().st_size
    return rows


def without_counts(rows: list[Kline]) -> list[Kline]:
    return [row._replace(trades=None, taker_buy_volume=None) for row in rows]


def test_feather_gives_the_very_floats_and_times(tmp_path: Path) -> None:
    path = write_feather(tmp_path / "BTC_USDT_USDT-1m-futures.feather", bars(10_000))
    assert rows_of(path) == without_counts(bars(10_000))
    file = opened(path)
    assert (file.symbol, file.timeframe_ns, file.kind) == ("BTC/USDT:USDT", MINUTE_NS, Kind.BARS)
    assert file.first_ns == START_NS


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_feather_times_in_other_units_are_the_same_times(tmp_path: Path, unit: str) -> None:
    path = write_feather(tmp_path / "BTC_USDT-1m.feather", bars(3))
    table = pyarrow.feather.read_table(path)
    table = table.set_column(0, "date", table.column("date").cast(pa.timestamp(unit, "UTC")))
    pyarrow.feather.write_feather(table, str(path), compression="zstd")
    assert rows_of(path) == without_counts(bars(3))


def test_feather_rows_without_a_value_are_rejected_and_reading_goes_on(tmp_path: Path) -> None:
    path = write_feather(tmp_path / "BTC_USDT-1m.feather", bars(3))
    table = pyarrow.feather.read_table(path)
    closes = pa.array([1.0, None, 2.0], pa.float64())
    index = table.column_names.index("close")
    pyarrow.feather.write_feather(table.set_column(index, "close", closes), str(path))
    rejects = Rejects()
    assert [row.open_ns for row in rows_of(path, rejects)] == [START_NS, START_NS + 2 * MINUTE_NS]
    assert rejects.reasons == ["malformed"]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("unit_ns", [NS_PER_MS, US])
@pytest.mark.parametrize("packed", [True, False])
def test_dumps_are_read_with_and_without_header_in_ms_and_us_packed_or_not(
    tmp_path: Path, named: bool, unit_ns: int, packed: bool
) -> None:
    lines = [*([HEADER] if named else []), *csv_lines(bars(5), unit_ns=unit_ns)]
    path = write_csv(tmp_path / "BTC_USDT-1m.csv", lines)
    if packed:
        path = tmp_path / "BTC_USDT-1m.csv.gz"
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert rows_of(path) == bars(5)


def test_csv_columns_go_by_their_names_in_any_order(tmp_path: Path) -> None:
    lines = ["Volume,Close,Low,High,Open,Date", "3,5,4,6,4.5,2025-05-05 00:00:00"]
    path = write_csv(tmp_path / "BTC_USDT-1m.csv", lines)
    assert rows_of(path) == [Kline(START_NS, 4.5, 6.0, 4.0, 5.0, 3.0)]


def test_csv_lines_that_are_no_bars_are_rejected_with_the_line(tmp_path: Path) -> None:
    good = csv_lines(bars(3))
    bad = ["", "nonsense", "1746403260000,1,2", "1746403260000,1,x,1,1,1,0,0,1,1", "-5,1,1,1,1,1"]
    path = tmp_path / "BTC_USDT-1m.csv"
    path.write_bytes("\n".join([good[0], *bad, *good[1:]]).encode() + b"\n\xff\xfe\n")
    rejects = Rejects()
    assert rows_of(path, rejects) == bars(3)
    assert rejects.reasons == ["malformed"] * 5
    assert rejects.bodies == [*(line.encode() for line in bad[1:]), b"\xff\xfe"]


def test_a_packed_csv_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(csv_lines(bars(5_000))).encode())
    path = tmp_path / "BTC_USDT-1m.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    rejects = Rejects()
    rows = rows_of(path, rejects)
    assert rows == bars(5_000)[: len(rows)]
    assert 1_000 < len(rows) < 4_000
    assert rejects.reasons == ["truncated"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"open_ns": START_NS + MINUTE_NS + 1}, "malformed"),
        ({"close": math.nan}, "malformed"),
        ({"volume": math.inf}, "malformed"),
        ({"low": 0.0, "open": 0.0}, "malformed"),
        ({"low": -1.0}, "malformed"),
        ({"high": 1.0}, "malformed"),
        ({"low": 1_000.0, "high": 2_000.0}, "malformed"),
        ({"volume": -1.0}, "malformed"),
        ({"trades": -1}, "malformed"),
        ({"taker_buy_volume": 100.0}, "malformed"),
        ({"taker_buy_volume": math.nan}, "malformed"),
        ({"open_ns": START_NS}, "repeated"),
        ({"open_ns": START_NS - MINUTE_NS}, "out_of_sequence"),
    ],
)
def test_a_bar_that_cannot_be_is_rejected_and_the_next_one_passes(
    change: dict[str, float], reason: str
) -> None:
    first, second, third = bars(3)
    check = KlineCheck(MINUTE_NS)
    check.check(first)
    with pytest.raises(RejectedInput) as caught:
        check.check(second._replace(**change))  # type: ignore[arg-type]
    assert caught.value.reason == reason
    check.check(third)
    assert check.missing == 1


def test_a_bar_without_volume_is_a_bar() -> None:
    KlineCheck(MINUTE_NS).check(Kline(START_NS, 5.0, 5.0, 5.0, 5.0, 0.0, 0, 0.0))


def test_longer_bars_are_what_the_shorter_ones_add_up_to() -> None:
    longer = Lengthen(15 * MINUTE_NS)
    short = bars(20, minutes=5, start_ns=START_NS + 5 * MINUTE_NS)
    made = [bar for row in short for bar in longer.add(row, timeframe_ns=5 * MINUTE_NS)]
    assert [bar.open_ns for bar in made] == [START_NS + i * 15 * MINUTE_NS for i in range(1, 7)]
    for number, bar in enumerate(made):
        parts = short[2 + 3 * number : 5 + 3 * number]
        assert (bar.open, bar.close) == (parts[0].open, parts[-1].close)
        assert (bar.high, bar.low) == (max(p.high for p in parts), min(p.low for p in parts))
        assert bar.volume == math.fsum(p.volume for p in parts)
        assert bar.trades == sum(p.trades or 0 for p in parts)


def test_a_longer_bar_that_lacks_its_end_comes_with_the_next_one() -> None:
    longer = Lengthen(15 * MINUTE_NS)
    short = bars(6, minutes=5)
    del short[2]
    made = [longer.add(row, timeframe_ns=5 * MINUTE_NS) for row in short]
    assert [[bar.open_ns for bar in some] for some in made] == [
        [],
        [],
        [START_NS],
        [],
        [START_NS + 15 * MINUTE_NS],
    ]


@pytest.mark.parametrize(
    ("name", "symbol", "timeframe_ns", "kind"),
    [
        ("ETH_USDT-5m.feather", "ETH/USDT", 5 * MINUTE_NS, Kind.BARS),
        ("ETH_USDT_USDT-4h-futures.csv.gz", "ETH/USDT:USDT", 4 * HOUR_NS, Kind.BARS),
        ("BTC_USD_BTC-1d-index.feather", "BTC/USD:BTC", 24 * HOUR_NS, Kind.INDEX),
        (
            "1000PEPE_USDT_USDT-8h-funding_rate",
            "1000PEPE/USDT:USDT",
            8 * HOUR_NS,
            Kind.FUNDING_RATE,
        ),
        ("ETH_USDT-1m-2025-05-04.csv", "ETH/USDT", MINUTE_NS, Kind.BARS),
        ("ETHUSDT-1m-2025-05.csv", "given", MINUTE_NS, Kind.BARS),
    ],
)
def test_names_tell_symbol_timeframe_and_kind(
    name: str, symbol: str, timeframe_ns: int, kind: Kind
) -> None:
    assert klines_name(Path(name), symbol="given") == (symbol, timeframe_ns, kind)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("prices.csv", "name it like BTC_USDT-1m.csv"),
        ("BTC_USDT-0m.csv", "name it like"),
        ("BTC_USDT-1w.csv", "name it like"),
        ("BTCUSDT-1m-2025-05.csv", "or give `prism replay` --symbol BTC/USDT:USDT"),
    ],
)
def test_a_name_that_does_not_tell_is_refused_with_what_to_do(
    tmp_path: Path, name: str, told: str
) -> None:
    path = write_csv(tmp_path / name, csv_lines(bars(1)))
    with pytest.raises(SourceMissing, match=told):
        klines_file(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"SQLite format 3\x00....", "--series open_interest=FILE"),
        (b"PK\x03\x04....", "unpack it"),
        (b"PAR1....", "Feather or CSV"),
        (b"ARROW1\x00\x00 and then nothing", "cannot be read as Feather"),
        (HEADER.encode(), "without a single row"),
        (b"date,open,high,low,close\n1,2,3,4,5\n", "klines without volume"),
    ],
)
def test_files_that_cannot_be_a_source_are_refused_with_what_to_do(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "BTC_USDT-1m.csv"
    path.write_bytes(content)
    with pytest.raises(SourceMissing, match=told):
        klines_file(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b'1700000000000000 {"a":1,"b":2}\n', b"time,value\n1,2\n"]
)
def test_other_files_are_no_klines(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert klines_file(path) is None


def test_a_feather_without_the_columns_is_refused_with_those_it_has(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1m.feather"
    pyarrow.feather.write_feather(pa.table({"date": [1], "price": [2.0]}), str(path))
    with pytest.raises(SourceMissing, match=r"without open, high, .*; its columns are date, price"):
        klines_file(path)
