"""Who holds what: positions of every owner, open interest, and who is ruined at which price."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from schemas.frame import PositionSide, Side

_STALE_FACTOR = 4


@dataclass(slots=True)
class Account:
    """One owner's position: signed steps, and the average price (ticks) at which it was opened.

    ``leverage`` is ``None`` for one that cannot be ruined here: makers, and owners from outside,
    whose margin is not the market's business.
    """

    owner: str
    leverage: int | None = None
    position: int = 0
    entry: float = 0.0
    version: int = 0


class Positions:
    """Folds fills into positions.

    A position with leverage ``L`` is liquidated when the mark price reaches
    ``entry * (1 - side * (1 / L - maintenance))``. Cost of a fill: two positions, and O(log n) for
    each that may be ruined.
    """

    def __init__(self, *, maintenance: float) -> None:
        self.accounts: dict[str, Account] = {}
        self.open_interest = 0
        self._maintenance = maintenance
        self._heaps: dict[PositionSide, list[tuple[float, int, str]]] = {
            PositionSide.LONG: [],
            PositionSide.SHORT: [],
        }

    def open(self, owner: str, leverage: int | None) -> Account:
        """Make an account with nothing in it."""
        account = self.accounts[owner] = Account(owner, leverage)
        return account

    def of(self, owner: str) -> int:
        """Signed steps that an owner holds."""
        account = self.accounts.get(owner)
        return 0 if account is None else account.position

    def trade(self, owner: str, side: Side, price: float, qty: int) -> None:
        """``owner`` bought or sold ``qty`` at ``price``."""
        account = self.accounts.get(owner)
        if account is None:
            account = self.open(owner, None)
        before = account.position
        after = account.position = before + side * qty
        self.open_interest += max(after, 0) - max(before, 0)
        if before * side >= 0:
            account.entry = (account.entry * abs(before) + price * qty) / abs(after)
        elif before * after < 0:
            account.entry = price
        account.version += 1
        if account.leverage is not None and after:
            self._watch(account)

    def ruined(self, mark: float) -> list[Account]:
        """Accounts to be liquidated at a mark price (ticks), the first to be ruined first.

        Each is told once until its position changes.
        """
        found: list[Account] = []
        for side, heap in self._heaps.items():
            while heap and heap[0][0] <= -mark * side:
                _, version, owner = heapq.heappop(heap)
                account = self.accounts[owner]
                if account.version == version:
                    found.append(account)
        return found

    def _watch(self, account: Account) -> None:
        assert account.leverage is not None
        side = PositionSide.LONG if account.position > 0 else PositionSide.SHORT
        price = account.entry * (1.0 - side * (1.0 / account.leverage - self._maintenance))
        heap = self._heaps[side]
        # Longs are ruined from the highest such price down: both heaps ascend by -side * price.
        heapq.heappush(heap, (-side * price, account.version, account.owner))
        if len(heap) > _STALE_FACTOR * len(self.accounts):
            fresh = [row for row in heap if self.accounts[row[2]].version == row[1]]
            heapq.heapify(fresh)
            self._heaps[side] = fresh
