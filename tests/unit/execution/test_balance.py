"""What a real venue's balance is compared with, and when a difference is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.alert import Alert
from schemas.control import Resume
from schemas.frame import NS_PER_S
from schemas.order import OrderStatus
from schemas.signal import SignalKind
from tests.support.live_desk import LiveDesk

WITHIN_S = 10


def desk_of(**live: Any) -> LiveDesk:
    """An account that has begun, with 12,000 at the venue, 10,000 of them its capital."""
    desk = LiveDesk(balance_tolerance="0.0001", balance_within_s=WITHIN_S, **live)
    look(desk, "12000")
    look(desk, "12000")
    return desk


def look(desk: LiveDesk, balance: str, held: str = "0", entry: str = "100") -> list[Alert]:
    """A look at the venue; what is told of the balance."""
    desk.shows(balance, held, entry)
    told = [each for each in desk.step() if isinstance(each, Alert)]
    return [alert for alert in told if alert.rule.startswith("venue:balance")]


def stand(desk: LiveDesk, balance: str, held: str = "0") -> list[Alert]:
    """The same, seen for long enough."""
    told = look(desk, balance, held)
    desk.now_ns += WITHIN_S * NS_PER_S
    return told + look(desk, balance, held)


def test_what_the_account_trades_pays_and_holds_is_no_difference() -> None:
    desk = desk_of()
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    desk.trades(entry, "2")
    desk.trades(entry, "1", fee=Decimal("0.002"), fee_currency="BNB", fee_rate=Decimal(600))
    desk.reports(entry, OrderStatus.CANCELLED, "3")
    # Fees of 0.01 are the balance's, those in BNB are not.
    assert stand(desk, "11999.99", "3") == []
    stop = desk.order("stop")
    desk.trades(stop, "2", price=Decimal(90))
    desk.reports(stop, OrderStatus.PARTIAL, "2")
    assert stand(desk, "11979.98", "1") == []
    assert desk.state.balance.last == desk.state.balance.base


@pytest.mark.parametrize(("shown", "sign"), [("12250", "+"), ("11750", "-")])
def test_a_difference_that_stands_is_told_once_with_both_numbers_and_stops_nothing(
    shown: str, sign: str
) -> None:
    desk = desk_of()
    assert look(desk, shown) == []
    (told,) = stand(desk, shown)
    assert told.rule == "venue:balance"
    assert f"balance is {shown}, 12000 by" in told.text
    assert f"{sign}250 is not of its doing" in told.text
    assert stand(desk, shown) == []
    assert desk.account.unready(desk.state) is None
    (ended,) = look(desk, "12000")
    assert ended.rule == "venue:balance_agrees"
    (again,) = stand(desk, shown)
    assert again.rule == "venue:balance"


def test_what_passes_or_is_within_the_tolerance_is_not_told() -> None:
    desk = desk_of()
    for balance in ("12050", "12000", "12100", "11900"):  # each seen once: amid trades
        desk.now_ns += WITHIN_S * NS_PER_S
        assert look(desk, balance) == []
    assert stand(desk, "12001") == []  # the tolerance is 0.01% of the capital of 10,000


def test_after_a_transfer_a_person_resumes_and_the_venues_figure_is_the_new_start() -> None:
    desk = desk_of()
    assert stand(desk, "12250")
    desk.account.command(
        desk.state,
        Resume(account="paper", scope="", effective_ns=desk.now_ns, reason="a deposit"),
    )
    desk.step()
    for _ in range(3):
        assert stand(desk, "12250") == []
    assert stand(desk, "12000")


def test_a_state_from_a_snapshot_tells_the_same() -> None:
    desk = desk_of()
    look(desk, "12250")
    desk.state = desk.account.decode(desk.account.encode(desk.state))
    desk.now_ns += WITHIN_S * NS_PER_S
    assert [alert.rule for alert in look(desk, "12250")] == ["venue:balance"]


def test_the_start_is_not_taken_while_a_trade_is_still_to_be_told() -> None:
    desk = LiveDesk(balance_tolerance="0.0001", balance_within_s=WITHIN_S)
    look(desk, "12000")
    desk.step(SignalKind.LONG)
    entry = desk.order("open")
    for _ in range(2):  # the venue shows what a lost reply has not told
        look(desk, "11999.99", "3")
    desk.trades(entry, "3")
    desk.reports(entry, OrderStatus.FILLED, "3")
    for _ in range(2):
        assert stand(desk, "11999.99", "3") == []
    assert desk.state.balance.base == Decimal(2_000)
