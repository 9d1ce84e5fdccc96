"""Books and depth bands of frames against a naive full book kept beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.frame import BAND_BPS, Frame
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.golden.sources import (
    UNITS,
    Line,
    coin_margined_paths,
    golden_paths,
    plain_lines,
    units,
)

pytestmark = pytest.mark.needs_market_data

SNAPSHOT_LIMIT = 1000
"""Levels a side that the recorders asked for: fewer is a complete side."""


class NaiveBook:
    """Dicts of levels, sorted whenever somebody looks."""

    def __init__(self) -> None:
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.edges: list[int | None] = [None, None]
        self.last_id: int | None = None
        self.waiting: list[dict[str, Any]] = []
        self._sorted: tuple[list[tuple[int, int]], list[tuple[int, int]]] | None = None

    def take(self, line: Line) -> None:
        """Snapshot or diff, by the venue's recipe; the recordings are known to have no gaps."""
        if line.channel == "snapshot":
            self.last_id = line.data["lastUpdateId"]
            for side, key in enumerate(("bids", "asks")):
                self._set(side, line.data[key])
                levels = line.data[key]
                cut = len(levels) == SNAPSHOT_LIMIT
                self.edges[side] = units(levels[-1][0]) if cut else None
            for diff in self.waiting:
                self._apply(diff)
        elif line.channel.startswith("depth"):
            if self.last_id is None:
                self.waiting.append(line.data)
            else:
                self._apply(line.data)

    def _apply(self, diff: dict[str, Any]) -> None:
        assert self.last_id is not None
        if diff["u"] > self.last_id:
            self._set(0, diff["b"])
            self._set(1, diff["a"])

    def _set(self, side: int, levels: list[list[str]]) -> None:
        self._sorted = None
        for price, qty in levels:
            if units(qty) == 0:
                self.sides[side].pop(units(price), None)
            else:
                self.sides[side][units(price)] = units(qty)

    def levels(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks, best first."""
        if self._sorted is None:
            bids, asks = self.sides
            self._sorted = (sorted(bids.items(), reverse=True), sorted(asks.items()))
        return self._sorted

    def bands(self) -> tuple[list[int | None], list[int | None]]:
        """Depth within each band; ``None`` beyond the last level of a snapshot that was cut."""
        bids, asks = self.levels()
        twice_mid = bids[0][0] + asks[0][0]
        result: tuple[list[int | None], list[int | None]] = ([], [])
        for bps in BAND_BPS:
            lowest, highest = twice_mid * (10_000 - bps), twice_mid * (10_000 + bps)
            bid_edge, ask_edge = self.edges
            if bid_edge is not None and lowest < bid_edge * 20_000:
                result[0].append(None)
            else:
                result[0].append(_sum_while(bids, lambda p, low=lowest: p * 20_000 >= low))
            if ask_edge is not None and highest > ask_edge * 20_000:
                result[1].append(None)
            else:
                result[1].append(_sum_while(asks, lambda p, high=highest: p * 20_000 <= high))
        return result


def _sum_while(levels: list[tuple[int, int]], within: Any) -> int:
    total = 0
    for price, qty in levels:
        if not within(price):
            break
        total += qty
    return total


def frames_with_naive_book(paths: list[Path]) -> Iterator[tuple[Frame, NaiveBook]]:
    """Every frame, and the naive book after all that was received before its close."""
    book = NaiveBook()
    lines = plain_lines(paths)
    line = next(lines, None)
    (recording,) = sources_from(paths)
    for frame in recording.frames(FramesSettings()):
        while line is not None and line.receive_ns < frame.close_ns:
            book.take(line)
            line = next(lines, None)
        yield frame, book
    assert line is None


@pytest.mark.parametrize(
    "source",
    ["BTC_usdm_20240808", "ETH_usdm_20240808", "BTC_spot_20240808", "NEXO_spot_23_24", "btc"],
)
def test_bands_and_top_levels_of_every_tick_frame_equal_a_naive_full_book(
    market_data: Path, source: str
) -> None:
    coin_margined = source == "btc"
    paths = (coin_margined_paths if coin_margined else golden_paths)(market_data, source)
    compared = known_bands = 0
    for frame, naive in frames_with_naive_book(paths):
        if not frame.is_tick or frame.book is None:
            assert frame.bands is None
            continue
        assert frame.bands is not None
        price, qty = UNITS // 10**frame.price_exponent, UNITS // 10**frame.qty_exponent
        book = frame.book
        bids, asks = naive.levels()
        assert [
            (p * price, q * qty) for p, q in zip(book.bid_price, book.bid_qty, strict=True)
        ] == bids[:50]
        assert [
            (p * price, q * qty) for p, q in zip(book.ask_price, book.ask_qty, strict=True)
        ] == asks[:50]
        bid_bands, ask_bands = naive.bands()
        assert [None if q is None else q * qty for q in frame.bands.bid_qty] == bid_bands
        assert [None if q is None else q * qty for q in frame.bands.ask_qty] == ask_bands
        compared += 1
        known_bands += sum(q is not None for q in (*bid_bands, *ask_bands))
    assert compared > 300
    assert known_bands > compared  # at least the nearest bands are known


def test_flows_of_all_frames_explain_the_change_of_a_complete_book(market_data: Path) -> None:
    paths = golden_paths(market_data, "NEXO_spot_23_24")[:1]
    added = removed = 0
    first: int | None = None
    naive_total = 0
    for frame, naive in frames_with_naive_book(paths):
        assert frame.book is not None
        unit = UNITS // 10**frame.qty_exponent
        naive_total = sum(naive.sides[0].values())
        added += frame.book.bid_added * unit
        removed += frame.book.bid_removed * unit
        if first is None:
            first = naive_total - added + removed
    snapshot = next(plain_lines(paths)).data
    assert first == sum(units(qty) for _, qty in snapshot["bids"])
    assert naive_total == first + added - removed
    assert added > 0
    assert removed > 0
