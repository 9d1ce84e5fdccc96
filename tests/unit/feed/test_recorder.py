"""Files of what a feed receives: whatever ends the process, what was written can be read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas.frame import NS_PER_S, Frame
from schemas.settings import settings_from
from streams.exchanges.venue import Connection, Contract, venue_of
from streams.feed.counters import Counters
from streams.feed.lines import End, Head
from streams.feed.receiver import Receiver
from streams.feed.recorder import LineRecorder
from streams.feed.symbol_feed import Hooks, SymbolFeed
from streams.recordings.feed_recording import FeedRecording
from streams.recordings.raw_lines import RawLines

START = 1_700_000_000 * NS_PER_S
PRODUCTS = ("BTC-USD", "ETH-USD")


def received(
    recorder: LineRecorder, monkeypatch: pytest.MonkeyPatch, *, after_s: int = 0
) -> Receiver:
    """Two Coinbase products, recorded."""
    start_ns = START + after_s * NS_PER_S
    monkeypatch.setattr("streams.feed.receiver.now_ns", lambda: start_ns)
    venue, settings = venue_of("coinbase"), settings_from({})
    receiver = Receiver(
        venue, counters=Counters("feed"), on_dead_letter=lambda _letter: None, recorder=recorder
    )
    for raw in PRODUCTS:
        feed = SymbolFeed(
            venue,
            raw.replace("-", "/"),
            raw=raw,
            frames=settings.frames,
            feed=settings.feed,
            hooks=Hooks(lambda _message: None, lambda *_rejected: None),
            start_ns=start_ns,
        )
        no_rules: Any = None
        receiver.add(feed, Contract("coinbase", raw, True, no_rules), start_ns)
    return receiver


def hear(receiver: Receiver, number: int, *products: str) -> None:
    """A message of a trade of each of these products, in this order."""
    connection = Connection(
        "c", market="coinbase", parser=receiver.venue.recorded_parser(), opened_ns=0
    )
    tapes = [
        {
            "type": "update",
            "trades": [
                {"product_id": raw, "trade_id": f"{number + i}", "price": "1", "size": "1",
                 "time": "2023-11-14T22:13:20Z", "side": "BUY"}
            ],
        }
        for i, raw in enumerate(products)
    ]  # fmt: skip
    message = {"channel": "market_trades", "sequence_num": number, "events": tapes}
    receiver.on_text(connection, json.dumps(message))


def told(folder: Path, product: str) -> tuple[list[int], list[str]]:
    """Numbers of the messages in a product's files, in their order, and what was no line."""
    faults: list[str] = []
    lines = RawLines(
        sorted(folder.rglob(f"{product}/*.zst")), lambda _file, error, *_: faults.append(str(error))
    )
    messages = [json.loads(payload) for _, payload in lines]
    return [message["sequence_num"] for message in messages if "channel" in message], faults


def test_a_message_of_several_symbols_stands_once_in_the_file_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = LineRecorder(tmp_path)
    receiver = received(recorder, monkeypatch)
    hear(receiver, 1, "BTC-USD", "ETH-USD", "BTC-USD")
    recorder.close()
    assert told(tmp_path, "BTC-USD") == ([1], [])
    assert told(tmp_path, "ETH-USD") == ([1], [])


def test_what_follows_a_kill_within_the_hour_can_be_read_like_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = LineRecorder(tmp_path / "killed")
    hear(received(killed, monkeypatch), 1, "BTC-USD")
    killed.flush()
    left = shutil.copytree(tmp_path / "killed", tmp_path / "left")  # its files are never finished
    killed.close()
    again = LineRecorder(left)
    hear(received(again, monkeypatch), 2, "BTC-USD")
    again.close()
    numbers, faults = told(left, "BTC-USD")
    assert numbers == [1, 2]
    assert all("breaks off" in fault for fault in faults)


def test_all_starts_within_an_hour_can_be_read_in_the_order_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        recorder = LineRecorder(tmp_path)
        hear(received(recorder, monkeypatch), number, "BTC-USD")
        recorder.close()
    assert told(tmp_path, "BTC-USD") == ([1, 2, 3], [])


@pytest.mark.parametrize("ended", [True, False])
def test_what_lies_between_two_runs_is_in_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    for after_s in (0, 30):
        recorder = LineRecorder(tmp_path)
        receiver = received(recorder, monkeypatch, after_s=after_s)
        hear(receiver, 1 + after_s, "BTC-USD")
        if ended:
            receiver.tell(receiver.feeds["BTC/USD"], End())
        recorder.close()
    settings = settings_from({})
    recording = FeedRecording(
        Head("coinbase", "BTC-USD", "BTC/USD"), sorted(tmp_path.rglob("BTC-USD/*.zst"))
    )
    frames = [
        message
        for message in recording.messages(settings.frames, settings.feed)
        if isinstance(message, Frame)
    ]
    assert {((frame.close_ns - START) // NS_PER_S, frame.epoch) for frame in frames} == {
        (0, 1),
        (30, 2),
    }
