"""One symbol's feed: lines in, messages out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from schemas.errors import RejectedInput
from schemas.frame import NS_PER_S, ContractKind, Frame, Instrument, TradeFlag
from schemas.settings import FeedSettings, FramesSettings
from streams.events import AT_RECEIPT, DerivativesEvent
from streams.exchanges.venue import venue_of
from streams.feed.lines import (
    Gone,
    Head,
    Link,
    OwnLine,
    Reply,
    Told,
    Unreadable,
    Values,
    as_line,
    decode_line,
    encode_line,
)
from streams.feed.symbol_feed import Hooks, SymbolFeed
from streams.merge import FeedMessage

START = 1_700_000_000 * NS_PER_S
MS = 1_000_000
RULES = Instrument(
    "binanceusdm", "BTC/USDT:USDT", START, ContractKind.LINEAR, "BTC", "USDT", "USDT",
    Decimal("0.1"), Decimal("0.001"), Decimal(5),
)  # fmt: skip


class Rig:
    """A symbol's feed, what it gave and what it refused; time goes on by 10 ms a message."""

    def __init__(self, venue: str = "binanceusdm", raw: str = "BTCUSDT") -> None:
        self.given: list[FeedMessage] = []
        self.refused: list[RejectedInput] = []
        chosen = venue_of(venue)
        self.parser = chosen.recorded_parser()
        self.now = START
        self.feed = SymbolFeed(
            chosen,
            "BTC/USDT:USDT",
            raw=raw,
            frames=FramesSettings(),
            feed=FeedSettings(),
            hooks=Hooks(self.given.append, lambda error, _body, _at: self.refused.append(error)),
            start_ns=START,
        )

    def line(self, line: OwnLine) -> None:
        self.now += 10 * MS
        self.feed.take(self.now, line, self.parser, encode_line(line))

    def say(self, message: dict[str, Any]) -> None:
        self.now += 10 * MS
        self.feed.take_message(self.now, json.dumps(message).encode(), self.parser)

    def trade(
        self, number: int, price: str = "100.0", qty: str = "1", symbol: str = "BTCUSDT"
    ) -> None:
        self.say(
            {"e": "aggTrade", "s": symbol, "a": number, "p": price, "q": qty, "f": number,
             "l": number, "T": self.now // MS, "m": False}
        )  # fmt: skip

    def frames(self) -> list[Frame]:
        """All frames up to now, the open one closed."""
        self.now += 2 * NS_PER_S
        self.feed.advance(self.now)
        return [message for message in self.given if isinstance(message, Frame)]

    def ids(self) -> list[int | str]:
        return [i for frame in self.frames() for i in frame.trades.id]


def rest_trades(*numbers: int, at_ms: int = START // MS + 5) -> Reply:
    rows = [
        {"a": n, "p": "100.0", "q": "2", "f": n, "l": n, "T": at_ms, "m": True} for n in numbers
    ]
    return Reply("trades", msgspec.Raw(json.dumps(rows).encode()))


def test_prices_between_steps_are_refused_once_the_rules_are_known() -> None:
    rig = Rig()
    rig.trade(1, price="100.05")
    rig.line(Told(RULES))
    rig.trade(2, price="100.05")
    rig.trade(3, price="100.1", qty="0.0005")
    rig.trade(4, price="100.1", qty="0.005")
    assert [error.reason for error in rig.refused] == ["off_grid", "off_grid"]
    assert rig.ids() == [1, 4]


def test_a_changed_tick_holds_from_where_it_is_told() -> None:
    rig = Rig()
    rig.line(Told(RULES))
    rig.trade(1, price="100.05")
    rig.line(Told(msgspec.structs.replace(RULES, tick_size=Decimal("0.01"))))
    rig.trade(2, price="100.05")
    assert len(rig.refused) == 1
    assert rig.ids() == [2]


def test_missing_trades_come_late_flagged_and_each_once() -> None:
    rig = Rig()
    rig.trade(1)
    rig.trade(5)
    rig.line(rest_trades(2, 3, 4, 5))
    rig.line(rest_trades(2, 3))
    frames = rig.frames()
    flags = {i: f for frame in frames for i, f in zip(frame.trades.id, frame.trades.flags)}  # noqa: B905
    assert flags == {1: 0, 5: 0, **dict.fromkeys((2, 3, 4), int(TradeFlag.RECOVERED_LATE))}
    assert sum(frame.quality.missing_ids for frame in frames) == 3
    assert not rig.refused


def test_trades_that_lack_ahead_of_the_oldest_that_is_had_back_are_missing_in_the_frame() -> None:
    rig = Rig()
    rig.trade(1)
    rig.line(rest_trades(5, 6))
    rig.trade(7)
    assert sum(frame.quality.missing_ids for frame in rig.frames()) == 3


def test_trades_of_before_the_feed_are_history_not_tape() -> None:
    rig = Rig()
    rig.line(rest_trades(7, 8, at_ms=START // MS - 1000))
    assert rig.ids() == []


def test_levels_beyond_the_edge_are_told_by_a_newer_snapshot_and_it_is_no_resync() -> None:
    rig = Rig()

    def snapshot(number: int, *bids: int) -> None:
        told = {"lastUpdateId": number, "bids": [[str(price), "1"] for price in bids]}
        told["asks"] = [[str(200 + i), "1"] for i in range(len(bids))]
        rig.line(Reply("book", msgspec.Raw(json.dumps(told).encode())))

    def diff(number: int, *changes: tuple[int, int]) -> None:
        bids = [[str(price), str(qty)] for price, qty in changes]
        rig.say(
            {"e": "depthUpdate", "s": "BTCUSDT", "E": rig.now // MS, "T": rig.now // MS,
             "U": number, "u": number, "pu": number - 1, "b": bids, "a": []}
        )  # fmt: skip

    snapshot(1, *range(100, 50, -1))  # there is an order at 50 that it does not reach
    diff(2, (100, 0), (49, 1))
    assert rig.feed.outgrown
    assert rig.feed.framer.state.book.bids.top(50)[0][-2:] == (51, 49)
    snapshot(1, 100)  # of before
    assert rig.feed.outgrown
    snapshot(2, *range(99, 49, -1))  # as old as the book, and deeper
    diff(3, (98, 2))
    assert rig.feed.framer.state.book.bids.top(50)[0][-2:] == (51, 50)
    assert sum(frame.quality.resyncs for frame in rig.frames()) == 0
    assert not rig.refused


def test_ids_that_the_venue_does_not_have_are_not_asked_for_again() -> None:
    rig = Rig()
    rig.trade(1)
    rig.trade(3)
    assert list(rig.feed.framer.state.tape.holes) == [(2, 2)]
    rig.line(Gone(2, 2))
    assert not rig.feed.framer.state.tape.holes


def test_a_channel_that_is_down_is_stale_in_every_frame_it_was_down_in() -> None:
    rig = Rig()
    rig.line(Link(("book", "trades"), up=False))
    rig.line(Link(("book", "trades"), up=True))
    rig.now += NS_PER_S
    rig.line(Link(("trades",), up=False))
    rig.now += NS_PER_S
    stale = [frame.quality.stale for frame in rig.frames()]
    assert stale[0] == ("book", "trades")
    assert stale[-1][-1] == "trades"
    assert () in stale


def test_polled_values_carry_when_they_were_polled() -> None:
    rig = Rig()
    rig.line(Values(DerivativesEvent(None, AT_RECEIPT, open_interest="12.5")))
    known = rig.frames()[-1].derivatives.open_interest
    assert known is not None
    assert (known.decimal(), known.known_ns) == (Decimal("12.5"), START + 10 * MS)


def test_other_symbols_of_a_message_are_left_to_their_own_files() -> None:
    rig = Rig()
    rig.trade(1, symbol="ETHUSDT")
    assert rig.ids() == []


def test_a_message_with_a_line_break_stands_in_one_line_and_counts_as_it_did() -> None:
    rig = Rig()
    body = b'{"e":"aggTrade",\n"s":'
    line = as_line(body)
    assert b"\n" not in line
    own = decode_line(line)
    assert own == Unreadable(body)
    rig.feed.take(rig.now, own, rig.parser, line)
    assert rig.frames()[0].quality.rejects == 1
    assert as_line(b'{"a":1}') == b'{"a":1}'


def test_a_subscription_that_repeats_the_tape_doubles_nothing() -> None:
    rig = Rig("hyperliquid", raw="BTC")

    def trades(*rows: tuple[int, int]) -> None:
        data = [
            {"coin": "BTC", "side": "B", "px": "100", "sz": "1", "time": at_ms, "tid": tid}
            for tid, at_ms in rows
        ]
        rig.say({"channel": "trades", "data": data})

    ms = START // MS
    rig.line(Link(("trades",), up=True))
    trades((11, ms - 60_000), (12, ms + 20))
    rig.line(Link(("trades",), up=False))
    rig.now += NS_PER_S
    rig.line(Link(("trades",), up=True))
    trades((11, ms - 60_000), (12, ms + 20), (13, ms + 500))
    trades((14, rig.now // MS))
    frames = rig.frames()
    told = [(i, f) for frame in frames for i, f in zip(frame.trades.id, frame.trades.flags)]  # noqa: B905
    assert told == [(12, 0), (13, int(TradeFlag.RECOVERED_LATE)), (14, 0)]
    assert not rig.refused


@pytest.mark.parametrize(("price", "late_s"), [("9.05", 0), ("9", 3600)])
def test_a_refused_change_costs_the_book_where_no_number_of_its_own_tells_that_it_lacks(
    price: str, late_s: int
) -> None:
    rig = Rig("coinbase", raw="BTC-USD")
    rig.line(Told(RULES))

    def book(number: int, kind: str, level: tuple[str, str, str], *, late_s: int) -> None:
        side, price, qty = level
        updates = [{"side": side, "price_level": price, "new_quantity": qty}]
        at = datetime.fromtimestamp(rig.now / NS_PER_S - late_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {"type": kind, "product_id": "BTC-USD", "updates": updates}
        rig.say({"channel": "l2_data", "timestamp": at, "sequence_num": number, "events": [event]})

    synced = []
    for number, kind, level, late in (
        (1, "snapshot", ("bid", "9", "1"), 0),
        (2, "update", ("bid", price, "0"), late_s),
        (3, "update", ("offer", "10", "2"), 0),
        (4, "snapshot", ("offer", "10", "2"), 0),
    ):
        book(number, kind, level, late_s=late)
        synced.append(rig.feed.synced)
    assert synced == [True, False, False, True]
    assert len(rig.refused) == 1


def test_heads_say_what_they_are_of() -> None:
    head = Head("bybit", "BTCUSDT", "BTC/USDT")
    assert decode_line(encode_line(head)) == head
