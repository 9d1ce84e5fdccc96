"""The account of one key at one venue: its money, positions, orders and what befell them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from schemas.frame import ContractKind, Side
from schemas.money import CONTEXT
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.conditional import Conditional
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.orders import ZERO, Fill, Order
from streams.simulator.exchange.trading.position import Position


class IncomeKind(StrEnum):
    """What changed the wallet."""

    REALISED = "realised"
    FEE = "fee"
    FUNDING = "funding"
    INSURANCE = "insurance"


@dataclass(frozen=True, kw_only=True)
class Income:
    """A change of the wallet by other than a spot trade; ``fill_id`` is 0 where there is none."""

    id: int
    kind: IncomeKind
    symbol: str
    asset: str
    amount: Decimal
    time_ns: int
    fill_id: int = 0


class Account:
    """Grows without an end: a simulator keeps the whole truth.

    ``wallet`` is what each asset holds, without what open positions would earn.
    """

    def __init__(
        self, key: ApiKey, *, leverage: int, numbers: Callable[[], int], stops_lock: bool = False
    ) -> None:
        self.key = key
        self.wallet: dict[str, Decimal] = dict(key.balances)
        self.positions: dict[str, Position] = {}
        self.orders: dict[int, Order] = {}
        self.conditionals: dict[int, Conditional] = {}
        self.fills: list[Fill] = []
        self.incomes: list[Income] = []
        self._open: dict[int, Order] = {}
        self._waiting: dict[int, Conditional] = {}
        self._client_ids: set[str] = set()
        self._leverage = leverage
        self._stops_lock = stops_lock
        self._numbers = numbers

    @property
    def name(self) -> str:
        """The owner."""
        return self.key.name

    def position(self, listing: Listing) -> Position:
        """The position in a contract, flat if there is none."""
        found = self.positions.get(listing.symbol)
        if found is None:
            found = Position(listing=listing, leverage=self._leverage)
            self.positions[listing.symbol] = found
        return found

    def open_orders(self, symbol: str | None = None) -> Iterator[Order]:
        """Orders that may still fill, of one symbol or of all, in the order of their making."""
        for order in list(self._open.values()):
            if symbol is None or order.symbol == symbol:
                yield order

    def waiting(self, symbol: str | None = None) -> Iterator[Conditional]:
        """Conditional orders that wait, of one symbol or of all."""
        for each in list(self._waiting.values()):
            if symbol is None or each.symbol == symbol:
                yield each

    def add(self, order: Order) -> None:
        """Take a new order in."""
        self.orders[order.id] = order
        self._open[order.id] = order
        self._client_ids.add(order.client_id)

    def wait(self, conditional: Conditional) -> None:
        """Take a new conditional order in."""
        self.conditionals[conditional.id] = conditional
        self._waiting[conditional.id] = conditional
        self._client_ids.add(conditional.client_id)

    def waits_no_more(self, conditional: Conditional) -> None:
        """A conditional order has triggered, or is over."""
        self._waiting.pop(conditional.id, None)

    def end(self, order: Order) -> None:
        """An order is over."""
        self._open.pop(order.id, None)

    def reopen(self, order: Order) -> None:
        """An order that was taken out to look at the account without it is back."""
        self._open[order.id] = order

    def find(self, symbol: str, *, order_id: int | None, client_id: str | None) -> Order | None:
        """An order by the venue's id or the client's, the latest of those that share one."""
        if order_id is not None:
            order = self.orders.get(order_id)
            return order if order is not None and order.symbol == symbol else None
        for order in reversed(self.orders.values()):
            if order.client_id == client_id and order.symbol == symbol:
                return order
        return None

    def find_conditional(self, *, id_: int | None, client_id: str | None) -> Conditional | None:
        """A conditional order by the venue's id or the client's, the latest first."""
        if id_ is not None:
            return self.conditionals.get(id_)
        for each in reversed(self.conditionals.values()):
            if each.client_id == client_id:
                return each
        return None

    def uses(self, client_id: str, *, for_ever: bool) -> bool:
        """Whether a client id is taken: by an open order, or by any that there ever was."""
        if for_ever or client_id not in self._client_ids:
            return client_id in self._client_ids
        placed = [order.client_id for order in self._open.values()]
        placed += [each.client_id for each in self._waiting.values()]
        return client_id in placed

    def settle(self, fill: Fill, listing: Listing) -> None:
        """Let a fill change the wallet; the position has taken it already."""
        self.fills.append(fill)
        if listing.rules.kind is ContractKind.SPOT:
            cost = CONTEXT.multiply(fill.qty, fill.price)
            self.add_money(listing.rules.base, CONTEXT.multiply(fill.qty, Decimal(fill.side)))
            self.add_money(listing.rules.quote, CONTEXT.multiply(cost, Decimal(-fill.side)))
            self.add_money(fill.fee_asset, -fill.fee)
            return
        if fill.realised:
            self.earn(IncomeKind.REALISED, listing, fill.realised, fill.time_ns, fill.id)
        if fill.fee:
            self.earn(
                IncomeKind.FEE, listing, -fill.fee, fill.time_ns, fill.id, asset=fill.fee_asset
            )

    def earn(
        self,
        kind: IncomeKind,
        listing: Listing,
        amount: Decimal,
        time_ns: int,
        fill_id: int = 0,
        *,
        asset: str = "",
    ) -> None:
        """Change the wallet of a contract's settle asset, or of another, and note why."""
        asset = asset or listing.rules.settle
        self.add_money(asset, amount)
        position = self.positions.get(listing.symbol)
        # Profit and fees of trades are the wallet's; funding is paid out of what is isolated.
        if kind is IncomeKind.FUNDING and position is not None and position.isolated:
            position.isolated_wallet = CONTEXT.add(position.isolated_wallet, amount)
        self.incomes.append(
            Income(
                id=self._numbers(),
                kind=kind,
                symbol=listing.symbol,
                asset=asset,
                amount=amount,
                time_ns=time_ns,
                fill_id=fill_id,
            )
        )

    def add_money(self, asset: str, amount: Decimal) -> None:
        """Change what an asset holds."""
        self.wallet[asset] = CONTEXT.add(self.wallet.get(asset, ZERO), amount)

    def locked(self, asset: str) -> Decimal:
        """What open spot orders may spend of an asset; waiting ones too, where they lock."""
        total = ZERO
        for each in self._waiting.values() if self._stops_lock else ():
            rules, ticket = each.ticket.listing.rules, each.ticket
            if rules.kind is not ContractKind.SPOT:
                continue
            if ticket.side is Side.SELL and rules.base == asset:
                total = CONTEXT.add(total, ticket.qty)
            elif ticket.side is Side.BUY and rules.quote == asset:
                price = ticket.price or each.trigger.price
                total = CONTEXT.add(total, CONTEXT.multiply(ticket.qty, price))
        for order in self._open.values():
            rules = order.listing.rules
            if rules.kind is not ContractKind.SPOT:
                continue
            if order.side is Side.SELL and rules.base == asset:
                total = CONTEXT.add(total, order.left)
            elif order.side is Side.BUY and rules.quote == asset and order.price is not None:
                total = CONTEXT.add(total, CONTEXT.multiply(order.left, order.price))
        return total
