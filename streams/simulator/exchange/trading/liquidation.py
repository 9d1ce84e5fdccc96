"""Closes by force what an account can no longer carry."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from schemas.frame import Side
from schemas.money import CONTEXT
from streams.simulator.exchange.trading.account import Account, IncomeKind
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.events import BalanceChanged, Cause
from streams.simulator.exchange.trading.margin import cross_unrealised, cross_wallet, maintenance
from streams.simulator.exchange.trading.orders import ZERO, Force, Kind, Ticket
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.prices import mark_price


class Liquidation:
    """Looks at every tick. An isolated position stands for itself, all others of a settle asset
    stand together: when their equity is no more than their maintenance margin, the orders that
    share that equity, whatever their symbol, are cancelled and the positions are closed at the
    market, with the taker's fee. What is lost beyond the equity the insurance fund pays. What the
    book cannot take is closed later.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tick(self, _now_ns: int) -> None:
        """Liquidate those that are ruined."""
        for account in self._desk.accounts.values():
            held = [each for each in account.positions.values() if each.qty]
            for each in held:
                if each.isolated and self._ruined_alone(each):
                    floor = CONTEXT.subtract(self._wallet(account, each), each.isolated_wallet)
                    self._close(account, [each], floor)
            for asset in {each.listing.rules.settle: None for each in held if not each.isolated}:
                together = [
                    each
                    for each in held
                    if not each.isolated and each.listing.rules.settle == asset and each.qty
                ]
                equity = CONTEXT.add(cross_wallet(account, asset), cross_unrealised(account, asset))
                needed = sum((maintenance(each) for each in together), ZERO)
                if together and equity <= needed:
                    self._cancel_crossed(account, asset)
                    isolated = CONTEXT.subtract(
                        account.wallet.get(asset, ZERO), cross_wallet(account, asset)
                    )
                    self._close(account, together, isolated)

    def _cancel_crossed(self, account: Account, asset: str) -> None:
        for order in account.open_orders():
            crossed = order.listing.is_contract and not account.position(order.listing).isolated
            if crossed and order.listing.rules.settle == asset:
                self._desk.cancel(account, order)

    @staticmethod
    def _ruined_alone(position: Position) -> bool:
        profit = position.unrealised(mark_price(position.listing))
        return CONTEXT.add(position.isolated_wallet, profit) <= maintenance(position)

    @staticmethod
    def _wallet(account: Account, position: Position) -> Decimal:
        return account.wallet.get(position.listing.rules.settle, ZERO)

    def _close(self, account: Account, positions: Iterable[Position], floor: Decimal) -> None:
        """Close positions; the wallet ends no lower than ``floor``."""
        desk = self._desk
        closed = list(positions)
        for position in closed:
            for order in account.open_orders(position.listing.symbol):
                desk.cancel(account, order)
            ticket = Ticket(
                listing=position.listing,
                side=Side.SELL if position.qty > 0 else Side.BUY,
                kind=Kind.MARKET,
                qty=abs(position.qty),
                client_id=f"autoclose-{desk.number()}",
                force=Force.IOC,
                reduce_only=True,
            )
            desk.place(account, ticket, forced=True)
        missing = CONTEXT.subtract(floor, self._wallet(account, closed[0]))
        if missing > 0 and not any(position.qty for position in closed):
            listing = closed[0].listing
            account.earn(IncomeKind.INSURANCE, listing, missing, desk.clock.now_ns())
            desk.tell(BalanceChanged(account, listing, Cause.ORDER))
