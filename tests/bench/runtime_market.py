"""Endless markets made of one recording: played in a loop, or by a crowd of symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from schemas.frame import Book, Derivatives, Frame, Known, Liquidations, Touch, Trades

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

    The places differ by odd numbers of frames, so that ticks are spread over the intervals as they
    are in a live market. ``at(step)`` gives every symbol's frame of an interval.
    """

    def __init__(
        self, frames: Sequence[Frame], *, symbols: Sequence[str], start_ns: int, interval_ns: int
    ) -> None:
        self._frames = frames
        self._symbols = symbols
        self._start_ns = start_ns
        self._interval_ns = interval_ns
        self._stride = len(frames) // len(symbols) | 1

    def at(self, step: int) -> list[Frame]:
        """The frames that close at ``start + (step + 1) · interval``."""
        close_ns = self._start_ns + (step + 1) * self._interval_ns
        crowd = []
        for number, symbol in enumerate(self._symbols):
            frame = self._frames[(number * self._stride + step) % len(self._frames)]
            by_ns = close_ns - frame.close_ns
            crowd.append(shifted(frame, by_ns=by_ns, seq=step, symbol=symbol))
        return crowd


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
