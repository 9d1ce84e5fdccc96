"""Cancels orders when their owner has not been heard of: a countdown that must be wound anew."""

from __future__ import annotations

from collections.abc import Sequence

from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk


class DeadMan:
    """Countdowns by account and a name of what they cover, in market time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._due: dict[tuple[str, str], tuple[Account, Sequence[str], int]] = {}

    def wind(
        self, account: Account, name: str, symbols: Sequence[str], *, countdown_ns: int
    ) -> None:
        """Cancel the open orders of these symbols in so long, unless wound or stopped before."""
        until_ns = self._desk.clock.now_ns() + countdown_ns
        self._due[account.name, name] = (account, symbols, until_ns)

    def stop(self, account: Account, name: str) -> None:
        """End a countdown; nothing if there is none."""
        self._due.pop((account.name, name), None)

    def tick(self, now_ns: int) -> None:
        """Cancel what is due."""
        over = [key for key, (_, _, until_ns) in self._due.items() if until_ns <= now_ns]
        for key in over:
            account, symbols, _ = self._due.pop(key)
            for order in account.open_orders():
                if order.symbol in symbols:
                    self._desk.cancel(account, order)
