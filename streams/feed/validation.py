"""What is believed of an event: times near ours, prices near the last mid."""

from __future__ import annotations

from schemas.errors import OutOfBand, WrongClock
from schemas.frame import NS_PER_MS, TradeFlag
from schemas.settings import FeedSettings
from streams.events import (
    AT_RECEIPT,
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    FeedEvent,
    LiquidationEvent,
    SnapshotKind,
    TouchEvent,
    TradeEvent,
)

_BPS = 10_000
_RECOVERED, _NON_MARKET = int(TradeFlag.RECOVERED_LATE), int(TradeFlag.NON_MARKET)


class Validator:
    """Checks the events of one symbol. Steps of price and quantity are checked where they are
    scaled, crossed books where they are applied.
    """

    __slots__ = ("_ahead_ns", "_backwards_ns", "_band", "_behind_ns", "_high", "_low", "_tape_ns")

    def __init__(self, settings: FeedSettings) -> None:
        self._ahead_ns = settings.max_ahead_ms * NS_PER_MS
        self._behind_ns = settings.max_behind_ms * NS_PER_MS
        self._backwards_ns = settings.max_backwards_ms * NS_PER_MS
        self._band = settings.price_band_bps / _BPS
        self._low, self._high = 0.0, float("inf")
        self._tape_ns = 0

    def mid(self, price: float) -> None:
        """The mid of the book now; prices are held against it until the next."""
        self._low, self._high = price * (1 - self._band), price * (1 + self._band)

    def check(self, receive_ns: int, event: FeedEvent) -> None:
        """Raises :class:`WrongClock` or :class:`OutOfBand`."""
        if isinstance(event, TradeEvent):
            self._check_trade(receive_ns, event)
        elif isinstance(event, TouchEvent):
            self._check_touch(receive_ns, event)
        elif (exchange_ns := _stamp(event)) is not None:
            self._check_time(receive_ns, exchange_ns)

    def _check_trade(self, receive_ns: int, event: TradeEvent) -> None:
        if event.flags & _RECOVERED:
            return  # from before, and told by the venue's archive
        self._check_time(receive_ns, event.exchange_ns)
        if event.exchange_ns < self._tape_ns - self._backwards_ns:
            back_s = (self._tape_ns - event.exchange_ns) / 1e9
            raise WrongClock(f"trade {event.id} is {back_s:.3f} s before the one before it")
        if not event.flags & _NON_MARKET:
            self._check_price(event.price)
        self._tape_ns = max(self._tape_ns, event.exchange_ns)

    def _check_touch(self, receive_ns: int, event: TouchEvent) -> None:
        if event.exchange_ns is not None:
            self._check_time(receive_ns, event.exchange_ns)
        # A side without orders has a price that means nothing.
        if event.bid_qty.strip("0."):
            self._check_price(event.bid_price)
        if event.ask_qty.strip("0."):
            self._check_price(event.ask_price)

    def _check_time(self, receive_ns: int, exchange_ns: int) -> None:
        age_ns = receive_ns - exchange_ns
        if not -self._ahead_ns <= age_ns <= self._behind_ns:
            raise WrongClock(f"the venue's time is {-age_ns / 1e9:+.3f} s from the receive clock")

    def _check_price(self, text: str) -> None:
        try:
            price = float(text)
        except ValueError:
            return  # scaling refuses it with a better reason
        if not self._low <= price <= self._high:
            raise OutOfBand(
                f"price {text} lies outside {self._low:.10g} to {self._high:.10g}, "
                "the band around the last mid"
            )


def _stamp(event: FeedEvent) -> int | None:
    """When an event happened; ``None`` where it may lie long before: books that are no news."""
    match event:
        case BookDiff() | LiquidationEvent() | BookSnapshot(kind=SnapshotKind.WHOLE):
            return event.exchange_ns
        case DerivativesEvent():
            return None if event.known_ns == AT_RECEIPT else event.known_ns
        case _:
            return None
