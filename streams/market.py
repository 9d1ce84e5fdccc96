"""What a market did, exactly: volumes, bars and the final book, folded from decoded frames."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from schemas.frame import NS_PER_MS, Frame, Side, TradeFlag

_EXACT = Context(prec=60)
"""Sums and products of 16-digit numbers over any real recording stay below 60 digits."""
_VWAP_STEP = Decimal("1e-8")
_MINUTE_MS = 60_000
_ZERO = Decimal(0)


class _Bar:
    __slots__ = ("close", "count", "high", "low", "open", "volume")

    def __init__(self, price: Decimal) -> None:
        self.open = self.high = self.low = self.close = price
        self.volume = _ZERO
        self.count = 0


class _SymbolFold:
    def __init__(self) -> None:
        self.trades = 0
        self.buy = self.sell = self.quote = _ZERO
        self.non_market: list[dict[str, Any]] = []
        self.bars: dict[int, _Bar] = {}
        self.last: Frame | None = None

    def add(self, frame: Frame) -> None:
        self.last = frame
        trades = frame.trades
        for i, flags in enumerate(trades.flags):
            price, qty = frame.price(trades.price[i]), frame.qty(trades.qty[i])
            time_ms = trades.exchange_ns[i] // NS_PER_MS
            if flags & TradeFlag.NON_MARKET:
                row = {"id": trades.id[i], "time_ms": time_ms}
                self.non_market.append(row | {"price": _text(price), "qty": _text(qty)})
                continue
            self.trades += 1
            if trades.side[i] == Side.BUY:
                self.buy = _EXACT.add(self.buy, qty)
            else:
                self.sell = _EXACT.add(self.sell, qty)
            self.quote = _EXACT.fma(price, qty, self.quote)
            self._add_to_bar(time_ms - time_ms % _MINUTE_MS, price, qty)

    def _add_to_bar(self, start_ms: int, price: Decimal, qty: Decimal) -> None:
        bar = self.bars.get(start_ms)
        if bar is None:
            bar = self.bars[start_ms] = _Bar(price)
        bar.high = max(bar.high, price)
        bar.low = min(bar.low, price)
        bar.close = price
        bar.volume = _EXACT.add(bar.volume, qty)
        bar.count += 1

    def result(self) -> dict[str, Any]:
        volume = _EXACT.add(self.buy, self.sell)
        vwap = _EXACT.divide(self.quote, volume) if volume else None
        return {
            "trades": self.trades,
            "taker_buy_vol": _text(self.buy),
            "taker_sell_vol": _text(self.sell),
            "delta": _text(_EXACT.subtract(self.buy, self.sell)),
            "quote_vol": _text(self.quote),
            "vwap": None if vwap is None else _text(vwap.quantize(_VWAP_STEP, ROUND_HALF_EVEN)),
            "non_market_trades": self.non_market,
            "final_book": self._final_book(),
            "minute_bars": {
                str(start): [
                    *(_text(v) for v in (bar.open, bar.high, bar.low, bar.close, bar.volume)),
                    str(bar.count),
                ]
                for start, bar in sorted(self.bars.items())
            },
        }

    def _final_book(self) -> dict[str, str | None] | None:
        frame = self.last
        if frame is None or frame.book is None:
            return None
        book = frame.book
        return {
            "best_bid": _first(book.bid_price, frame.price_exponent),
            "best_bid_qty": _first(book.bid_qty, frame.qty_exponent),
            "best_ask": _first(book.ask_price, frame.price_exponent),
            "best_ask_qty": _first(book.ask_qty, frame.qty_exponent),
        }


class MarketFold:
    """Folds frames of any symbols, each symbol's in order.

    Trades that are not MARKET are listed and left out of everything else. Bars go by the trades'
    exchange time. Memory: the minute bars, and the trades that are not MARKET.
    """

    def __init__(self) -> None:
        self._symbols: dict[str, _SymbolFold] = {}

    def add(self, frame: Frame) -> None:
        """Take a decoded frame."""
        fold = self._symbols.get(frame.key)
        if fold is None:
            fold = self._symbols[frame.key] = _SymbolFold()
        fold.add(frame)

    def result(self) -> dict[str, dict[str, Any]]:
        """By ``venue:symbol``, sorted; exact decimals as strings.

        ``vwap`` is quote volume by volume, rounded half to even at the 8th decimal, ``None``
        without trades; ``final_book`` is ``None`` if the last frame has no synchronised book, and a
        side's values are ``None`` if it is empty. ``minute_bars`` maps the start in ms to open,
        high, low, close, volume and count.
        """
        return {key: self._symbols[key].result() for key in sorted(self._symbols)}


def _first(values: tuple[int, ...], exponent: int) -> str | None:
    return _text(Decimal(values[0]).scaleb(-exponent)) if values else None


def _text(value: Decimal) -> str:
    return format(value, "f")
