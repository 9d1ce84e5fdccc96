"""What the indicators see in small markets that a reader can follow."""

from __future__ import annotations

import pytest

from agents.indicators.cascade import LiquidationCascade
from agents.indicators.flow import AggressorFlow, Pressure
from agents.indicators.large_orders import LargeOrders
from agents.indicators.maker_quotes import MakerQuotes
from agents.indicators.open_interest import OpenInterestTrend
from agents.indicators.reversion import ReversionTime
from schemas.frame import Book, Frame, Liquidations, Touch, TradeFlag, Trades

S = 1_000_000_000
BUY, SELL = 1, -1


def frame(
    at_ns: int,
    *,
    trades: Trades | None = None,
    touch: Touch | None = None,
    book: Book | None = None,
    liquidations: Liquidations | None = None,
    tick: bool = True,
) -> Frame:
    return Frame(
        "v",
        "s",
        1,
        1,
        at_ns,
        at_ns,
        tick,
        0,
        0,
        trades=trades or Trades(),
        touch=touch or Touch(),
        book=book,
        liquidations=liquidations or Liquidations(),
    )


def tape(*rows: tuple[int, int, int]) -> Trades:
    """Trades from (price, quantity, side)."""
    price, qty, side = zip(*rows, strict=True)
    return Trades(price=price, qty=qty, side=side, flags=(0,) * len(rows))


def quotes(*rows: tuple[int, int, int, int, int, int]) -> Touch:
    """Touch changes from (ns, bid, quantity, ask, quantity, trades before)."""
    ns, bid, bid_qty, ask, ask_qty, before = zip(*rows, strict=True)
    return Touch(
        receive_ns=ns,
        bid_price=bid,
        bid_qty=bid_qty,
        ask_price=ask,
        ask_qty=ask_qty,
        trades_before=before,
    )


@pytest.mark.parametrize(
    ("price_step", "interest_step", "low", "high"),
    [
        (1, 10, 0.8, 1.0),  # rising, rising: confirmed
        (-1, 10, -1.0, -0.8),  # falling on rising interest: confirmed
        (1, -10, 0.1, 0.4),  # falling interest marks a weak move
        (-1, -10, -0.4, -0.1),
        (0, 10, 0.0, 0.0),
    ],
)
def test_open_interest_confirms_or_weakens_the_price(
    price_step: int, interest_step: int, low: float, high: float
) -> None:
    trend = OpenInterestTrend()
    for i in range(12):
        trend.sample(i * 10 * S, interest=1000.0 + i * interest_step, price=500 + i * price_step)
    assert trend.value is not None
    assert low <= trend.value <= high


def test_a_pulled_order_is_told_from_a_filled_one() -> None:
    def level(update_id: int, qty: int) -> Book:
        return Book(update_id, None, (9, 8), (qty, 2), (10, 11), (2, 2))

    pulled, filled = LargeOrders(), LargeOrders()
    sale = tape((9, 90, SELL))
    for orders, last in ((pulled, Trades()), (filled, sale)):
        for i, qty in enumerate((2, 2, 99)):
            orders.update(frame(i * S, book=level(i, qty)))
        orders.update(frame(3 * S, book=level(3, 2), trades=last))
    assert (round(pulled.bid.pulled), round(pulled.bid.filled)) == (1, 0)
    assert (round(filled.bid.pulled), round(filled.bid.filled)) == (0, 1)
    assert pulled.tracked == filled.tracked == []


def test_a_large_order_that_only_comes_into_view_was_not_placed() -> None:
    orders = LargeOrders()
    for i in range(2):
        orders.update(frame(i * S, book=Book(i, None, (9, 8), (2, 2), (10, 11), (2, 2))))
    orders.update(frame(2 * S, book=Book(3, None, (8, 7), (2, 99), (10, 11), (2, 2))))
    assert orders.bid.placed == 0.0


def test_the_refresh_time_is_from_the_loss_by_trade_to_the_quote_being_back() -> None:
    makers = MakerQuotes(ready=0.5, half_life_s=1e9)
    sale, purchase = (9, 3, SELL), (10, 3, BUY)
    makers.update(
        frame(
            10 * S,
            trades=tape(sale, purchase),
            touch=quotes(
                (0, 9, 5, 10, 5, 0),
                (1 * S, 9, 2, 10, 5, 1),  # the sale took from the bid
                (2 * S, 9, 5, 10, 5, 1),  # and it is back after 1 s
                (3 * S, 9, 5, 10, 2, 2),  # the purchase took from the ask
                (6 * S, 9, 5, 10, 6, 2),  # which is back after 3 s
            ),
        ),
        bought=3.0,
        sold=3.0,
    )
    assert makers.refresh_time(makers.bid) == pytest.approx(1.0)
    assert makers.refresh_time(makers.ask) == pytest.approx(3.0)
    assert makers.refresh == pytest.approx(0.5)
    # Bid: -3 by trade, +3 back, 3 given back; ask: -3, +4, 3 given back.
    assert makers.inventory == pytest.approx(-1.0)


