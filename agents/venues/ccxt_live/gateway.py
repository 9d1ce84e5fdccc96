"""One account at one venue through ccxt.pro: what is the same for all of them.

ccxt signs, sends, parses and maps errors; it never retries here. Numbers are read from the shortest
text of ccxt's floats: venues give at most 15 significant digits, which a float keeps.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

import aiohttp
import ccxt.pro

from agents.venues.ccxt_live.budget import LIMITS, Budget
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.errors import retry_after_s, text_of
from agents.venues.ccxt_live.seen import (
    Fees,
    Rights,
    Seen,
    SeenAccount,
    SeenFunding,
    SeenMarket,
    SeenTrade,
)
from schemas.clock import now_ns
from schemas.errors import UsageError
from schemas.frame import NS_PER_MS, Side
from schemas.live_settings import LiveSettings, PositionMode
from schemas.order import Order, OrderStatus, OrderType, TimeInForce
from schemas.venue import RestingOrder, VenuePosition, VenueRequest

ZERO = Decimal(0)

_FORCE = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
_BPS = Decimal(10_000)
_PAUSE_S = 10.0
_FUNDINGS = 1_000
_STATUS = {
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "canceling": OrderStatus.ACKNOWLEDGED,
    "expired": OrderStatus.CANCELLED,
    "rejected": OrderStatus.REJECTED,
}


class CcxtGateway:
    """Subclasses say what a venue does in its own way. See :class:`seen.Gateway`."""

    conditional: Mapping[str, Any] = MappingProxyType({})
    """What a request about a conditional order says beside its id."""
    funding_weight = 30.0
    """What a look at funding payments costs."""
    of_fundings: Mapping[str, Any] = MappingProxyType({})
    """What it says beside how many are wanted."""
    dead_man_range_s = (0.0, math.inf)
    """What ``live.dead_man_s`` may be there."""

    def __init__(
        self,
        settings: LiveSettings,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        *,
        adjusts_clock: bool = True,
    ) -> None:
        self.settings = settings
        self._hidden = credentials.hidden()
        self.exchange = self.make(settings, credentials, session, adjusts_clock)
        self.budget = Budget(LIMITS[settings.venue], share=settings.rate_share)
        self._loading = asyncio.Lock()

    def make(
        self,
        settings: LiveSettings,
        credentials: Credentials,
        session: aiohttp.ClientSession,
        adjusts_clock: bool,
    ) -> Any:
        """The ccxt client, with the venue's testnet or demo endpoints where the settings say so."""
        exchange = getattr(ccxt.pro, settings.venue)(
            {
                "apiKey": credentials.key,
                "secret": credentials.secret,
                "password": credentials.password,
                "session": session,
                "enableRateLimit": False,  # one budget for all that is asked for the account
                "timeout": round(settings.timeout_s * 1_000),
                "options": {
                    "maxRetriesOnFailure": 0,
                    "adjustForTimeDifference": adjusts_clock,
                    "recvWindow": settings.recv_window_ms,
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                    "fetchMargins": False,
                },
            }
        )
        # Streams of orders ask for it, too, and nobody waits for the answer: when it fails, its
        # address is printed, signed.
        exchange.options.setdefault("watchPositions", {})["fetchPositionsSnapshot"] = False
        exchange.has["fetchCurrencies"] = False
        if settings.sandbox and not settings.connect_to:
            self.to_sandbox(exchange)
        return exchange

    def to_sandbox(self, exchange: Any) -> None:
        """Point a client at the venue's testnet."""
        exchange.set_sandbox_mode(True)

    async def ask(self, asking: Callable[[], Any], weight: float = 1.0) -> Any:
        """Make one request within the budget, and wait for its reply for ``timeout_s``."""
        await self.load()
        await self.budget.take(weight)
        return await self._answer(asking)

    async def ask_first(self, asking: Callable[[], Any], *, patience_s: float) -> Any:
        """The same for what moves orders: it waits behind nothing but a pause of the venue's."""
        await self.load()
        await self.budget.take_first(patience_s=patience_s)
        return await self._answer(asking)

    async def _answer(self, asking: Callable[[], Any]) -> Any:
        try:
            # Not wait_for: that loses a cancellation that comes together with the reply (up to
            # Python 3.11), and who is told to end goes on.
            async with asyncio.timeout(self.settings.timeout_s):
                return await asking()
        except Exception as error:
            self.budget.pause(self.retry_after_s(error))
            raise

    async def load(self) -> None:
        """Load markets once, and the clock's offset where it is corrected.

        Callers of ccxt share what it loads, and one that is out of patience would end it for all:
        so it is loaded before anything is asked, and each of its requests has ``timeout_s``.
        """
        async with self._loading:
            if not self.exchange.markets:
                await self.budget.take(10)
                await self.exchange.load_markets()

    async def clock_off_ms(self) -> float:
        """Our clock less the venue's, half of the way there taken off. ``nan`` if it tells none."""
        if not self.exchange.has.get("fetchTime"):
            return float("nan")
        before = now_ns()
        there = await self.ask(self.exchange.fetch_time)
        return (before + now_ns()) / 2 / NS_PER_MS - float(there)

    async def rights(self) -> Rights:
        """What the key may do."""
        return Rights()

    def market(self, symbol: str) -> SeenMarket | None:
        """How the venue lists a symbol, ``None`` if it does not; after :meth:`load`."""
        row = self.exchange.markets.get(symbol)
        if row is None:
            return None
        return SeenMarket(
            active=row.get("active") is not False,
            settle=str(row.get("settle") or row["quote"]),
            tick_size=decimal_of(row["precision"].get("price")),
            qty_step=decimal_of(row["precision"].get("amount")),
            min_notional=decimal_of((row["limits"].get("cost") or {}).get("min")),
        )

    async def fees(self, symbol: str) -> Fees | None:
        """What the account pays for a symbol; ``None`` where the venue does not tell."""
        if not self.exchange.has.get("fetchTradingFee"):
            return None
        row = await self.ask(lambda: self.exchange.fetch_trading_fee(symbol), 20)
        maker, taker = decimal_of(row.get("maker")), decimal_of(row.get("taker"))
        if maker is None or taker is None:
            return None
        return Fees(maker * _BPS, taker * _BPS)

    def has_dead_man(self) -> bool:
        """Whether the venue cancels our orders when it hears nothing of us."""
        return bool(self.exchange.has.get("cancelAllOrdersAfter"))

    async def terms(self, symbol: str) -> list[str]:
        """How leverage and margin mode of a contract differ from the settings; sets nothing."""
        if not self.exchange.market(symbol)["contract"]:
            return []
        wanted = self.settings.margin_mode.value
        return await self.terms_differ(symbol, wanted, int(self.settings.leverage))

    async def confirm(self, symbols: Sequence[str]) -> list[str]:
        """Set what the settings want of each symbol, and say what is not so."""
        await self.load()
        if self.settings.position_mode is PositionMode.HEDGE:
            return ["position_mode: hedge is not supported; set live.position_mode to one_way"]
        problems = []
        if await self.is_hedged(symbols):
            problems.append("position_mode: the venue is in hedge mode; switch it to one-way there")
        for symbol in symbols:
            if symbol not in self.exchange.markets:
                problems.append(f"{symbol}: not listed at {self.settings.venue}")
            elif self.exchange.market(symbol)["contract"]:
                problems += await self.set_terms(symbol)
        return problems

    async def is_hedged(self, symbols: Sequence[str]) -> bool:
        """Whether longs and shorts are kept apart."""
        del symbols
        if not self.exchange.has.get("fetchPositionMode"):
            return False
        mode = await self.ask(self.exchange.fetch_position_mode)
        return bool(mode["hedged"])

    async def set_terms(self, symbol: str) -> list[str]:
        """Set margin mode and leverage of a contract, and read both back."""
        wanted = self.settings.margin_mode.value
        try:
            await self.ask(lambda: self.exchange.set_margin_mode(wanted, symbol))
        except (ccxt.NoChange, ccxt.NotSupported):
            pass
        except ccxt.ExchangeError as error:
            # A venue may say in its own words that it is so already; the look below decides.
            said = self.describe(error)
            if "already" not in said.lower() and "not modified" not in said.lower():
                return [f"{symbol}: margin mode {wanted} cannot be set: {said}"]
        leverage = int(self.settings.leverage)
        try:
            await self.ask(lambda: self.exchange.set_leverage(leverage, symbol))
        except ccxt.ExchangeError as error:
            if "not modified" not in str(error):
                return [f"{symbol}: leverage {leverage} cannot be set: {self.describe(error)}"]
        return await self.terms_differ(symbol, wanted, leverage)

    async def terms_differ(self, symbol: str, margin_mode: str, leverage: int) -> list[str]:
        """What the venue says that differs from what was set."""
        if not self.exchange.has.get("fetchLeverage"):
            return []
        told = await self.ask(lambda: self.exchange.fetch_leverage(symbol))
        problems = []
        if told.get("longLeverage") not in (None, leverage):
            problems.append(f"{symbol}: leverage is {told['longLeverage']}, not {leverage}")
        if told.get("marginMode") not in (None, margin_mode):
            problems.append(f"{symbol}: margin mode is {told['marginMode']}, not {margin_mode}")
        return problems

    async def create(self, order: Order) -> Seen:
        """Place an order under its own client id."""
        await self.load()
        params = self.create_params(order)
        kind = "limit" if order.type is OrderType.LIMIT else "market"
        side = "buy" if order.side is Side.BUY else "sell"
        price = None if order.price is None else str(order.price)
        made = await self.ask_first(
            lambda: self.exchange.create_order(
                order.symbol, kind, side, str(order.qty), price, params
            ),
            # What protects or closes may come late; an entry that is late is another trade.
            patience_s=self.settings.timeout_s if order.reduce_only else 0,
        )
        return self.created(order, made)

    def create_params(self, order: Order) -> dict[str, Any]:
        """What ccxt is told beside type, side, quantity and limit."""
        params: dict[str, Any] = {"clientOrderId": order.client_order_id}
        if order.reduce_only and self.exchange.market(order.symbol)["contract"]:
            params["reduceOnly"] = True
        if order.type is OrderType.STOP:
            params["stopLossPrice"] = str(order.stop_price)
        elif order.type is OrderType.TAKE_PROFIT:
            params["takeProfitPrice"] = str(order.stop_price)
        elif order.time_in_force is TimeInForce.POST_ONLY:
            params["postOnly"] = True
        elif order.type is OrderType.LIMIT:
            params["timeInForce"] = _FORCE[order.time_in_force]
        return params

    def created(self, order: Order, made: Any) -> Seen:
        """What the reply to a new order shows; without an id nobody knows."""
        seen = self.seen(made)
        return seen._replace(client_order_id=order.client_order_id)

    async def cancel(self, order: Order) -> None:
        """Cancel an order by its client id."""
        params = {"clientOrderId": order.client_order_id, **self.about(order)}
        await self.change(lambda: self.exchange.cancel_order(None, order.symbol, params))

    async def change(self, asking: Callable[[], Any]) -> None:
        """Cancel, amend or wind the switch up: late is better than not at all."""
        await self.ask_first(asking, patience_s=self.settings.timeout_s)

    async def amend(self, request: VenueRequest, venue_id: str) -> None:
        """Change an order that rests: what is not changed is said again."""
        order = request.order
        side = "buy" if order.side is Side.BUY else "sell"
        qty, price = request.qty or order.qty, request.price or order.price
        params = self.amend_params(request)
        await self.change(
            lambda: self.exchange.edit_order(
                venue_id, order.symbol, "limit", side, str(qty),
                None if price is None else str(price), params,
            )
        )  # fmt: skip

    def amend_params(self, request: VenueRequest) -> dict[str, Any]:
        """What ccxt is told beside quantity and limit."""
        del request
        return {}

    async def look(self, order: Order) -> Seen:
        """An order by its client id."""
        params = {"clientOrderId": order.client_order_id, **self.about(order)}
        return self.seen(
            await self.ask(lambda: self.exchange.fetch_order(None, order.symbol, params))
        )

    def about(self, order: Order) -> Mapping[str, Any]:
        """What tells a conditional order apart."""
        return self.conditional if order.stop_price is not None else {}

    async def trades(self, order: Order, venue_id: str) -> list[SeenTrade]:
        """All trades of an order."""
        rows = await self.ask(lambda: self.exchange.fetch_order_trades(venue_id, order.symbol), 5)
        return [self.seen_trade(row) for row in rows]

    async def fundings(self, symbols: Sequence[str]) -> list[SeenFunding]:
        """The last week's funding payments of these symbols, the oldest first; of spot none."""
        await self.load()
        if not any(self.exchange.market(symbol)["contract"] for symbol in symbols):
            return []
        more = dict(self.of_fundings)
        ask = partial(self.exchange.fetch_funding_history, None, None, _FUNDINGS, more)
        rows = await self.ask(ask, self.funding_weight)
        seen = [self.seen_funding(row) for row in rows if row["symbol"] in symbols]
        return sorted(seen, key=lambda payment: (payment.time_ns, payment.symbol))

    async def account(self, symbols: Sequence[str]) -> SeenAccount:
        """The whole account: all symbols' orders and positions, not only those that are traded."""
        balance = await self.ask(self.exchange.fetch_balance, 5)
        orders = await self.open_orders(symbols)
        positions = await self.positions(symbols, balance)
        total = (balance.get(self.settings.currency) or {}).get("total")
        return SeenAccount(decimal_of(total) or ZERO, tuple(orders), tuple(positions))

    async def open_orders(self, symbols: Sequence[str]) -> list[RestingOrder]:
        """Every open order."""
        del symbols
        return [self.resting(row) for row in await self.ask(self.exchange.fetch_open_orders)]

    async def positions(self, symbols: Sequence[str], balance: Any) -> list[VenuePosition]:
        """Every position; of spot the coins of the symbols that are traded."""
        spot = [s for s in symbols if not self.exchange.market(s)["contract"]]
        found = [
            VenuePosition(s, decimal_of((balance.get(base) or {}).get("total")) or ZERO, ZERO)
            for s in spot
            if (base := self.exchange.market(s)["base"])
        ]
        if len(spot) == len(symbols) and symbols:
            return [position for position in found if position.qty]
        rows = await self.ask(self.exchange.fetch_positions, 5)
        return [*found, *(p for row in rows if (p := self.position(row)).qty)]

    def seen_funding(self, row: Any) -> SeenFunding:
        """A payment of ccxt's. Raises :class:`ccxt.BadResponse` where something is lacking."""
        amount = decimal_of(row["amount"])
        if not row["id"] or amount is None or not row["timestamp"]:
            raise ccxt.BadResponse("a funding payment without id, amount or time")
        return SeenFunding(
            payment_id=str(row["id"]),
            symbol=str(row["symbol"]),
            amount=amount,
            currency=str(row["code"]),
            time_ns=int(row["timestamp"]) * NS_PER_MS,
        )

    def position(self, row: Any) -> VenuePosition:
        """A position of ccxt's."""
        contracts = decimal_of(row["contracts"]) or ZERO
        signed = -contracts if row["side"] == "short" else contracts
        return VenuePosition(row["symbol"], signed, decimal_of(row["entryPrice"]) or ZERO)

    async def arm(self, symbols: Sequence[str], seconds: float) -> None:
        """Wind the dead-man switch up again, where the venue has one."""
        del symbols
        if self.exchange.has.get("cancelAllOrdersAfter"):
            await self.ask(lambda: self.exchange.cancel_all_orders_after(round(seconds * 1_000)))

    async def watch_orders(self, heard: Callable[[Seen], None]) -> None:
        """Listen to order updates until the stream breaks."""
        await self.load()
        while True:
            for row in await self.exchange.watch_orders():
                if row.get("clientOrderId"):
                    heard(self.seen(row))

    async def watch_trades(self, heard: Callable[[SeenTrade], None]) -> None:
        """Listen to trades of ours until the stream breaks."""
        await self.load()
        while True:
            for row in await self.exchange.watch_my_trades():
                heard(self.seen_trade(row))

    def seen(self, row: Any) -> Seen:
        """An order of ccxt's."""
        filled = decimal_of(row.get("filled"))
        status = self.status(row, filled)
        return Seen(
            client_order_id=str(row.get("clientOrderId") or ""),
            venue_id=str(row.get("id") or ""),
            status=status,
            filled_qty=filled,
            qty=decimal_of(row.get("amount")),
            price=decimal_of(row.get("price")),
            stop_price=decimal_of(row.get("triggerPrice")),
        )

    def status(self, row: Any, filled: Decimal | None) -> OrderStatus:
        """State of an order of ccxt's."""
        works = OrderStatus.PARTIAL if filled else OrderStatus.ACKNOWLEDGED
        return _STATUS.get(str(row.get("status")), works)

    def seen_trade(self, row: Any) -> SeenTrade:
        """A trade of ccxt's. Raises :class:`ccxt.BadResponse`: an answer cut short makes one of it
        that has nothing in it.
        """
        fee = row.get("fee") or {}
        price, qty = decimal_of(row["price"]), decimal_of(row["amount"])
        if not row["id"] or not price or not qty:
            raise ccxt.BadResponse("a trade without id, price or amount")
        return SeenTrade(
            trade_id=str(row["id"]),
            order_id=str(row["order"]),
            side=Side.BUY if row["side"] == "buy" else Side.SELL,
            price=price,
            qty=qty,
            fee=decimal_of(fee.get("cost")) or ZERO,
            fee_currency=str(fee.get("currency") or self.settings.currency),
            maker=row.get("takerOrMaker") == "maker",
        )

    def resting(self, row: Any) -> RestingOrder:
        """An open order of ccxt's."""
        return RestingOrder(
            client_order_id=str(row.get("clientOrderId") or row.get("id")),
            symbol=str(row["symbol"]),
            side=Side.BUY if row["side"] == "buy" else Side.SELL,
            qty=decimal_of(row.get("amount")) or ZERO,
            filled_qty=decimal_of(row.get("filled")) or ZERO,
            reduce_only=bool(row.get("reduceOnly")),
            price=decimal_of(row.get("price")),
            stop_price=decimal_of(row.get("triggerPrice")),
        )

    def describe(self, error: BaseException) -> str:
        """An error in one line, without secrets."""
        return text_of(error, self._hidden)

    def retry_after_s(self, error: BaseException) -> float:
        """Seconds for which the venue wants to be left alone after an error."""
        return retry_after_s(self.exchange, error, otherwise=_PAUSE_S)

    async def close(self) -> None:
        """Let go of the streams; the session stays its owner's."""
        self.exchange.timeout_on_exit = 0
        async with asyncio.timeout(self.settings.timeout_s):
            await self.exchange.close()


def decimal_of(value: Any) -> Decimal | None:
    """A number of ccxt's, exactly as the venue wrote it.

    >>> decimal_of(0.1), decimal_of(None)
    (Decimal('0.1'), None)
    """
    if value is None:
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value))


def gateway_of(
    settings: LiveSettings,
    credentials: Credentials,
    session: aiohttp.ClientSession,
    *,
    adjusts_clock: bool = True,
) -> CcxtGateway:
    """The gateway to ``live.venue``. Raises :class:`UsageError` for a venue without one."""
    from agents.venues.ccxt_live.venues import GATEWAYS

    kind = GATEWAYS.get(settings.venue)
    if kind is None:
        raise UsageError(f"live.venue {settings.venue!r}: choose of {', '.join(GATEWAYS)}")
    return kind(settings, credentials, session, adjusts_clock=adjusts_clock)
