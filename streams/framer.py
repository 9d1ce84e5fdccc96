"""Events of one symbol to frames."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.frame import NS_PER_MS, Frame
from schemas.ids import content_id
from schemas.settings import FramesSettings
from streams.events import FeedEvent
from streams.symbol_state import SymbolState


def tick_stagger(key: str, frames_per_tick: int) -> int:
    """Which of ``frames_per_tick`` intervals is the tick of ``venue:symbol``: spread, and stable.

    >>> tick_stagger("binance:BTC/USDT", 1)
    0
    """
    return int(content_id("tick", key), 16) % frames_per_tick


class Framer:
    """Cuts the events of one symbol into frames by receive time.

    Intervals lie at whole multiples of their length since 1970; an event received exactly at a
    close belongs to the next one. A frame is sent for every interval in which something arrived and
    for every tick: an interval with ``(close_ns // interval_ns) % frames_per_tick`` equal to
    :func:`tick_stagger` of the symbol. Receive times must not step back.

    Call :meth:`advance` before each :meth:`add`, and on its own as time passes without events.
    Memory: the book and one interval.
    """

    def __init__(
        self,
        venue: str,
        symbol: str,
        *,
        settings: FramesSettings,
        epoch: int = 1,
        snapshot_limits: tuple[int, ...] = (),
        derive_touch: bool = False,
        best_levels: int | None = None,
    ) -> None:
        self.close_ns = 0
        """End of the open interval; 0 before the first event."""
        self._venue = venue
        self._symbol = symbol
        self._epoch = epoch
        self._seq = 0
        self._settings = settings
        self._interval_ns = settings.interval_ns
        self._tick_ns = settings.interval_ns * settings.frames_per_tick
        stagger = tick_stagger(f"{venue}:{symbol}", settings.frames_per_tick)
        self._tick_offset_ns = settings.interval_ns * stagger
        self.state = SymbolState(
            snapshot_limits=snapshot_limits, derive_touch=derive_touch, best_levels=best_levels
        )

    def add(self, receive_ns: int, event: FeedEvent) -> None:
        """Take an event of the open interval.

        Raises :class:`schemas.errors.RejectedInput` for what must not reach a frame; it has been
        counted as a reject then, and the next event can be added.
        """
        self.state.add(receive_ns, event)

    def reject(self) -> None:
        """Count a message that could not even become an event."""
        self.state.reject()

    def advance(self, now_ns: int) -> Iterator[Frame]:
        """Frames of all intervals that have ended by ``now_ns``; the open one then holds it."""
        if self.close_ns == 0:
            self.close_ns = self._close_after(now_ns)
            self.state.start(now_ns)
        while self.close_ns <= now_ns:
            is_tick = self._is_tick()
            if is_tick or self.state.interval.news:
                yield self._close(is_tick=is_tick)
            # With nothing to tell, only ticks lie between here and now.
            until_tick = (self._tick_offset_ns - self.close_ns) % self._tick_ns or self._tick_ns
            self.close_ns = min(self.close_ns + until_tick, self._close_after(now_ns))

    def urgency(self) -> tuple[bool, int]:
        """Sorts symbols whose intervals end together: ticks first, then who has waited longest."""
        trades = self.state.interval.trades
        return not self._is_tick(), trades[0][1] if trades else self.close_ns

    def finish(self) -> Iterator[Frame]:
        """The frame of the open interval, if something arrived in it."""
        if self.close_ns != 0 and self.state.interval.news:
            yield self._close(is_tick=self._is_tick())

    def _is_tick(self) -> bool:
        return self.close_ns % self._tick_ns == self._tick_offset_ns

    def _close_after(self, now_ns: int) -> int:
        return (now_ns // self._interval_ns + 1) * self._interval_ns

    def _close(self, *, is_tick: bool) -> Frame:
        state, settings = self.state, self._settings
        interval = state.interval
        self._seq += 1
        frame = Frame(
            venue=self._venue,
            symbol=self._symbol,
            epoch=self._epoch,
            seq=self._seq,
            open_ns=self.close_ns - self._interval_ns,
            close_ns=self.close_ns,
            is_tick=is_tick,
            price_exponent=state.price.exponent,
            qty_exponent=state.qty.exponent,
            trades=interval.trade_columns(),
            touch=interval.touch_columns(by_exchange_time=not state.derive_touch),
            book=state.book_part(settings.levels),
            bands=state.band_part() if is_tick else None,
            liquidations=interval.liquidation_columns(),
            derivatives=state.derivatives,
            quality=state.quality(
                self.close_ns, stale_after_ns=settings.stale_after_ms * NS_PER_MS
            ),
        )
        state.open_interval()
        return frame