def test_a_cancel_is_no_loss_to_wait_for() -> None:
    makers = MakerQuotes(ready=0.5)
    touch = quotes((0, 9, 5, 10, 5, 0), (1, 9, 1, 10, 5, 0), (2 * S, 9, 5, 10, 5, 0))
    makers.update(frame(3 * S, touch=touch), bought=0.0, sold=0.0)
    assert makers.bid.refreshes == 0.0


def test_a_quote_that_never_comes_back_counts_with_the_longest_wait() -> None:
    makers = MakerQuotes(ready=0.5, half_life_s=1e9)
    touch = quotes((0, 9, 5, 10, 5, 0), (1, 8, 5, 10, 5, 1))
    makers.update(frame(S, trades=tape((9, 5, SELL)), touch=touch), bought=0.0, sold=5.0)
    assert makers.bid.lost_ns == 1
    makers.update(frame(9 * S), bought=0.0, sold=0.0)
    assert makers.refresh_time(makers.bid) == pytest.approx(5.0)
    assert makers.bid.lost_ns is None


def test_the_side_that_closes_a_wide_spread_is_credited() -> None:
    makers = MakerQuotes()
    for i in range(3):
        makers.update(frame(i * S, touch=quotes((i * S, 9, 5, 10, 5, 0))), bought=0.0, sold=0.0)
    assert makers.upkeep == 0.0
    wide_then_mended = quotes((3 * S, 6, 5, 10, 5, 0), (3 * S, 8, 5, 10, 5, 0))
    makers.update(frame(4 * S, touch=wide_then_mended), bought=0.0, sold=0.0)
    assert makers.upkeep is not None
    assert makers.upkeep == pytest.approx(0.5, abs=0.01)


def test_a_run_of_liquidations_is_a_cascade_and_one_is_not() -> None:
    one = Liquidations(side=(1,), price=(9,), qty=(5,))
    cascade = LiquidationCascade()
    cascade.update(frame(S, liquidations=one))
    assert not cascade.on
    assert cascade.value == -1.0  # longs are forced to sell
    cascade.update(frame(S, liquidations=one))
    assert not cascade.on
    for i in range(2):
        cascade.update(frame((2 + i) * S, liquidations=one))
    assert cascade.on


def test_a_cascade_ends_when_nothing_follows() -> None:
    three = Liquidations(side=(1, 1, 1), price=(9, 9, 9), qty=(5, 5, 5))
    cascade = LiquidationCascade()
    cascade.update(frame(S, liquidations=three))
    cascade.update(frame(600 * S))
    assert not cascade.on


def test_flagged_trades_stand_in_for_a_silent_liquidation_channel() -> None:
    flags = (int(TradeFlag.LIQUIDATION), 0)
    forced = Trades(price=(9, 9), qty=(4, 4), side=(BUY, SELL), flags=flags)
    assert LiquidationCascade().update(frame(S, trades=forced)) == 1.0


def test_trades_that_are_not_of_the_market_have_no_weight() -> None:
    flow = AggressorFlow(all=Pressure(expected=10.0), threshold=1.0)
    insurance = Trades(price=(9,), qty=(50,), side=(BUY,), flags=(int(TradeFlag.NON_MARKET),))
    flow.update(frame(S, trades=insurance), bought=0.0, sold=0.0)
    assert flow.large.buy == 0.0
    assert flow.size.count == 0
    assert flow.value == 0.0


def test_imbalance_fades_on_a_quiet_tape() -> None:
    flow = AggressorFlow(all=Pressure(expected=10.0, half_life_s=10.0))
    bought = flow.update(frame(S, trades=tape((9, 30, BUY))), bought=30.0, sold=0.0)
    assert bought == pytest.approx(30 / 40)
    flow.all.expected = 10.0
    left = 30 / 16  # after four half-lives
    quiet = flow.update(frame(41 * S), bought=0.0, sold=0.0)
    assert quiet == pytest.approx(left / (left + 10))


@pytest.mark.parametrize("half_life_s", [3.0, 10.0])
def test_reversion_time_is_that_of_the_process(half_life_s: float) -> None:
    phi = 0.5 ** (1.0 / half_life_s)
    value, noise = 0.0, 1
    reversion = ReversionTime(half_life_s=1e6, ready=30)
    for i in range(20_000):
        noise = (noise * 48_271) % 2_147_483_647  # Lehmer's generator, as in the C++ standard
        value = phi * value + noise / 2_147_483_647 - 0.5
        reversion.update(value, i * S)
    assert reversion.value == pytest.approx(half_life_s, rel=0.25)
