"""A venue by way of ccxt: what is the same for all of them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt

from schemas.clock import now_ns
from schemas.errors import GivenUp, VenueUnavailable
from schemas.frame import NS_PER_MS, ContractKind, Instrument, contract_kind
from schemas.settings import FeedSettings
from streams.exchanges.tap import REPLIES, STREAM, Cut, Tapped, options
from streams.exchanges.venue import (
    Candle,
    Connection,
    Contract,
    Listener,
    Stream,
    Transport,
    venue_of,
)

SUBSCRIBED_AT_ONCE = 200
"""Symbols in one subscription; the venues' own bounds are no lower."""
_QUOTES = ("USDT", "USDC", "USD", "FDUSD")
"""What a spot pair must be quoted in for its turnover to be compared with others."""
_TIMEFRAME_MS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "4h": 14_400_000}


class CcxtTransport(Transport):
    """Subclasses name the venue and its ccxt class, and say what is watched and asked.

    ``kinds`` are the contract kinds of the venue that can be listened to.
    """

    venue_id: str
    exchange_class: Any
    kinds: tuple[ContractKind, ...]
    derivatives = True

    def __init__(
        self, settings: FeedSettings, session: aiohttp.ClientSession, listener: Listener
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.venue = venue_of(self.venue_id)
        self.exchange: Any = self.exchange_class(
            options(keep_alive_s=settings.keep_alive_s, session=session)
        )
        self.exchange.has["fetchCurrencies"] = False
        self.exchange.options["fetchMargins"] = False
        self.exchange.tap(listener, self.venue.parser, self.market_of)
        self.contracts: dict[str, Contract] = {}

    def market_of(self, url: str) -> str:
        """Which of the venue's markets a connection to this address is for."""
        del url
        return self.venue_id

    def market_name(self, market: dict[str, Any]) -> str:
        """The same of a symbol."""
        del market
        return self.venue_id

    def raw_symbol(self, market: dict[str, Any]) -> str:
        """The symbol as the venue's messages write it."""
        return str(market["id"])

    async def load(self) -> dict[str, Contract]:
        """What the venue lists, by unified name; what it lists no more is there as not active."""
        markets = await self.call(lambda: self.exchange.load_markets(True))
        if not markets:  # that all are delisted is believed of no venue
            raise VenueUnavailable("markets: the reply lists none")
        at_ns = now_ns()
        gone = {name: known._replace(active=False) for name, known in self.contracts.items()}
        self.contracts = gone | {
            symbol: Contract(
                self.market_name(market),
                self.raw_symbol(market),
                market.get("active") is not False,
                self.rules(symbol, market, at_ns),
            )
            for symbol, market in markets.items()
            if (market.get("spot") or market.get("swap"))
            and contract_kind(symbol) in self.kinds
            and _decimal(market["precision"]["price"]) > 0
        }
        return self.contracts

    def rules(self, symbol: str, market: dict[str, Any], at_ns: int) -> Instrument:
        """Trading rules of a symbol from ccxt's market."""
        return Instrument(
            venue=self.venue_id,
            symbol=symbol,
            effective_ns=at_ns,
            kind=contract_kind(symbol),
            base=str(market["base"]),
            quote=str(market["quote"]),
            settle=str(market.get("settle") or market["quote"]),
            tick_size=self.tick_size(market),
            qty_step=_decimal(market["precision"]["amount"]),
            min_notional=_decimal((market["limits"].get("cost") or {}).get("min")),
            contract_size=_decimal(market.get("contractSize")) or Decimal(1),
            max_orders=self.max_orders(market),
            max_conditionals=self.max_conditionals(market),
        )

    def max_orders(self, market: dict[str, Any]) -> int | None:
        """Most orders of an account that may work at a time; ``None`` if the venue tells none."""
        del market
        return None

    def max_conditionals(self, market: dict[str, Any]) -> int | None:
        """Most of them that may wait for a trigger; ``None`` if the venue tells none."""
        del market
        return None

    def tick_size(self, market: dict[str, Any]) -> Decimal:
        """Step of prices."""
        return _decimal(market["precision"]["price"])

    async def top(self, count: int) -> list[str]:
        """The symbols with the largest turnover of 24 hours, largest first."""
        tickers = await self.call(self.exchange.fetch_tickers)
        turnover = {
            symbol: float(ticker.get("quoteVolume") or 0.0)
            for symbol, ticker in tickers.items()
            if symbol in self.contracts
            and self.contracts[symbol].active
            and self.contracts[symbol].rules.quote in _QUOTES
            and (":" in symbol) is self.derivatives
        }
        return sorted(turnover, key=lambda symbol: (-turnover[symbol], symbol))[:count]

    async def server_ms(self) -> int | None:
        """The venue's clock."""
        if not self.exchange.has.get("fetchTime"):
            return None
        told = await self.call(self.exchange.fetch_time)
        if told is None:
            raise VenueUnavailable("time: the reply does not tell it")
        return int(told)

    async def hold(self, stream: Stream) -> None:
        """Subscribe, and stay until the connection is lost."""
        STREAM.set(stream)
        # The feed's own backoff decides when; ccxt would wait once more.
        self.exchange.ws_dial_backoff = {}
        await self.call(lambda: self.watch(stream))
        raise VenueUnavailable(f"{stream.name}: the subscription ended")

    async def watch(self, stream: Stream) -> None:
        """Ccxt's watch method of a stream."""
        raise NotImplementedError

    def tells(self, kind: str, symbol: str) -> bool:
        """Nothing of a symbol that is not traded now."""
        del kind
        return self.contracts[symbol].active

    def market(self, symbol: str) -> str:
        """Which of the venue's markets a symbol belongs to."""
        return self.contracts[symbol].market

    def renewal(self, stream: Stream, symbol: str) -> list[dict[str, Any]]:
        """What is said to have one symbol of a stream begin anew; nothing where that takes a new
        connection.
        """
        del stream, symbol
        return []

    async def resubscribe(self, stream: Stream, symbol: str) -> None:
        """Have the symbol begin anew, where need be with all that is on its connection."""
        messages = self.renewal(stream, symbol)
        if not messages:
            self.reopen(stream)
            return
        self.listener.on_anew(stream, symbol)  # ahead of what the venue says to it
        for connection in self.exchange.connections_of(stream):
            for message in messages:
                await self.call(functools.partial(self.exchange.say, connection, message))

    def reopen(self, stream: Stream) -> None:
        """Open the stream's connection anew, with all that is on it."""
        for connection in self.exchange.connections_of(stream):
            self.drop(connection, f"{stream.name}: begins anew")

    async def candles(self, symbol: str, timeframe: str, count: int) -> list[Candle]:
        """The last bars that are over, oldest first."""
        if timeframe not in (self.exchange.timeframes or {}):
            return []
        rows = await self.call(lambda: self.bars(symbol, timeframe, count))
        over_ms = now_ns() // NS_PER_MS - _TIMEFRAME_MS[timeframe]
        found = [candle(row) for row in rows if all(value is not None for value in row)]
        return sorted(one for one in found if one.open_ns <= over_ms * NS_PER_MS)

    async def bars(self, symbol: str, timeframe: str, count: int) -> list[list[Any]]:
        """Rows for :func:`candle`, of the bar that is not over too."""
        rows: list[list[Any]] = await self.exchange.fetch_ohlcv(symbol, timeframe, None, count)
        return rows

    async def past(self, symbol: str) -> dict[str, list[tuple[int, float]]]:
        """History of derivatives by the name of their series."""
        del symbol
        return {}

    async def rows(self, ask: Callable[[], Awaitable[Any]], value: str) -> list[tuple[int, float]]:
        """Time and value of ccxt's history rows, oldest first."""
        found = await self.call(ask)
        return sorted(
            (int(row["timestamp"]) * NS_PER_MS, float(row[value]))
            for row in found
            if row.get("timestamp") and row.get(value) is not None
        )

    def drop(self, connection: Connection, reason: str) -> None:
        """Close a connection that does not work."""
        self.exchange.cut(connection, reason)

    async def close(self) -> None:
        """Let go of everything; the session stays its owner's."""
        self.exchange.timeout_on_exit = 0
        await self.exchange.close()

    async def raw(self, ask: Callable[[], Awaitable[Any]]) -> bytes:
        """The text of a reply as it came."""
        box: list[str] = []
        token = REPLIES.set(box)
        try:
            await self.call(ask)
        finally:
            REPLIES.reset(token)
        return box[-1].encode()

    async def call(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Await a call of ccxt. Raises :class:`VenueUnavailable` with what the venue said."""
        try:
            return await ask()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # ccxt cancels the futures of a connection that it closes.
            raise VenueUnavailable("the connection was closed") from None
        except Cut as error:
            raise GivenUp(str(error)) from error
        except ccxt.BaseError as error:
            said = " ".join(str(error).split())[:300]
            raise VenueUnavailable(f"{type(error).__name__}: {said}") from error
        except (aiohttp.ClientError, OSError, ConnectionError) as error:
            raise VenueUnavailable(f"{type(error).__name__}: {error}") from error


def candle(row: Sequence[Any]) -> Candle:
    """A bar of a row: opening time (ms), OHLCV, and maybe number of trades and taker-buy volume.

    >>> candle(["60000", "1", "3", "1", "2", "5", 7, "2.5"]).taker_buy_volume
    2.5
    """
    open_ms, opened, high, low, close, volume, *more = row
    trades, bought = (int(more[0]), float(more[1])) if more else (None, None)
    return Candle(
        int(open_ms) * NS_PER_MS,
        float(opened),
        float(high),
        float(low),
        float(close),
        float(volume),
        trades,
        bought,
    )


def chunks(symbols: Sequence[str], size: int = SUBSCRIBED_AT_ONCE) -> list[tuple[str, ...]]:
    """Symbols in runs of at most ``size``.

    >>> chunks(["a", "b", "c"], 2)
    [('a', 'b'), ('c',)]
    """
    return [tuple(symbols[i : i + size]) for i in range(0, len(symbols), size)]


def _decimal(value: Any) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))


__all__ = ["CcxtTransport", "Tapped", "chunks"]
