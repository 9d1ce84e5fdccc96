"""Real Hyperliquid messages, read completely."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from schemas.errors import OutOfSequence, Refused, RejectedInput
from schemas.frame import Frame, Side
from schemas.settings import FramesSettings
from streams.events import AT_RECEIPT, BookSnapshot, DerivativesEvent, SnapshotKind, TradeEvent
from streams.exchanges.hyperliquid.parser import HyperliquidParser
from streams.framer import Framer
from tests.wire.captures import captured_lines

MS = 1_000_000
FILE = "wire/hyperliquid_btc_20250126.gz"


@pytest.mark.needs_market_data
def test_every_recorded_message_becomes_the_events_it_says(market_data: Path) -> None:
    parser = HyperliquidParser()
    sides = {"A": Side.SELL, "B": Side.BUY}
    trades = 0
    for received in captured_lines(market_data / FILE):
        message = json.loads(received.payload)
        data = message["data"]
        if message["channel"] == "trades":
            expected = [
                TradeEvent(
                    row["coin"], row["time"] * MS, row["px"], row["sz"], sides[row["side"]], 0,
                    row["tid"], None, None,
                )
                for row in data
            ]  # fmt: skip
            trades += len(data)
            assert list(parser.parse(received.payload)) == expected
        else:
            bids, asks = ([(row["px"], row["sz"]) for row in side] for side in data["levels"])
            assert parser.parse(received.payload) == (
                BookSnapshot(
                    "BTC", data["time"] * MS, data["time"], bids, asks, SnapshotKind.WHOLE
                ),
            )
    assert parser.counts() == {"l2Book": 46, "trades": 9}
    assert trades == 64


@pytest.mark.needs_market_data
def test_whole_books_are_states_not_resyncs_and_trades_lie_at_their_best(
    market_data: Path,
) -> None:
    parser = HyperliquidParser()
    framer = Framer("hyperliquid", "BTC/USDC:USDC", settings=FramesSettings(), derive_touch=True)
    frames: list[Frame] = []
    at: Counter[tuple[int, bool]] = Counter()
    for receive_ns, _, payload in captured_lines(market_data / FILE):
        frames += framer.advance(receive_ns)
        for event in parser.parse(payload):
            framer.add(receive_ns, event)  # raises at a crossed or repeated book
            if isinstance(event, TradeEvent) and receive_ns - event.exchange_ns < 1_000 * MS:
                book = framer.state.book
                bid, ask = book.bids.best() or 0, book.asks.best() or 0
                away = abs(int(float(event.price)) - (ask if event.side == Side.BUY else bid))
                at[event.side, away <= 5] += 1
    assert sum(len(frame.trades) for frame in frames) == 64
    assert not any(frame.quality.resyncs or frame.quality.rejects for frame in frames)
    books = [frame.book for frame in frames if frame.book is not None]
    assert {len(book.bid_price) for book in books} == {20}
    assert sum(book.bid_added for book in books) > 0
    assert sum(book.ask_removed for book in books) > 0
    assert at[1, True] + at[-1, True] > 3 * (at[1, False] + at[-1, False])


def book(time_ms: int, bids: list[str], asks: list[str]) -> bytes:
    levels = [[{"px": px, "sz": "2", "n": 1} for px in side] for side in (bids, asks)]
    data = {"coin": "BTC", "levels": levels, "time": time_ms}
    return json.dumps({"channel": "l2Book", "data": data}).encode()


def test_flows_are_told_of_prices_that_both_books_reach() -> None:
    framer = Framer("hyperliquid", "BTC/USDC:USDC", settings=FramesSettings(), derive_touch=True)
    list(framer.advance(1_700_000_000_000_000_000))
    parser = HyperliquidParser()
    for payload in (book(1, ["9", "8"], ["11"]), book(2, ["10", "9"], ["11"])):
        for event in parser.parse(payload):
            framer.add(1, event)
    bids = framer.state.book.bids
    # 10 came with 2; 8 fell out of what is told, which says nothing of it.
    assert (bids.added, bids.removed) == (2, 0)
    with pytest.raises(OutOfSequence):
        framer.add(2, parser.parse(book(1, ["10"], ["11"]))[0])


def test_state_of_a_contract_is_known_from_its_receipt() -> None:
    ctx = {"funding": "0.0000125", "openInterest": "688.11", "oraclePx": "14.32", "markPx": "14.3"}
    expected = DerivativesEvent(
        "BTC", AT_RECEIPT, mark_price="14.3", index_price="14.32", funding_rate="0.0000125",
        open_interest="688.11",
    )  # fmt: skip
    told = {"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": ctx}}
    assert HyperliquidParser().parse(json.dumps(told).encode()) == (expected,)
    reply = [{"universe": [{"name": "BTC"}]}, [ctx]]
    assert HyperliquidParser().reply("contexts", json.dumps(reply).encode()) == (expected,)


def test_an_error_of_the_venue_is_told_with_its_words() -> None:
    with pytest.raises(Refused, match="Invalid subscription"):
        HyperliquidParser().parse(b'{"channel":"error","data":"Invalid subscription"}')


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"7",
        b"{}",
        b'{"channel":"l2Book","data":{"coin":"BTC","levels":[[]],"time":1}}',
        b'{"channel":"trades","data":[{"coin":"B","side":"X","px":"1","sz":"1","time":1,"tid":2}]}',
        book(1, ["1"], ["2"])[:-2],
    ],
)
def test_damaged_message_is_rejected_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(RejectedInput):
        HyperliquidParser().parse(payload)
