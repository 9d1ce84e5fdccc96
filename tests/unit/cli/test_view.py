"""The live view: what it knows comes from records, what it shows fits the terminal."""

from __future__ import annotations

import io
from decimal import Decimal

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from cli.board import Board
from cli.view import COLUMNS, LiveView
from schemas.frame import NS_PER_S, Quality
from schemas.health import DeadLetter
from schemas.order import Position
from schemas.score import ConfluenceScore
from schemas.signal import SignalKind
from schemas.topics import (
    CONFLUENCE_SCORES,
    DEAD_LETTERS,
    DIMENSION_SCORES,
    FRAMES,
    POSITIONS,
    SIGNALS,
)
from tests.support.messages import SYMBOL, VENUE, frame_at, score_of, signal_of

NOW_NS = 100 * NS_PER_S


def position_of(qty: str, *, price: str = "100", realised: str = "0", fees: str = "0") -> Position:
    return Position(
        "paper", VENUE, SYMBOL, NOW_NS, Decimal(qty), Decimal(price), Decimal(realised),
        Decimal(fees), Decimal(50_000),
    )  # fmt: skip


def confluence_of(score: float | None) -> ConfluenceScore:
    return ConfluenceScore(VENUE, SYMBOL, NOW_NS, 1, 1, score, 0.875, 100.0, (), (), 68.0, 35.0)


def board_of_one_symbol() -> Board:
    board = Board(start_balance=Decimal(100_000))
    board.add(FRAMES, frame_at(NOW_NS))
    board.add(DIMENSION_SCORES, score_of("orderbook", 71.5))
    board.add(DIMENSION_SCORES, score_of("orderflow", None))
    board.add(CONFLUENCE_SCORES, confluence_of(64.25))
    board.add(SIGNALS, signal_of(SignalKind.LONG, tick_ns=NOW_NS - 7 * NS_PER_S))
    board.add(POSITIONS, position_of("1.50", price="99", realised="4", fees="0.5"))
    return board


def drawn(board: Board, *, width: int = 200, height: int = 50, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    console = Console(file=file, width=width, height=height, force_terminal=False)
    console.print(LiveView(board, title="a test"))
    file.flush()
    file.seek(0)
    return file.read()


def test_a_row_shows_price_score_faces_signal_position_and_profit() -> None:
    row = next(line for line in drawn(board_of_one_symbol()).splitlines() if SYMBOL in line)
    cells = row.split()
    assert cells[:3] == [SYMBOL, "100.00", "64.2"]
    assert cells.count("—") == 4
    assert ".." in cells
    assert "72" in cells
    assert "0.88" in cells
    assert "long 7s" in row
    assert "+1.5" in cells
    assert "+5.00" in cells  # 1.5 · (100 − 99) + 4 − 0.5
    assert cells[-1] == "ok"


def test_equity_is_the_balance_and_what_is_open() -> None:
    board = board_of_one_symbol()
    assert board.balance == Decimal(50_000)
    assert board.equity == Decimal("50001.5")
    assert "equity 50,001.50" in drawn(board)


def test_a_short_position_earns_when_the_price_falls() -> None:
    board = board_of_one_symbol()
    board.add(POSITIONS, position_of("-2", price="103"))
    (row,) = board.rows.values()
    assert row.unrealised() == Decimal(6)
    board.add(POSITIONS, position_of("0"))
    assert row.unrealised() == 0
    assert "flat" in drawn(board)


@pytest.mark.parametrize(
    ("quality", "told"),
    [
        (Quality(book_synced=True), "ok"),
        (Quality(book_synced=False), "no book"),
        (Quality(book_synced=True, stale=("book", "touch")), "stale book,touch"),
        (Quality(book_synced=True, missing_ids=3), "gap 3"),
        (Quality(book_synced=True, missing_ids=3, ids_verifiable=False), "ok"),
    ],
)
def test_the_feed_says_what_is_wrong_with_it(quality: Quality, told: str) -> None:
    board = Board(start_balance=Decimal(1))
    board.add(FRAMES, msgspec.structs.replace(frame_at(NOW_NS), quality=quality))
    (row,) = board.rows.values()
    assert row.feed(NOW_NS, silent_after_ns=NS_PER_S) == told
    assert row.feed(NOW_NS + 2 * NS_PER_S, silent_after_ns=NS_PER_S) == "silent"


def test_without_both_sides_the_last_price_stays() -> None:
    board = board_of_one_symbol()
    board.add(FRAMES, frame_at(NOW_NS + 1, bids=()))
    (row,) = board.rows.values()
    assert row.price == Decimal("100.00")


def test_symbols_are_shown_in_the_order_of_their_names() -> None:
    board = Board(start_balance=Decimal(1))
    for symbol in ("SOL/USDT:USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"):
        board.add(FRAMES, frame_at(NOW_NS, symbol=symbol))
    text = drawn(board)
    assert text.index("BTC/") < text.index("ETH/") < text.index("SOL/")


@pytest.mark.parametrize("width", [30, 48, 60, 79, 80, 100, 104, 112, 120, 136, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    board = board_of_one_symbol()
    lines = drawn(board, width=width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    row = next(line for line in lines if line.startswith(SYMBOL))
    assert "…" not in row
    assert "long" in row


def test_a_usual_terminal_of_80_columns_has_room_for_the_six_faces() -> None:
    heading = drawn(board_of_one_symbol(), width=80).splitlines()[1].split()
    assert heading == [
        "symbol", "price", "score", "tech", "vol", "flow", "book", "strc", "sent", "signal", "P&L",
    ]  # fmt: skip


def test_wider_terminals_never_have_fewer_columns() -> None:
    counts = [
        len([column for column in COLUMNS if width >= column.least_width]) for width in range(200)
    ]
    assert counts == sorted(counts)
    assert counts[-1] == len(COLUMNS)


def test_a_low_terminal_says_how_many_symbols_it_leaves_out() -> None:
    board = Board(start_balance=Decimal(1))
    for number in range(30):
        board.add(FRAMES, frame_at(NOW_NS, symbol=f"S{number:02}/USDT"))
    lines = drawn(board, height=10).splitlines()
    assert len(lines) < 10
    assert "25 more symbols do not fit" in lines


def test_an_empty_board_and_a_terminal_without_unicode_can_be_drawn() -> None:
    assert "Market Prism" in drawn(Board(start_balance=Decimal(1)))
    text = drawn(board_of_one_symbol(), encoding="ascii")
    assert "o-----" in text
    assert " - " in text


def test_dead_letters_show_once_there_are_any() -> None:
    board = board_of_one_symbol()
    assert "dead" not in drawn(board)
    board.add(DEAD_LETTERS, DeadLetter("file", "malformed", "why", b""))
    assert "dead letters 1" in drawn(board)
