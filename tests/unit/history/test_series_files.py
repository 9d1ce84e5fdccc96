"""Series files: times, columns, dirt, and the order of what is left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.errors import MalformedMessage, SourceMissing, UsageError
from schemas.frame import NS_PER_S
from schemas.series import SeriesName
from streams.history.files import series_values
from streams.history.series_spec import SeriesSpec
from streams.history.times import DAY_NS, known_ns, time_ns
from streams.history.told import AsOf
from streams.history.values import Values
from tests.support.klines import HOUR_NS, START_NS, Rejects, write_csv

BTC = "BTC/USDT:USDT"


def values_of(path: Path, what: str = "fear_greed", column: str = "") -> tuple[Values, Rejects]:
    rejects = Rejects()
    spec = SeriesSpec.parse(f"{what}={path}{column}")
    return series_values(spec, BTC, rejects, lambda _: None), rejects


@pytest.mark.parametrize(
    "text",
    [
        "2025-05-05T00:00:00Z",
        "2025-05-05 00:00:00",
        "2025-05-05T02:00:00+02:00",
        "1746403200",
        "1746403200000",
        "1746403200000000",
        "1746403200000000000",
        " 2025-05-05T00:00 ",
    ],
)
def test_times_are_read_in_every_form(text: str) -> None:
    assert time_ns(text) == known_ns(text) == START_NS


def test_fractions_of_a_second_are_exact() -> None:
    assert time_ns("2025-05-05T00:00:00.000001") == START_NS + 1_000


def test_what_is_dated_by_a_day_is_known_when_the_day_is_over() -> None:
    assert time_ns("2025-05-05") == START_NS
    assert known_ns("2025-05-05") == START_NS + DAY_NS


@pytest.mark.parametrize("text", ["", "soon", "-1", "9" * 21, "2025-13-01"])
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    with pytest.raises(MalformedMessage, match="no time"):
        time_ns(text)


def test_values_come_in_order_of_time_whatever_that_of_the_file(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ["time,value", "1746406800,7", "1746403200000,6"])
    values, rejects = values_of(path)
    assert values.at_ns == (START_NS, START_NS + HOUR_NS)
    assert values.value == (6.0, 7.0)
    assert rejects.reasons == []


def test_dirty_rows_are_rejected_each_with_its_reason(tmp_path: Path) -> None:
    rows = ["1746403200,5", "1746403200,5", "1746403200,6", "x,5", "1746403260", "1746403260,nan"]
    path = write_csv(tmp_path / "a.csv", ["time,value", *rows, "1746403260,101", "1746403320,0"])
    values, rejects = values_of(path)
    assert values.value == (5.0, 0.0)
    assert sorted(rejects.reasons) == ["malformed"] * 4 + ["repeated"] * 2
    assert "a second value of the same time, another one" in rejects.details


def test_a_zero_is_a_mood_but_no_open_interest(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ["time,value", "1746403200,0", "1746403260,5"])
    assert values_of(path)[0].value == (0.0, 5.0)
    values, rejects = values_of(path, "open_interest")
    assert values.value == (5.0,)
    assert "0 is no open_interest" in rejects.details[0]


@pytest.mark.parametrize(
    ("header", "row", "column"),
    [
        ("time,value", "1746403200,7", ""),
        ("Date,fng_value,fng_class", "2025-05-04,7,Fear", ""),
        ("timestamp,a,value", "1746403200,1,7", ""),
        ("timestamp,a,b", "1746403200,1,7", "#b"),
    ],
)
def test_the_column_of_the_value_is_found(
    tmp_path: Path, header: str, row: str, column: str
) -> None:
    path = write_csv(tmp_path / "a.csv", [header, row])
    values, _ = values_of(path, column=column)
    assert (values.at_ns, values.value) == ((START_NS,), (7.0,))


@pytest.mark.parametrize(
    ("lines", "column", "told"),
    [
        (["t,A_oi,B_oi", "1746403200,1,2"], "", "which column .*A_oi, B_oi.*FILE#COLUMN"),
        (["t,A_oi,B_oi", "1746403200,1,2"], "#C", "no column C; it has t, A_oi, B_oi"),
        (["t,a", "1746403200,x"], "", "none that holds numbers"),
        (["1746403200,5", "1746403260,6"], "", "no header; write time,value"),
        (["time,value"], "", "no value of fear_greed"),
        (["time,value", "1746403200,500"], "", "no value of fear_greed"),
    ],
)
def test_files_that_leave_it_open_are_refused_with_what_to_do(
    tmp_path: Path, lines: list[str], column: str, told: str
) -> None:
    path = write_csv(tmp_path / "a.csv", lines)
    with pytest.raises(SourceMissing, match=told):
        values_of(path, column=column)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="No such file"):
        values_of(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fear_greed", "write it as name=FILE"),
        ("=a.csv", "write it as name=FILE"),
        ("fear_gred=a.csv", "the nearest known one is fear_greed"),
    ],
)
def test_a_series_that_cannot_be_read_off_its_option_is_one_clear_line(
    text: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        SeriesSpec.parse(text)


def database(path: Path, rows: list[tuple[object, ...]]) -> Path:
    with closing(sqlite3.connect(path)) as made:
        made.execute(
            "CREATE TABLE open_interest (symbol, timestamp, open_interest, open_interest_value)"
        )
        made.executemany("INSERT INTO open_interest VALUES (?, ?, ?, ?)", rows)
        made.commit()
    return path


def test_of_the_database_rows_with_a_known_clock_are_used_once(tmp_path: Path) -> None:
    path = database(
        tmp_path / "oi.sqlite",
        [
            ("BTCUSDT", "2025-05-05 00:00:00", 5.0, 500.0),
            ("BTCUSDT", "2025-05-05T00:00:00", 5.0, 500.0),
            ("BTCUSDT", "2025-05-05 07:30:00", 6.0, 0.0),
            ("BTCUSDT", "2025-05-05 01:00:00", 0.0, 1.0),
            ("BTCUSDT", "2025-05-05 02:00:00", "many", 1.0),
            ("BTCUSDT", None, 5.0, 1.0),
            ("ETHUSDT", "2025-05-05 03:00:00", 7.0, 1.0),
        ],
    )
    values, rejects = values_of(path, "open_interest")
    assert (values.at_ns, values.value) == ((START_NS,), (5.0,))
    assert values.name is SeriesName.OPEN_INTEREST
    assert sorted(rejects.reasons) == ["malformed"] * 3 + ["repeated", "unknown_clock"]


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path / "oi.sqlite", [("ETHUSDT", "2025-05-05", 7.0, 1.0)])
    with pytest.raises(SourceMissing, match="no open interest of BTCUSDT"):
        values_of(path, "open_interest")
    with pytest.raises(SourceMissing, match="only open_interest"):
        values_of(path, "fear_greed")
    with closing(sqlite3.connect(path)) as made:
        made.execute("DROP TABLE open_interest")
    with pytest.raises(SourceMissing, match=r"no such table.*expected a table open_interest"):
        values_of(path, "open_interest")


@pytest.mark.parametrize("text", ["4.117e-05", "-6.42e-06", "105589.612975", "83034.361", "5"])
def test_what_frames_carry_is_the_decimal_of_the_file(text: str) -> None:
    values = Values("file", None, "mark_price", (7,), (float(text),))
    known = values.known(0)
    assert float(known) == float(text)
    assert known.decimal() == Decimal(text)
    assert AsOf([values]).at(7).mark_price == known
    assert known.mantissa % 10 or known.exponent == 0
    assert known.known_ns == 7


def test_times_of_a_series_may_be_far_apart_and_only_grow() -> None:
    at = tuple(START_NS + i * NS_PER_S for i in (0, 1, 500))
    state = AsOf([Values("f", None, "mark_price", at, (1.0, 2.0, 3.0))])
    seen = [state.at(START_NS + i * NS_PER_S).mark_price for i in (0, 499, 500, 9_999)]
    assert [float(known) for known in seen if known is not None] == [1.0, 2.0, 3.0, 3.0]
