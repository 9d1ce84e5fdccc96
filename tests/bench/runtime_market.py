"""Endless markets made of one recording: played in a loop, or by a crowd of symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from schemas.frame import Book, Derivatives, Frame, Known, Liquidations, Touch, Trades
from schemas.settings import FramesSettings
from streams.framer import tick_stagger

Times = tuple[int, ...]


def shifted(frame: Frame, *, by_ns: int, seq: int, symbol: str) -> Frame:
    """The same frame of another symbol, as if all of it had happened ``by_ns`` later."""
    return msgspec.structs.replace(
        frame,
        symbol=symbol,
        seq=seq,
        open_ns=frame.open_ns + by_ns,
        close_ns=frame.close_ns + by_ns,
        trades=_trades(frame.trades, by_ns),
        touch=_touch(frame.touch, by_ns),
        book=None if frame.book is None else _book(frame.book, by_ns),
        liquidations=_liquidations(frame.liquidations, by_ns),
        derivatives=_derivatives(frame.derivatives, by_ns),
    )


def looped(frames: Sequence[Frame], count: int) -> Iterator[Frame]:
    """``count`` frames: the recording again and again, times and ``seq`` going on."""
    first, last = frames[0], frames[-1]
    round_ns = last.close_ns - first.open_ns
    for number in range(count):
        rounds, at = divmod(number, len(frames))
        frame = frames[at]
        yield shifted(frame, by_ns=rounds * round_ns, seq=first.seq + number, symbol=frame.symbol)


class Crowd:
    """Many symbols that each play the recording from a place of its own, one frame an interval.

    A symbol's place is such that its ticks fall where the framer would put them, so they are spread
    over the intervals as they are in a live market. ``at(step)`` gives every symbol's frame of an
    interval.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        *,
        symbols: Sequence[str],
        start_ns: int,
        settings: FramesSettings,
    ) -> None:
        per_tick = settings.frames_per_tick
        self._interval_ns = settings.interval_ns
        self._frames = _without_gaps(frames, self._interval_ns, multiple=per_tick)
        self._start_ns = start_ns
        first_tick = next(i for i, frame in enumerate(self._frames) if frame.is_tick)
        stride = len(self._frames) // len(symbols)
        start = start_ns // self._interval_ns + 1
        self._places: dict[str, int] = {}
        for number, symbol in enumerate(symbols):
            place = number * stride
            stagger = tick_stagger(f"{frames[0].venue}:{symbol}", per_tick)
            self._places[symbol] = place + (first_tick + start - stagger - place) % per_tick

    def at(self, step: int) -> list[Frame]:
        """The frames that close at ``start + (step + 1) · interval``."""
        close_ns = self._start_ns + (step + 1) * self._interval_ns
        crowd = []
        for symbol, place in self._places.items():
            frame = self._frames[(place + step) % len(self._frames)]
            by_ns = close_ns - frame.close_ns
            crowd.append(shifted(frame, by_ns=by_ns, seq=step, symbol=symbol))
        return crowd


def _without_gaps(
    frames: Sequence[Frame], interval_ns: int, *, multiple: int
) -> Sequence[Frame]:
    """The longest run with a frame in every interval, cut to a multiple of a tick's frames."""
    ends = [
        i + 1
        for i, frame in enumerate(frames)
        if i + 1 == len(frames) or frames[i + 1].close_ns - frame.close_ns != interval_ns
    ]
    start, end = max(pairwise([0, *ends]), key=lambda run: run[1] - run[0])
    return frames[start : start + (end - start) // multiple * multiple]


def _later(times: Times, by_ns: int) -> Times:
    return tuple(at + by_ns for at in times)


def _trades(trades: Trades, by_ns: int) -> Trades:
    return msgspec.structs.replace(
        trades,
        exchange_ns=_later(trades.exchange_ns, by_ns),
        receive_ns=_later(trades.receive_ns, by_ns),
    )


def _touch(touch: Touch, by_ns: int) -> Touch:
    return msgspec.structs.replace(
        touch,
        receive_ns=_later(touch.receive_ns, by_ns),
        exchange_ns=_later(touch.exchange_ns, by_ns),
    )


def _book(book: Book, by_ns: int) -> Book:
    if book.exchange_ns is None:
        return book
    return msgspec.structs.replace(book, exchange_ns=book.exchange_ns + by_ns)


def _liquidations(liquidations: Liquidations, by_ns: int) -> Liquidations:
    return msgspec.structs.replace(
        liquidations,
        exchange_ns=_later(liquidations.exchange_ns, by_ns),
        receive_ns=_later(liquidations.receive_ns, by_ns),
    )


def _derivatives(state: Derivatives, by_ns: int) -> Derivatives:
    funding_ns = state.next_funding_ns
    return Derivatives(
        _known(state.mark_price, by_ns),
        _known(state.index_price, by_ns),
        _known(state.funding_rate, by_ns),
        None if funding_ns is None else funding_ns + by_ns,
        _known(state.open_interest, by_ns),
        _known(state.long_short_ratio, by_ns),
    )


def _known(value: Known | None, by_ns: int) -> Known | None:
    if value is None:
        return None
    return msgspec.structs.replace(value, known_ns=value.known_ns + by_ns)
