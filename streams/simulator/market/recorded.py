"""A recording as a market: its events at other times, once or again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from schemas.errors import OutOfSequence, RejectedInput, SourceMissing
from schemas.frame import NS_PER_MS
from streams.continuity import DepthContinuity, Verdict
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    LiquidationEvent,
    TouchEvent,
    TradeEvent,
)
from streams.exchanges.binance import BinanceParser
from streams.recordings import sources_from
from streams.recordings.raw_lines import RawLines
from streams.simulator.market.source import Rules

_WRAP_NS = 100 * NS_PER_MS
"""Between the last event of a pass and the snapshot that starts the next."""


class RecordedSource:
    """The files of one recorded Binance symbol as a :class:`MarketSource`.

    The first event is the first snapshot, at ``start_ns``; all times are shifted by as much. What
    was recorded ahead of it is left out, as are best prices, aggregates of trades that are recorded
    singly, and lines that cannot be read. Trades are numbered anew from 1, book updates from 1 in
    steps as recorded; both go on from pass to pass.

    Raises :class:`SourceMissing` for files that are no recording of one symbol, and from
    :meth:`events`, where it is looped, if they hold no snapshot.
    """

    def __init__(
        self, rules: Rules, paths: Sequence[Path], *, start_ns: int, loop: bool = False
    ) -> None:
        recordings = sources_from(paths)
        if len(recordings) != 1:
            keys = ", ".join(recording.key for recording in recordings) or "nothing"
            raise SourceMissing(f"{len(paths)} files hold {keys}; name those of one symbol")
        self.rules = rules
        self._origin = recordings[0].origin
        self._paths = tuple(paths)
        self._start_ns = start_ns
        self._loop = loop

    def events(self) -> Iterator[tuple[int, Event]]:
        """Venue time and event, in time order; without an end if looped."""
        shift = _Shift(self.rules.venue_id, self._start_ns)
        while True:
            yield from shift.apply(self._recorded())
            if not self._loop:
                return
            shift.wrap()

    def _recorded(self) -> Iterator[Event]:
        """As recorded, in the order of receipt."""

        def leave_out(_file: str, _error: RejectedInput, _body: bytes, _receive_ns: int) -> None:
            """``Recording.frames`` tells what is wrong with a file."""

        origin = self._origin
        parse = BinanceParser().parse
        for _, payload in RawLines(self._paths, leave_out):
            try:
                events = parse(payload)
            except RejectedInput:
                continue
            for event in events:
                if event.symbol not in (None, origin.raw_symbol) or isinstance(event, TouchEvent):
                    continue
                if isinstance(event, TradeEvent) and event.aggregate and origin.has_single_trades:
                    continue
                yield event


class _Shift:
    """Moves events to other times and ids, and leaves out what does not continue the book."""

    def __init__(self, symbol: str, start_ns: int) -> None:
        self._symbol = symbol
        self._now_ns = start_ns
        self._book_id = 0
        self._trade_id = 0
        self._begin()

    def _begin(self) -> None:
        self._depth = DepthContinuity()
        self._start_ns = self._now_ns
        self._shift_ns: int | None = None
        self._started = False

    def wrap(self) -> None:
        """The recording starts again."""
        if not self._started:
            raise SourceMissing(f"{self._symbol}: the recording holds no snapshot of the book")
        self._now_ns += _WRAP_NS
        self._begin()

    def apply(self, recorded: Iterator[Event]) -> Iterator[tuple[int, Event]]:
        """One pass."""
        for event in recorded:
            match event:
                case BookSnapshot():
                    yield from self._snapshot(event)
                case BookDiff():
                    yield from self._diff(event)
                case TradeEvent() if self._started:
                    yield self._trade(event)
                case LiquidationEvent() if self._started:
                    at_ns = self._moved(event.exchange_ns)
                    yield self._now_ns, replace(event, symbol=self._symbol, exchange_ns=at_ns)
                case DerivativesEvent() if self._started:
                    yield self._derivatives(event)

    def _moved(self, recorded_ns: int) -> int:
        """Another venue time; the present goes on to it, and never back."""
        if self._shift_ns is None:
            self._shift_ns = self._start_ns - recorded_ns
        moved_ns = recorded_ns + self._shift_ns
        self._now_ns = max(self._now_ns, moved_ns)
        return moved_ns

    def _snapshot(self, event: BookSnapshot) -> Iterator[tuple[int, Event]]:
        last_id = self._depth.last_id
        if last_id is not None and event.update_id <= last_id:
            return
        self._started = True
        if event.exchange_ns is not None:
            self._moved(event.exchange_ns)
        self._book_id += 1
        yield (
            self._now_ns,
            BookSnapshot(self._symbol, self._now_ns, self._book_id, event.bids, event.asks),
        )
        for diff in self._depth.restart(event.update_id):
            yield from self._diff(diff)

    def _diff(self, event: BookDiff) -> Iterator[tuple[int, Event]]:
        try:
            if self._depth.judge(event) is not Verdict.APPLY:
                return
        except OutOfSequence:
            return  # a gap: the book stands still until the recording's next snapshot
        at_ns = self._now_ns if event.exchange_ns is None else self._moved(event.exchange_ns)
        before = self._book_id
        self._book_id += event.last_id - event.first_id + 1
        yield (
            self._now_ns,
            BookDiff(
                self._symbol, at_ns, before + 1, self._book_id, before, event.bids, event.asks
            ),
        )

    def _trade(self, event: TradeEvent) -> tuple[int, Event]:
        self._trade_id += 1
        moved = replace(
            event,
            symbol=self._symbol,
            exchange_ns=self._moved(event.exchange_ns),
            id=self._trade_id,
            first_id=self._trade_id,
            last_id=self._trade_id,
            aggregate=False,
        )
        return self._now_ns, moved

    def _derivatives(self, event: DerivativesEvent) -> tuple[int, Event]:
        known_ns = self._moved(event.known_ns)
        next_ns = event.next_funding_ns
        if next_ns is not None:
            next_ns += known_ns - event.known_ns
        return self._now_ns, replace(
            event, symbol=self._symbol, known_ns=known_ns, next_funding_ns=next_ns
        )
