"""Times and symbols as people give them."""

from __future__ import annotations

import pytest

from cli.moment import parse_moment, written
from cli.symbols import resolve
from schemas.errors import SourceMissing, UsageError

NS = 1_723_161_690_000_000_000
KEYS = ["binance:BTC/USDT", "binanceusdm:BTC/USDT:USDT", "bybit:BTC/USDT:USDT", "bybit:ETH/USDT"]


@pytest.mark.parametrize(
    "text",
    [
        "2024-08-09T00:01:30Z",
        "2024-08-09 00:01:30",
        "2024-08-09T02:01:30+02:00",
        "1723161690",
        "1723161690000",
        "1723161690000000",
        "1723161690000000000",
    ],
)
def test_every_way_to_write_a_time_means_the_same(text: str) -> None:
    assert parse_moment(text).after(5) == NS


def test_a_time_from_the_start_counts_from_there() -> None:
    assert parse_moment("+1.5m").after(1_000) == 90_000_001_000


def test_times_keep_their_last_digit() -> None:
    assert parse_moment("1723161690000000001").ns == NS + 1
    assert parse_moment("2024-08-09T00:01:30.000001").ns == NS + 1_000


@pytest.mark.parametrize("text", ["", "soon", "12", "-90s", "+90", "2024-13-01", "٢٠٢٤"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="write it"):
        parse_moment(text)


def test_a_time_is_written_to_the_millisecond() -> None:
    assert written(NS + 7_999_999) == "2024-08-09 00:01:30.007 UTC"


def test_a_symbol_is_found_with_and_without_its_venue() -> None:
    assert resolve("BTC/USDT", KEYS) == "binance:BTC/USDT"
    assert resolve("bybit:BTC/USDT:USDT", KEYS) == "bybit:BTC/USDT:USDT"


def test_a_symbol_of_several_venues_must_be_named_with_one() -> None:
    with pytest.raises(UsageError, match="binanceusdm:BTC/USDT:USDT, bybit:BTC/USDT:USDT"):
        resolve("BTC/USDT:USDT", KEYS)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("ETHUSDT", "bybit:ETH/USDT"),
        ("btc/usdt", "binance:BTC/USDT"),
        ("binanceusd:BTC/USDT:USDT", "binanceusdm:BTC/USDT:USDT"),
    ],
)
def test_an_unknown_symbol_is_refused_with_the_nearest_named(text: str, near: str) -> None:
    with pytest.raises(SourceMissing) as refused:
        resolve(text, KEYS)
    assert str(refused.value) == f"unknown symbol {text}; the nearest known one is {near}"


def test_where_there_is_no_symbol_at_all_it_says_so() -> None:
    with pytest.raises(SourceMissing, match="nor of any other"):
        resolve("BTC/USDT", [])
