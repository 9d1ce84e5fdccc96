"""What a paper venue knows of an account: cash, positions, funding, margin and liquidation.

Kept apart from the account's own ledger, and by other arithmetic: every fill moves ``cash`` by its
whole notional, so that no entry price is needed, and::

    equity = cash + Σ qty · mark

Margin is crossed: one equity backs all derivatives. Spot is paid in full and backs nothing.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.execution_settings import PaperSettings
from schemas.frame import Frame, Side
from schemas.ids import content_id
from schemas.money import CONTEXT
from schemas.order import Fill, Funding

ZERO = Decimal(0)


class FundingClock(msgspec.Struct):
    """The funding that is due next on a symbol, by what was known of it last."""

    due_ns: int
    rate: Decimal


class Wallet(msgspec.Struct):
    """Cash and positions by ``venue:symbol``; the marks of what is held.

    ``spot_worth`` and ``worth`` are the sums of ``qty · mark`` over spot and derivatives, ``gross``
    of ``|qty| · mark`` over derivatives. They are kept with every fill and mark, so that a frame
    costs the same however many positions there are.
    """

    cash: Decimal
    qty: dict[str, Decimal] = msgspec.field(default_factory=dict)
    marks: dict[str, Decimal] = msgspec.field(default_factory=dict)
    clocks: dict[str, FundingClock] = msgspec.field(default_factory=dict)
    spot_worth: Decimal = ZERO
    worth: Decimal = ZERO
    gross: Decimal = ZERO

    def held(self, key: str) -> Decimal:
        """Signed quantity of a position."""
        return self.qty.get(key, ZERO)

    def apply(self, fill: Fill) -> None:
        """Take a fill: cash against quantity, less the fee."""
        key = f"{fill.venue}:{fill.symbol}"
        signed = fill.qty if fill.side is Side.BUY else fill.qty.copy_negate()
        moved = CONTEXT.add(CONTEXT.multiply(fill.price, signed), fill.fee)
        self.cash = CONTEXT.subtract(self.cash, moved)
        self.hold(key, CONTEXT.add(self.held(key), signed), self.marks.get(key, fill.price))

    def hold(self, key: str, qty: Decimal, mark: Decimal) -> None:
        """Set a position and its mark; 0 is none."""
        before = CONTEXT.multiply(self.held(key), self.marks.get(key, ZERO))
        after = CONTEXT.multiply(qty, mark)
        change = CONTEXT.subtract(after, before)
        if is_derivative(key):
            self.worth = CONTEXT.add(self.worth, change)
            grown = CONTEXT.subtract(after.copy_abs(), before.copy_abs())
            self.gross = CONTEXT.add(self.gross, grown)
        else:
            self.spot_worth = CONTEXT.add(self.spot_worth, change)
        if qty:
            self.qty[key], self.marks[key] = qty, mark
        else:
            self.qty.pop(key, None)
            self.marks.pop(key, None)

    def mark(self, frame: Frame) -> None:
        """Take the mark of a held symbol: the venue's mark price, or else the mid."""
        held = self.qty.get(frame.key)
        price = None if held is None else mark_of(frame)
        if held is not None and price is not None and price != self.marks[frame.key]:
            self.hold(frame.key, held, price)

    def fund(self, frame: Frame, *, account: str, currency: str) -> Funding | None:
        """The payment that falls due within a frame: ``−qty · mark · rate``, longs pay above 0.

        Rate and mark are those last known before it fell due.
        """
        told = frame.derivatives
        clock = self.clocks.get(frame.key)
        payment = None
        if clock is not None and frame.close_ns >= clock.due_ns:
            payment = self._payment(frame, clock, account=account, currency=currency)
            del self.clocks[frame.key]
        due_ns, rate = told.next_funding_ns, told.funding_rate
        if due_ns is not None and rate is not None and due_ns > frame.close_ns:
            self.clocks[frame.key] = FundingClock(due_ns, rate.decimal())
        return payment

    def _payment(
        self, frame: Frame, clock: FundingClock, *, account: str, currency: str
    ) -> Funding | None:
        held, mark = self.held(frame.key), self.marks.get(frame.key)
        if not held or mark is None or not clock.rate:
            return None
        worth = CONTEXT.multiply(held, mark)
        amount = CONTEXT.minus(CONTEXT.multiply(worth, clock.rate))
        self.cash = CONTEXT.add(self.cash, amount)
        return Funding(
            payment_id=content_id("funding", account, frame.venue, frame.symbol, str(clock.due_ns)),
            account=account,
            venue=frame.venue,
            symbol=frame.symbol,
            tick_ns=frame.close_ns,
            amount=amount,
            currency=currency,
        )


