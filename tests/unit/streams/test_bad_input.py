"""Damaged recordings: counted, dead-lettered with a reason, never a crash, never a wrong number."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from schemas.errors import SourceMissing
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.unit.streams.wire import (
    BOOK,
    START_NS,
    Played,
    diff,
    line,
    snapshot,
    touch,
    trade,
    write,
)


@pytest.fixture
def good_lines() -> list[bytes]:
    """Two seconds with a book, a quote, and twenty trades."""
    lines = [line(0, BOOK), line(10, touch(100, ("10", "1"), ("11", "3")))]
    for i in range(20):
        lines.append(line(20 + 100 * i, diff(101 + i, 101 + i, bids=[("9", str(i + 1))])))
        lines.append(line(30 + 100 * i, trade(500 + i)))
    return lines


def test_good_lines_give_every_trade_and_no_dead_letter(
    tmp_path: Path, good_lines: list[bytes]
) -> None:
    played = Played(write(tmp_path / "a.gz", good_lines))
    assert played.dead == []
    assert played.trade_ids == list(range(500, 520))
    assert played.recording.stats.lines == len(good_lines)
    assert played.recording.stats.streams == {
        "bookTicker": 1,
        "depth@100ms": 20,
        "snapshot": 1,
        "trade": 20,
    }
    assert played.last.book is not None
    assert played.last.book.bid_qty == (1, 20)


def test_microseconds_and_nanoseconds_tell_the_same_time(
    tmp_path: Path, good_lines: list[bytes]
) -> None:
    in_us = [piece[:16] + piece[19:] for piece in good_lines]
    played = Played(write(tmp_path / "us", in_us))
    assert played.frames == Played(write(tmp_path / "ns", good_lines)).frames
    assert played.recording.stats.first_receive_ns == START_NS


@pytest.mark.parametrize("compress", [lambda b: b, gzip.compress, zstandard.compress])
def test_plain_gzip_and_zstandard_read_the_same(
    tmp_path: Path, good_lines: list[bytes], compress: object
) -> None:
    assert callable(compress)
    path = tmp_path / "a"
    path.write_bytes(compress(b"\n".join(good_lines)))
    plain = Played(write(tmp_path / "b", good_lines))
    assert Played(path).frames == plain.frames


def test_gzip_of_several_members_is_read_to_the_end(
    tmp_path: Path, good_lines: list[bytes]
) -> None:
    path = tmp_path / "a.gz"
    halves = good_lines[:20], good_lines[20:]
    path.write_bytes(b"".join(gzip.compress(b"\n".join(half) + b"\n") for half in halves))
    assert Played(path).trade_ids == list(range(500, 520))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_truncated_file_gives_what_it_holds_and_one_dead_letter(
    tmp_path: Path, good_lines: list[bytes], compress: object
) -> None:
    assert callable(compress)
    text = b"".join(piece + b"\n" for piece in good_lines)
    first = compress(text[: len(text) // 2])  # complete, so that something is surely readable
    path = tmp_path / "cut.gz"
    path.write_bytes(first + compress(text[len(text) // 2 :])[:-30])
    played = Played(path)
    assert played.reasons[-1] == "truncated"
    assert played.dead[-1].source == "cut.gz"
    assert 5 <= len(played.trade_ids) < 20
    assert played.trade_ids == list(range(500, 500 + len(played.trade_ids)))
    assert played.recording.stats.dead_letters["truncated"] == 1
    assert played.last.quality.rejects >= 1


def test_file_behind_a_truncated_one_is_still_read(tmp_path: Path, good_lines: list[bytes]) -> None:
    whole = gzip.compress(b"".join(piece + b"\n" for piece in good_lines))
    (tmp_path / "1.gz").write_bytes(whole[:-20])
    write(tmp_path / "2.gz", [line(5000, trade(600)), line(5001, trade(601))])
    played = Played(tmp_path / "1.gz", tmp_path / "2.gz")
    assert played.trade_ids[-2:] == [600, 601]
    assert "truncated" in played.reasons


def test_damaged_compressed_data_is_a_dead_letter(tmp_path: Path, good_lines: list[bytes]) -> None:
    rest = [line(3000 + i, trade(520 + i, qty=f"{i * 7919 % 10007}.5")) for i in range(2000)]
    whole = bytearray(gzip.compress(b"".join(piece + b"\n" for piece in good_lines + rest)))
    whole[-8] ^= 0xFF  # the checksum
    path = tmp_path / "a.gz"
    path.write_bytes(whole)
    played = Played(path)
    assert played.reasons == ["truncated"]
    assert len(played.trade_ids) > 1000
    assert played.trade_ids == list(range(500, 500 + len(played.trade_ids)))


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage",
        b"\x00\xff\xfe",
        b'{"e":"trade"}',
        b"12345 {}",
        b"170000000000000000x {}",
        b"%d not json" % (START_NS + 10**9),
        b"%d " % (START_NS + 10**9),
        b"%d 7" % (START_NS + 10**9),
        b"",
    ],
)
def test_garbage_line_is_a_dead_letter_and_changes_nothing_else(
    tmp_path: Path, good_lines: list[bytes], garbage: bytes
) -> None:
    clean = Played(write(tmp_path / "clean.gz", good_lines))
    played = Played(write(tmp_path / "a.gz", [*good_lines[:21], garbage, *good_lines[21:]]))
    assert played.reasons == ["malformed"]
    assert played.dead[0].source == "a.gz"
    assert sum(frame.quality.rejects for frame in played.frames) == 1
    assert played.trade_ids == clean.trade_ids
    assert played.last.book == clean.last.book


def test_line_without_end_is_a_dead_letter_not_a_growing_buffer(
    tmp_path: Path, good_lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.recordings.raw_lines.MAX_LINE_BYTES", 10_000)
    path = tmp_path / "a"
    path.write_bytes(b"".join(piece + b"\n" for piece in good_lines) + b"x" * 1_000_000)
    played = Played(path)
    assert set(played.reasons) == {"malformed"}
    assert max(len(letter.body) for letter in played.dead) <= 10_000
    assert played.trade_ids == list(range(500, 520))


def test_repeated_diff_is_a_dead_letter_and_the_book_stays(tmp_path: Path) -> None:
    lines = [line(0, BOOK), line(1, diff(101, 101, [("9", "5")])), line(2, trade(1))]
    lines += [line(3, diff(101, 101, [("9", "7")])), line(4, diff(102, 102, [("8", "1")]))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["out_of_sequence"]
    assert played.last.book is not None
    assert played.last.book.bid_price == (10, 9, 8)
    assert played.last.book.bid_qty == (1, 5, 1)


def test_gap_drops_the_book_until_the_next_snapshot(tmp_path: Path) -> None:
    lines = [line(0, BOOK), line(1, diff(101, 101, [("9", "5")])), line(2, trade(1))]
    lines += [line(200, diff(105, 105, [("9", "7")])), line(300, diff(106, 106, [("9", "8")]))]
    lines += [line(400, snapshot(105, [("9", "7")], [("11", "3"), ("12", "1")]))]
    lines += [line(500, diff(107, 107, [("9", "9")]))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["out_of_sequence"]
    by_close = {(frame.close_ns - START_NS) // 10**6: frame for frame in played.frames}
    for close_ms in (300, 400):
        assert by_close[close_ms].book is None
        assert not by_close[close_ms].quality.book_synced
    assert by_close[300].quality.rejects == 1
    assert by_close[100].quality.resyncs == 0  # the first snapshot begins the book
    assert by_close[500].quality.resyncs == 1
    assert by_close[500].book is not None
    assert by_close[500].book.bid_qty == (8,)  # the diff that waited for the snapshot
    assert by_close[600].book is not None
    assert by_close[600].book.bid_qty == (9,)
    assert by_close[600].quality.resyncs == 0


def test_snapshot_that_does_not_reach_the_waiting_diffs_is_a_dead_letter(tmp_path: Path) -> None:
    lines = [line(0, diff(105, 105)), line(1, trade(1)), line(2, BOOK), line(3, diff(106, 106))]
    lines += [line(4, snapshot(105, [("9", "7")], [("11", "3"), ("12", "1")]))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["out_of_sequence"]
    assert played.last.book is not None
    assert played.last.book.bid_qty == (7,)
    assert played.last.book.update_id == 106


def test_older_snapshot_does_not_turn_the_book_back(tmp_path: Path) -> None:
    lines = [line(0, BOOK), line(1, diff(101, 101, [("9", "5")])), line(2, trade(1))]
    lines += [line(3, BOOK), line(4, diff(102, 102, [("8", "1")]))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.dead == []
    assert played.last.book is not None
    assert played.last.book.bid_qty == (1, 5, 1)


@pytest.mark.parametrize("crossing", [[("11", "1")], [("12", "1")]])
def test_crossed_book_is_a_dead_letter_and_no_book_until_a_snapshot(
    tmp_path: Path, crossing: list[tuple[str, str]]
) -> None:
    lines = [line(0, BOOK), line(1, diff(101, 101, [("9", "5")])), line(2, trade(1))]
    lines += [line(3, diff(102, 102, crossing)), line(150, diff(103, 103, [("11", "0")]))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["crossed_book"]
    assert [frame.book for frame in played.frames] == [None] * len(played.frames)
    lines += [line(250, snapshot(102, [("9", "7"), ("8", "1")], [("11", "3")]))]
    played = Played(write(tmp_path / "b.gz", lines))
    assert played.last.book is not None
    assert played.last.book.update_id == 103


def test_crossed_snapshot_and_crossed_quote_are_dead_letters(tmp_path: Path) -> None:
    lines = [line(0, snapshot(1, [("11", "1")], [("10", "1")])), line(1, trade(1))]
    lines += [
        line(2, touch(5, ("11", "1"), ("10", "1"))),
        line(3, touch(6, ("9", "1"), ("10", "1"))),
    ]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["crossed_book", "crossed_book"]
    assert played.last.book is None
    assert played.last.touch.update_id == (6,)


def test_unknown_stream_is_named_in_its_dead_letter(tmp_path: Path) -> None:
    unknown = {"stream": "abcusdt@kline_1m", "data": {"e": "kline"}}
    played = Played(write(tmp_path / "a.gz", [line(0, trade(1)), line(1, unknown)]))
    assert played.reasons == ["unknown_stream"]
    assert "abcusdt@kline_1m" in played.dead[0].detail
    assert played.dead[0].receive_ns == START_NS + 10**6


def test_message_of_another_symbol_is_a_dead_letter(tmp_path: Path) -> None:
    other = {"stream": "xyzusdt@trade", "data": trade(5)["data"] | {"s": "XYZUSDT"}}
    played = Played(write(tmp_path / "a.gz", [line(0, trade(1)), line(1, other)]))
    assert played.reasons == ["unknown_stream"]
    assert played.trade_ids == [1]


@pytest.mark.parametrize("bad", [trade(2, price="0"), trade(2, qty="0"), trade(2, price="-3")])
def test_market_trade_without_price_or_quantity_is_a_dead_letter(
    tmp_path: Path, bad: dict[str, object]
) -> None:
    played = Played(write(tmp_path / "a.gz", [line(0, trade(1)), line(1, bad)]))
    assert played.reasons == ["malformed"]
    assert played.trade_ids == [1]


def test_number_that_is_none_leaves_book_and_frame_as_they_were(tmp_path: Path) -> None:
    lines = [line(0, BOOK), line(1, trade(1)), line(2, diff(101, 101, [("9", "5"), ("8", "x")]))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["malformed"]
    assert played.last.book is not None
    assert played.last.book.bid_qty == (1, 2)


def test_repeated_trade_is_a_dead_letter_and_a_skipped_one_is_counted(tmp_path: Path) -> None:
    lines = [line(i, trade(trade_id)) for i, trade_id in enumerate((5, 6, 6, 9))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["out_of_sequence"]
    assert played.trade_ids == [5, 6, 9]
    assert played.last.quality.missing_ids == 2


def test_quote_that_is_no_newer_than_the_last_is_a_dead_letter(tmp_path: Path) -> None:
    quotes = [touch(u, ("9", str(i + 1)), ("10", "1")) for i, u in enumerate((5, 6, 6, 4, 7))]
    played = Played(write(tmp_path / "a.gz", [line(i, q) for i, q in enumerate(quotes)]))
    assert played.reasons == ["out_of_sequence"] * 2
    assert played.last.touch.bid_qty == (1, 2, 5)


def test_file_given_twice_tells_nothing_twice(tmp_path: Path, good_lines: list[bytes]) -> None:
    path = write(tmp_path / "a.gz", good_lines)
    once, twice = Played(path), Played(path, path)
    assert twice.trade_ids == once.trade_ids
    assert twice.last.book == once.last.book
    assert twice.reasons == ["out_of_sequence"] * (len(good_lines) - 1)  # all but the snapshot


def test_receive_time_that_steps_back_a_little_keeps_the_order_of_lines(tmp_path: Path) -> None:
    lines = [line(0, trade(1)), line(105, trade(2)), line(95, trade(3)), line(120, trade(4))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.dead == []
    assert played.trade_ids == [1, 2, 3, 4]
    assert played.last.trades.receive_ns[1] == played.last.trades.receive_ns[0]


@pytest.mark.parametrize("wrong_ms", [-60_000, 100 * 24 * 3600 * 1000])
def test_line_with_an_impossible_time_is_a_dead_letter(tmp_path: Path, wrong_ms: int) -> None:
    lines = [line(10, trade(1)), line(wrong_ms, trade(2)), line(20, trade(3))]
    played = Played(write(tmp_path / "a.gz", lines))
    assert played.reasons == ["malformed"]
    assert played.trade_ids == [1, 3]
    assert len(played.frames) == 1


def test_real_pause_of_a_day_between_two_files_is_believed(tmp_path: Path) -> None:
    day_ms = 24 * 3600 * 1000
    first = write(tmp_path / "1", [line(0, trade(1)), line(1, trade(2))])
    second = write(tmp_path / "2", [line(day_ms, trade(3)), line(day_ms + 1, trade(4))])
    played = Played(first, second)
    assert played.dead == []
    assert played.trade_ids == [1, 2, 3, 4]
    assert 86_400 <= len(played.frames) <= 86_403  # a tick a second lies between


def test_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"nowhere\.gz: No such file"):
        sources_from([tmp_path / "nowhere.gz"])
    with pytest.raises(SourceMissing, match="directory"):
        sources_from([tmp_path])


@pytest.mark.parametrize("content", [b"", b"no recording at all\n", b"\x1f\x8b\x08"])
def test_file_that_is_no_recording_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(SourceMissing, match="no market data recognised"):
        sources_from([path])


def test_file_that_vanishes_between_naming_and_reading_is_one_clear_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [line(0, trade(1))])
    (recording,) = sources_from([path])
    path.unlink()
    with pytest.raises(SourceMissing):
        list(recording.frames(FramesSettings()))
