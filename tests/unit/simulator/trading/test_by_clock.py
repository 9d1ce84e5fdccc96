"""What happens to accounts without their doing: triggers, funding, liquidation, dead-man switch."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.frame import NS_PER_S, Side
from streams.events import BookSnapshot
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import IncomeKind
from streams.simulator.exchange.trading.conditional import Trigger, TriggerBy, Waiting
from streams.simulator.exchange.trading.dead_man import DeadMan
from streams.simulator.exchange.trading.funding import Funding
from streams.simulator.exchange.trading.liquidation import Liquidation
from streams.simulator.exchange.trading.margin import liquidation_price
from streams.simulator.exchange.trading.orders import Kind, Status, Ticket
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.settings import set_isolated, set_leverage
from tests.support.desk import Stage
from tests.support.simulated import START_NS, rules_of

BEFORE_FUNDING_NS = 60 * FUNDING_NS - 2 * NS_PER_S


@pytest.mark.parametrize("side", list(Side))
def test_funding_is_paid_once_a_period_by_who_holds(side: Side) -> None:
    stage = Stage(start_ns=BEFORE_FUNDING_NS)
    funding = Funding(stage.desk)
    stage.order(side, "3", None)
    stage.mark("101", rate="0.0002")
    wallet = stage.account.wallet["USDT"]
    funding.tick(stage.pass_time(1))
    assert stage.account.wallet["USDT"] == wallet
    for _ in range(3):
        funding.tick(stage.pass_time(1))
    paid = -side * Decimal(3) * 101 * Decimal("0.0002")
    assert stage.account.wallet["USDT"] == wallet + paid
    incomes = [each for each in stage.account.incomes if each.kind is IncomeKind.FUNDING]
    assert [(each.amount, each.time_ns) for each in incomes] == [(paid, 60 * FUNDING_NS)]


def test_what_is_told_at_a_settlement_is_the_rate_of_the_next_and_the_history_says_so() -> None:
    stage = Stage(start_ns=BEFORE_FUNDING_NS)
    funding, state = Funding(stage.desk), stage.listing.derivatives
    stage.order(Side.BUY, "3", None)
    stage.mark("100", rate="0.0002")
    funding.tick(stage.pass_time(1))
    now_ns = stage.pass_time(1)
    assert now_ns == 60 * FUNDING_NS
    stage.mark("101", rate="0.0007")
    funding.tick(now_ns)
    (income,) = [each for each in stage.account.incomes if each.kind is IncomeKind.FUNDING]
    assert income.amount == -3 * 101 * Decimal("0.0002")
    assert state.fundings(first_ns=now_ns, last_ns=now_ns) == [(now_ns, 0.0002)]
    assert state.settled_mark(now_ns) == 101.0
    funding.tick(stage.pass_time(FUNDING_NS / NS_PER_S))
    assert stage.account.incomes[-1].amount == -3 * 101 * Decimal("0.0007")


def test_where_no_rate_is_told_the_base_rate_is_paid_and_is_in_the_history() -> None:
    stage = Stage(start_ns=BEFORE_FUNDING_NS)
    funding = Funding(stage.desk)
    stage.order(Side.BUY, "3", None)
    stage.mark("100")
    funding.tick(stage.pass_time(1))
    now_ns = stage.pass_time(1)
    funding.tick(now_ns)
    assert stage.account.incomes[-1].amount == -3 * 100 * Decimal("0.0001")
    state = stage.listing.derivatives
    assert state.fundings(first_ns=now_ns, last_ns=now_ns) == [(now_ns, 0.0001)]


def test_a_flat_account_and_the_first_tick_pay_no_funding() -> None:
    stage = Stage(start_ns=BEFORE_FUNDING_NS)
    funding = Funding(stage.desk)
    stage.order(Side.BUY, "1", None)
    funding.tick(stage.pass_time(5))  # it did not see the period before
    stage.order(Side.SELL, "1", None)
    funding.tick(stage.pass_time(FUNDING_NS / NS_PER_S))
    assert {each.kind for each in stage.account.incomes} == {IncomeKind.FEE, IncomeKind.REALISED}


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("isolated", [False, True])
def test_a_ruined_position_is_closed_and_its_orders_cancelled(side: Side, isolated: bool) -> None:
    stage = Stage(usdt="60")
    liquidation = Liquidation(stage.desk)
    stage.mark("100")
    set_leverage(stage.desk, stage.account, stage.listing, 10)
    if isolated:
        set_isolated(stage.desk, stage.account, stage.listing, isolated=True)
    stage.order(side, "4", None)
    resting = stage.order(side, "0.1", "99" if side is Side.BUY else "101")
    price = liquidation_price(stage.account, stage.position)
    stage.mark(str(price + side * Decimal("0.0001")))
    liquidation.tick(0)
    assert stage.position.qty == 4 * side
    stage.mark(str(price - side * Decimal("0.0001")))
    liquidation.tick(0)
    assert stage.position.qty == 0
    assert resting.status is Status.CANCELLED
    forced = list(stage.account.orders.values())[-1]
    assert forced.forced
    assert forced.client_id.startswith("autoclose-")
    assert stage.account.wallet["USDT"] > 0


def test_orders_of_other_symbols_that_share_the_equity_go_too() -> None:
    stage = Stage(usdt="60")
    other = Listing(rules_of("ETH/USDT:USDT"), venue_id="ETHUSDT", seed="y", truth=None)
    other.now_ns = START_NS
    other.apply(BookSnapshot("ETHUSDT", START_NS, 1, [("100.0", "5")], [("100.1", "4")]))
    stage.desk.add(other)
    stage.mark("100")
    stage.order(Side.BUY, "4", None)
    ticket = Ticket(
        listing=other,
        side=Side.BUY,
        kind=Kind.LIMIT,
        qty=Decimal(1),
        client_id="other",
        price=Decimal(99),
    )
    resting = stage.desk.place(stage.account, ticket)
    stage.mark("85")
    Liquidation(stage.desk).tick(0)
    assert stage.position.qty == 0
    assert resting.status is Status.CANCELLED


def test_what_is_lost_beyond_the_equity_the_insurance_pays() -> None:
    stage = Stage(usdt="42")
    liquidation = Liquidation(stage.desk)
    stage.mark("100")
    set_leverage(stage.desk, stage.account, stage.listing, 10)
    stage.order(Side.BUY, "4", None)
    stage.book(bids=[("100.0", "0"), ("99.9", "0"), ("60.0", "9")])
    stage.mark("85")
    liquidation.tick(0)
    assert stage.position.qty == 0
    assert stage.account.wallet["USDT"] == 0
    (insured,) = [each for each in stage.account.incomes if each.kind is IncomeKind.INSURANCE]
    lost = Decimal("40.1") * 4 + sum((fill.fee for fill in stage.account.fills), Decimal(0))
    assert insured.amount == lost - 42


def test_an_isolated_position_loses_no_more_than_what_is_isolated() -> None:
    stage = Stage(usdt="1000")
    stage.mark("100.1")
    set_isolated(stage.desk, stage.account, stage.listing, isolated=True)
    stage.order(Side.BUY, "4", None)
    isolated, wallet = stage.position.isolated_wallet, stage.account.wallet["USDT"]
    stage.book(bids=[("100.0", "0"), ("99.9", "0"), ("60.0", "9")])
    stage.mark("90")
    Liquidation(stage.desk).tick(0)
    assert stage.account.wallet["USDT"] == wallet - isolated


def test_what_the_book_cannot_take_is_closed_later() -> None:
    stage = Stage(usdt="42")
    liquidation = Liquidation(stage.desk)
    stage.mark("100")
    set_leverage(stage.desk, stage.account, stage.listing, 10)
    stage.order(Side.BUY, "4", None)
    stage.book(bids=[("100.0", "1"), ("99.9", "0")])
    stage.mark("85")
    liquidation.tick(0)
    assert stage.position.qty == 3
    stage.book(bids=[("85.0", "9")])
    liquidation.tick(0)
    assert stage.position.qty == 0


def test_a_countdown_cancels_its_symbols_orders_unless_it_is_wound_or_stopped() -> None:
    stage = Stage()
    dead_man = DeadMan(stage.desk)

    def wound(seconds: int) -> None:
        name = stage.listing.symbol
        dead_man.wind(stage.account, name, (name,), countdown_ns=seconds * NS_PER_S)

    order = stage.order(Side.BUY, "1", "99.0")
    wound(10)
    dead_man.tick(stage.pass_time(8))
    wound(10)
    dead_man.tick(stage.pass_time(8))
    dead_man.stop(stage.account, stage.listing.symbol)
    dead_man.tick(stage.pass_time(8))
    assert order.open
    wound(10)
    dead_man.tick(stage.pass_time(10))
    assert order.status is Status.CANCELLED
    later = stage.order(Side.BUY, "1", "99.0")
    dead_man.tick(stage.pass_time(100))
    assert later.open


def test_a_stop_waits_for_the_price_it_names_and_no_other() -> None:
    stage = Stage()
    stage.mark("100")
    stage.order(Side.BUY, "2", None)
    by_last = stage.stop(Side.SELL, "1", "99.0", rising=False)
    by_mark = stage.stop(Side.SELL, "1", "99.0", rising=False, by=TriggerBy.MARK)
    stage.mark("98")
    assert (by_last.status, by_mark.status) == (Waiting.NEW, Waiting.FINISHED)
    stage.trade(Side.SELL, "99.1", "1")
    assert stage.position.qty == 1
    stage.trade(Side.SELL, "99.0", "1")
    assert stage.position.qty == 0


def test_a_stop_of_spot_meets_the_filters_when_it_is_placed() -> None:
    stage = Stage("BTC/USDT")
    below = Trigger(price=Decimal(99), rising=False)
    for qty, reason in (("0.01", Reason.MIN_NOTIONAL), ("20000", Reason.QTY_RANGE)):
        ticket = Ticket(
            listing=stage.listing,
            side=Side.SELL,
            kind=Kind.MARKET,
            qty=Decimal(qty),
            client_id="stop",
        )
        with pytest.raises(Rejected) as refused:
            stage.triggers.place(stage.account, ticket, below, kind="STOP_LOSS")
        assert refused.value.reason is reason


def test_a_stop_that_finds_nothing_to_reduce_is_rejected_when_it_triggers() -> None:
    stage = Stage()
    lonely = stage.stop(Side.SELL, "1", "99.0", rising=False)
    everything = stage.stop(Side.SELL, "0", "99.0", rising=False)
    stage.trade(Side.SELL, "98.0", "1")
    for each in (lonely, everything):
        assert (each.status, each.failure) == (Waiting.REJECTED, "reduce_only")
    with pytest.raises(Rejected) as refused:
        stage.stop(Side.SELL, "1", "99.0", rising=False)
    assert refused.value.reason is Reason.WOULD_TRIGGER


def test_a_stop_for_all_closes_what_there_is_then() -> None:
    stage = Stage()
    stage.order(Side.BUY, "1", None)
    everything = stage.stop(Side.SELL, "0", "99.0", rising=False)
    stage.order(Side.BUY, "2", None)
    stage.trade(Side.SELL, "99.0", "1")
    assert everything.order is not None
    assert everything.order.filled == 3
    assert stage.position.qty == 0
