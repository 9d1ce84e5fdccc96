"""Which market a message comes from, and what its symbol is called everywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.errors import MalformedMessage, UnknownStream
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    LiquidationEvent,
    TouchEvent,
    TradeEvent,
)
from streams.exchanges.binance.parser import BinanceParser

_QUOTES = (
    # Longest first, so that BTCFDUSD ends in FDUSD and not in USD.
    *("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "USDS", "USD1", "BIDR", "IDRT", "BVND"),
    *("BKRW", "DOGE", "BTC", "ETH", "BNB", "XRP", "TRX", "DOT", "SOL", "DAI", "VAI", "UST", "PAX"),
    *("EUR", "TRY", "GBP", "AUD", "BRL", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "CZK"),
    *("JPY", "MXN", "COP", "IDR", "USD", "U"),
)
"""Assets that the venue quotes or has quoted in."""
SNAPSHOT_LIMITS = (5, 10, 20, 50, 100, 500, 1000, 5000)
"""Depths that the venue's REST book is asked with; a side this long may have been cut there."""


class Market(StrEnum):
    """The three markets, by venue id."""

    SPOT = "binance"
    USDM = "binanceusdm"
    COINM = "binancecoinm"


def unified_symbol(raw: str, market: Market) -> str:
    """Unified name of a raw one. Raises :class:`MalformedMessage` for an unknown quote asset.

    >>> unified_symbol("BTCUSD_240927", Market.COINM)
    'BTC/USD:BTC-240927'
    """
    pair, _, contract = raw.upper().partition("_")
    for quote in _QUOTES:
        base = pair.removesuffix(quote)
        if base and base != pair:
            break
    else:
        raise MalformedMessage(f"{raw!r} ends in no known quote asset")
    if market is Market.SPOT:
        return f"{base}/{quote}"
    settle = base if market is Market.COINM else quote
    expiry = f"-{contract}" if contract not in ("", "PERP") else ""
    return f"{base}/{quote}:{settle}{expiry}"


class Origin(NamedTuple):
    """Which market and symbol a recording holds, and which of its streams make tape and quotes."""

    market: Market
    raw_symbol: str
    symbol: str
    has_touch: bool
    has_single_trades: bool

    @property
    def venue(self) -> str:
        """Venue id."""
        return self.market.value


def identify(payloads: Iterable[bytes]) -> Origin | None:
    """Origin of a recording from its first messages; ``None`` if they do not tell.

    The shapes differ: futures diffs carry ``pu``, futures quotes and snapshots a time; COIN-M
    symbols are pairs with USD and an underscore. Raises :class:`MalformedMessage` for a symbol that
    ends in no known quote asset.
    """
    parser = BinanceParser()
    futures: bool | None = None
    raw_symbol = None
    touch = single = False
    for payload in payloads:
        try:
            events = parser.parse(payload)
        except (MalformedMessage, UnknownStream):
            continue
        for event in events:
            touch = touch or isinstance(event, TouchEvent)
            single = single or (isinstance(event, TradeEvent) and not event.aggregate)
            if b'"!' in payload[:20]:
                continue  # an all-market stream names other symbols too
            raw_symbol = raw_symbol or event.symbol
            futures = _is_futures(event, payload) if futures is None else futures
    if raw_symbol is None or futures is None:
        return None
    pair, _, contract = raw_symbol.partition("_")
    coin_margined = bool(contract) and pair.endswith("USD")
    market = Market.COINM if coin_margined else Market.USDM if futures else Market.SPOT
    return Origin(market, raw_symbol, unified_symbol(raw_symbol, market), touch, single)


def _is_futures(event: Event, payload: bytes) -> bool | None:
    match event:
        case BookDiff():
            return event.prev_id is not None
        case TouchEvent() | BookSnapshot():
            return event.exchange_ns is not None
        case LiquidationEvent() | DerivativesEvent():
            return True
        case TradeEvent():
            if b'"M":' in payload:  # spot: "ignore"
                return False
            return True if b'"X":' in payload or event.aggregate else None