class Margin:
    """What a wallet is worth and what it must be worth."""

    def __init__(self, settings: PaperSettings) -> None:
        self._maintenance = settings.maintenance_fraction
        self._leverage = settings.leverage

    def equity(self, wallet: Wallet) -> Decimal:
        """Cash and positions at their marks."""
        return CONTEXT.add(wallet.cash, CONTEXT.add(wallet.spot_worth, wallet.worth))

    def maintenance(self, wallet: Wallet) -> Decimal:
        """The least equity with which the derivatives are kept; 0 without any."""
        return CONTEXT.multiply(wallet.gross, self._maintenance)

    def falls_short(self, wallet: Wallet) -> bool:
        """Whether the account is to be liquidated."""
        least = self.maintenance(wallet)
        return least > 0 and self.equity(wallet) <= least

    def free(self, wallet: Wallet) -> Decimal:
        """Equity that backs neither spot nor derivatives."""
        backing = CONTEXT.divide(wallet.gross, self._leverage)
        return CONTEXT.subtract(CONTEXT.add(wallet.cash, wallet.worth), backing)

    def needed(self, wallet: Wallet, key: str, side: Side, qty: Decimal, price: Decimal) -> Decimal:
        """Free equity that an order takes: of spot its price, of derivatives what it adds."""
        held = wallet.held(key)
        after = CONTEXT.add(held, CONTEXT.multiply(qty, Decimal(side.value)))
        added = CONTEXT.multiply(CONTEXT.subtract(abs(after), abs(held)), price)
        if added <= 0:
            return ZERO
        return CONTEXT.divide(added, self._leverage) if is_derivative(key) else added

    def liquidation_price(self, wallet: Wallet, key: str) -> Decimal | None:
        """The mark at which equity meets maintenance, all other marks standing still.

        ``m = (f · Σ|other notionals| − cash − Σ other notionals) / (qty − f · |qty|)`` with the
        maintenance share ``f``; ``None`` without a position, or where no price above 0 does it.
        """
        held = wallet.held(key)
        if not held or not is_derivative(key):
            return None
        own = CONTEXT.multiply(held, wallet.marks[key])
        others = CONTEXT.subtract(wallet.gross, own.copy_abs())
        owed = CONTEXT.subtract(
            CONTEXT.multiply(self._maintenance, others),
            CONTEXT.subtract(self.equity(wallet), own),
        )
        weight = CONTEXT.subtract(held, CONTEXT.multiply(self._maintenance, held.copy_abs()))
        price = CONTEXT.divide(owed, weight)
        return price if price > 0 else None


def mark_of(frame: Frame) -> Decimal | None:
    """The venue's mark price, or else the mid of the book."""
    told = frame.derivatives.mark_price
    if told is not None:
        return told.decimal()
    book = frame.book
    if book is None or not book.bid_price or not book.ask_price:
        return None
    return CONTEXT.divide(frame.price(book.bid_price[0] + book.ask_price[0]), Decimal(2))


def is_derivative(key: str) -> bool:
    """Whether a ``venue:symbol`` settles apart from its pair: not spot."""
    return key.count(":") > 1
