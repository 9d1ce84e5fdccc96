"""What a perpetual contract has beside its book: mark, funding, open interest, liquidations."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.frame import PositionSide, Side
from streams.events import DerivativesEvent, LiquidationEvent
from streams.simulator.market.accounts import Accounts
from streams.simulator.market.floor import TradingFloor
from streams.simulator.market.funding import Funding
from streams.simulator.market.orders import Outcome
from streams.simulator.market.parameters import PositionParameters
from streams.simulator.market.positions import Account

_RATIO_EVERY = 60
"""Seconds from one long/short ratio to the next."""


class Contract:
    """The contract that is traded on a floor; :meth:`tell` is called once per second."""

    def __init__(
        self, floor: TradingFloor, accounts: Accounts, parameters: PositionParameters
    ) -> None:
        rules = floor.rules
        self._floor = floor
        self._accounts = accounts
        self._funding = Funding(floor.now_ns, cap=parameters.rate_cap)
        self._tick = float(rules.tick_size)
        self._unit = float(rules.tick_size * rules.qty_step)
        self._decimals = rules.price_decimals + 2  # mark and index are finer than the tick
        self._piece_quote = parameters.liquidation_quote
        self._told = 0

    def liquidate(self) -> Iterator[tuple[Side, Outcome]]:
        """Trade a piece of every position that the mark price has ruined; side and outcome."""
        mark = self._funding.mark
        if mark is None:
            return
        for account in self._floor.positions.ruined(mark / self._tick):
            side = Side.SELL if account.position > 0 else Side.BUY
            outcome = self._close(account, side, mark)
            if outcome.fills:
                yield side, outcome

    def _close(self, account: Account, side: Side, mark: float) -> Outcome:
        floor = self._floor
        piece = max(1, round(self._piece_quote / (mark / self._tick * self._unit)))
        outcome = floor.market(account.owner, side, qty=min(abs(account.position), piece))
        if outcome.fills:
            worth = sum(fill.price * fill.qty for fill in outcome.fills)  # ints
            closed = PositionSide.LONG if side is Side.SELL else PositionSide.SHORT
            floor.tell(
                LiquidationEvent(
                    symbol=floor.rules.venue_id,
                    exchange_ns=floor.stamp_ns,
                    side=int(closed),
                    price=floor.price_text(round(worth / outcome.filled)),  # the average, in ticks
                    qty=floor.qty_text(outcome.filled),
                )
            )
        return outcome

    def tell(self, *, index: float) -> None:
        """A second has passed."""
        floor, funding = self._floor, self._funding
        bid, ask = floor.book.best_bid(), floor.book.best_ask()
        if bid is not None and ask is not None:
            last = bid if floor.last_price is None else floor.last_price
            funding.update(
                floor.now_ns,
                index=index,
                bid=bid * self._tick,
                ask=ask * self._tick,
                last=last * self._tick,
            )
        ratio = self._accounts.long_short_ratio() if self._told % _RATIO_EVERY == 0 else None
        self._told += 1
        floor.tell(
            DerivativesEvent(
                symbol=floor.rules.venue_id,
                known_ns=floor.stamp_ns,
                mark_price=None if funding.mark is None else self._text(funding.mark),
                index_price=self._text(index),
                funding_rate=f"{funding.rate:.8f}",
                next_funding_ns=funding.next_ns,
                open_interest=floor.qty_text(floor.positions.open_interest),
                long_short_ratio=ratio,
            )
        )

    def _text(self, price: float) -> str:
        return f"{price:.{self._decimals}f}"
