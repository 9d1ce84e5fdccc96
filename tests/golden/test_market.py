"""market.json and the touch arrays, from decoded frames, against the golden values."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.codec import Decoder, encode
from schemas.frame import Frame
from schemas.health import DeadLetter
from schemas.settings import FramesSettings
from streams.market import MarketFold
from streams.recordings import SourceStats, sources_from
from tests.golden.sources import (
    GOLDEN,
    UNITS,
    coin_margined_paths,
    golden_paths,
    golden_values,
    plain_lines,
    units,
)

pytestmark = pytest.mark.needs_market_data


class Day(msgspec.Struct):
    """What one pass over the decoded frames of a recording gave."""

    market: dict[str, Any]
    quotes: list[tuple[int, ...]]
    trade_ids: list[int | str]
    frames: int
    ticks: int
    missing_ids: int
    stats: SourceStats
    dead_letters: list[DeadLetter]


@cache
def played(*paths: Path) -> Day:
    """A recording's frames, encoded and decoded, folded."""
    (recording,) = sources_from(paths)
    fold, decode = MarketFold(), Decoder(Frame).decode
    day = Day({}, [], [], 0, 0, 0, recording.stats, [])
    for sent in recording.frames(FramesSettings(), on_dead_letter=day.dead_letters.append):
        frame: Frame = decode(encode(sent))
        assert frame == sent
        fold.add(frame)
        day.quotes.extend(quotes_of(frame))
        day.trade_ids.extend(frame.trades.id)
        day.frames += 1
        assert frame.seq == day.frames
        day.ticks += frame.is_tick
        day.missing_ids += frame.quality.missing_ids
    day.market = fold.result()[recording.key]
    day.stats = recording.stats
    return day


def quotes_of(frame: Frame) -> Iterator[tuple[int, ...]]:
    """Receive time, update id, and both sides in plain units, of every touch change."""
    price = UNITS // 10**frame.price_exponent
    qty = UNITS // 10**frame.qty_exponent
    touch = frame.touch
    for i in range(len(touch)):
        yield (
            touch.receive_ns[i],
            touch.update_id[i],
            touch.bid_price[i] * price,
            touch.bid_qty[i] * qty,
            touch.ask_price[i] * price,
            touch.ask_qty[i] * qty,
        )


def as_decimals(value: Any) -> Any:
    """The same structure with every text a decimal."""
    if isinstance(value, dict):
        return {key: as_decimals(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_decimals(inner) for inner in value]
    return Decimal(value)


@pytest.mark.parametrize("name", GOLDEN)
def test_market_folded_from_decoded_frames_equals_the_golden_values(
    market_data: Path, name: str
) -> None:
    golden = golden_values(market_data, name)
    day = played(*golden_paths(market_data, name))
    golden["final_book"] = {
        key: golden["final_book"][key]
        for key in ("best_bid", "best_bid_qty", "best_ask", "best_ask_qty")
    }
    assert len(day.market) == 9
    for key, value in day.market.items():
        assert as_decimals(value) == as_decimals(golden[key]), key


@pytest.mark.parametrize("name", GOLDEN)
def test_every_line_is_read_and_nothing_is_a_dead_letter(market_data: Path, name: str) -> None:
    golden = golden_values(market_data, name)
    day = played(*golden_paths(market_data, name))
    assert day.dead_letters == []
    assert day.missing_ids == 0
    assert day.stats.lines == golden["lines"]
    assert day.stats.streams == {**golden["streams"], "snapshot": 1}


@pytest.mark.parametrize("name", GOLDEN)
def test_touch_arrays_equal_the_recorded_sequence_of_best_prices(
    market_data: Path, name: str
) -> None:
    paths = golden_paths(market_data, name)
    recorded = [
        (line.receive_ns, line.data["u"], *(units(line.data[key]) for key in "bBaA"))
        for line in plain_lines(paths)
        if line.channel == "bookTicker"
    ]
    assert recorded
    assert played(*paths).quotes == recorded


@pytest.mark.parametrize("name", GOLDEN)
def test_every_trade_is_in_one_frame_in_the_order_of_the_venue(
    market_data: Path, name: str
) -> None:
    paths = golden_paths(market_data, name)
    recorded = [line.data["t"] for line in plain_lines(paths) if line.channel == "trade"]
    assert played(*paths).trade_ids == recorded


@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_coin_margined_recordings_give_frames_without_dead_letters(
    market_data: Path, coin: str
) -> None:
    paths = coin_margined_paths(market_data, coin)
    day = played(*paths)
    assert day.dead_letters == []
    assert day.missing_ids == 0
    assert day.market["final_book"] is not None
    recorded = [line.data for line in plain_lines(paths) if line.channel == "trade"]
    assert day.trade_ids == [trade["t"] for trade in recorded]
    assert Decimal(day.market["taker_buy_vol"]) == sum(
        Decimal(trade["q"]) for trade in recorded if not trade["m"]
    )
