"""Cash, funding, margin and liquidation of the paper venue, against sums done by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from agents.venues.paper_terms import LIQUIDATION
from agents.venues.paper_wallet import Margin, Wallet
from schemas.execution_settings import PaperSettings
from schemas.frame import Side
from schemas.order import Fill, Funding, Order
from tests.support.messages import SYMBOL, VENUE
from tests.support.paper import Venue, fills, lives, marked

BUY, SELL = Side.BUY, Side.SELL
DEEP = ((9_999, 10**9),)
KEY = f"{VENUE}:{SYMBOL}"


def payments(answers: list[object]) -> list[Funding]:
    return [a for a in answers if isinstance(a, Funding)]


def test_funding_is_paid_once_when_it_falls_due_by_rate_and_mark_known_before() -> None:
    desk = Venue()
    desk.holding(BUY, "2")
    due_ns = desk.now_ns + 250_000_000
    desk.frame(derivatives=marked(10_000, rate=100, next_ns=due_ns))
    desk.frame(derivatives=marked(10_100, rate=200, next_ns=due_ns))
    later = marked(9_000, rate=900, next_ns=due_ns + 10**12)
    (paid,) = payments([*desk.frame(derivatives=later)])
    assert paid.amount == -Decimal(2) * Decimal("101.00") * Decimal("0.0002")
    assert not payments([*desk.frame(derivatives=later)])


def test_shorts_are_paid_what_longs_pay_and_who_holds_nothing_neither() -> None:
    paid = []
    for side in (BUY, SELL):
        desk = Venue()
        desk.holding(side, "2")
        desk.frame(derivatives=marked(10_000, rate=100, next_ns=desk.now_ns + 150_000_000))
        paid += payments([*desk.frame(), *desk.frame()])
    assert [p.amount for p in paid] == [Decimal("-0.02"), Decimal("0.02")]
    flat = Venue()
    flat.frame(derivatives=marked(10_000, rate=100, next_ns=flat.now_ns + 150_000_000))
    assert not payments([*flat.frame(), *flat.frame()])


def test_an_order_filled_in_the_frame_of_a_payment_has_no_part_in_it() -> None:
    desk = Venue()
    desk.frame(derivatives=marked(10_000, rate=100, next_ns=desk.now_ns + 150_000_000))
    desk.place(BUY, "2")
    answers = desk.frame()
    assert fills(answers)
    assert not payments([*answers])


def test_equity_below_maintenance_cancels_everything_and_closes_the_position_with_its_fee() -> None:
    desk = Venue(balance=100, leverage=20, taker_fee_bps=0, liquidation_fee_bps=50)
    desk.holding(BUY, "10")
    desk.place(SELL, "10", price="120", reduce_only=True)
    # equity 100 - 0.10 at the mark 100; maintenance 1% of 1,000: it falls short at about 91
    assert not desk.state.liquidating
    price = desk.venue.margin.liquidation_price(desk.state.wallet, KEY)
    assert price is not None
    assert Decimal(90) < price < Decimal(92)
    desk.frame(derivatives=marked(int(price * 100) + 1))
    assert desk.state.wallet.held(KEY)
    answers = desk.frame(derivatives=marked(int(price * 100)), bids=DEEP)
    orders = [a for a in answers if isinstance(a, Order)]
    assert ("o2", "cancelled") in lives(answers)
    assert [o.status.value for o in orders if o.leg == LIQUIDATION] == [
        "intent", "acknowledged", "filled",
    ]  # fmt: skip
    (fill,) = [a for a in answers if isinstance(a, Fill)]
    assert fill.fee == Decimal("99.99") * 10 * Decimal("0.005")
    assert desk.state.wallet.held(KEY) == 0
    assert not desk.state.liquidating


def test_a_liquidation_goes_on_with_the_next_books_and_takes_no_orders_until_it_is_done() -> None:
    desk = Venue(balance=100, leverage=20, taker_fee_bps=0, liquidation_fee_bps=0)
    desk.holding(BUY, "10")
    thin = ((9_999, 4_000),)
    desk.frame(derivatives=marked(8_000), bids=thin)
    assert desk.state.wallet.held(KEY) == 6
    desk.place(BUY, "1")
    answers = desk.frame(derivatives=marked(8_000), bids=thin)
    assert ("o2", "rejected") in lives(answers)
    desk.frame(derivatives=marked(8_000), bids=thin)
    assert desk.state.wallet.held(KEY) == 0


quantities = st.integers(-50, 50).map(lambda n: Decimal(n) / 10)
prices = st.integers(1, 100_000).map(lambda n: Decimal(n) / 100)


@given(quantities, prices, quantities, prices, st.integers(0, 10_000).map(Decimal))
def test_at_the_liquidation_price_equity_is_exactly_the_maintenance(
    qty: Decimal, mark: Decimal, other_qty: Decimal, other_mark: Decimal, cash: Decimal
) -> None:
    margin = Margin(PaperSettings())
    other = f"{VENUE}:ETH/USDT:USDT"
    wallet = Wallet(cash)
    wallet.hold(KEY, qty, mark)
    wallet.hold(other, other_qty, other_mark)
    price = margin.liquidation_price(wallet, KEY)
    if price is None:
        return
    wallet.hold(KEY, qty, price)
    gap = margin.equity(wallet) - margin.maintenance(wallet)
    assert abs(gap) < Decimal("1e-20")


moves = st.lists(
    st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 10**9), st.integers(1, 10**9)),
    max_size=20,
)


@given(moves)
def test_equity_is_the_start_and_every_trade_at_the_mark(
    trades: list[tuple[Side, int, int]],
) -> None:
    wallet = Wallet(Decimal(1_000))
    worth, mark = Fraction(1_000), Fraction(777, 10)
    for number, (side, price, qty) in enumerate(trades):
        fee = Decimal(number) / 1_000
        wallet.apply(
            Fill(
                str(number), "o", "paper", VENUE, SYMBOL, 1, side, Decimal(price).scaleb(-4),
                Decimal(qty).scaleb(-4), fee, "USDT", maker=False,
            )
        )  # fmt: skip
        worth += side * (mark - Fraction(price, 10**4)) * Fraction(qty, 10**4) - Fraction(fee)
    for key, held in list(wallet.qty.items()):
        wallet.hold(key, held, Decimal("77.7"))
    assert Fraction(Margin(PaperSettings()).equity(wallet)) == worth
