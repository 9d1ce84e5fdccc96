"""The risk engine in the account: refusals as records, the halt of a drawdown, alerts, resume."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from agents.execution.account import Account
from agents.execution.ledger import Holding
from schemas.alert import Alert, Severity
from schemas.control import Resume
from schemas.frame import Message
from schemas.order import Order, OrderStatus
from schemas.settings import Settings
from schemas.signal import SignalKind
from tests.support.messages import SYMBOL, VENUE
from tests.unit.execution.test_protection import KEY, Desk

LONG = SignalKind.LONG
OTHER = f"{VENUE}:ETH/USDT:USDT"


def refused(records: Sequence[Message]) -> list[str]:
    rejected = [r for r in records if isinstance(r, Order) and r.status is OrderStatus.REJECTED]
    return [order.reason for order in rejected]


def alerts(records: Sequence[Message]) -> list[Alert]:
    return [record for record in records if isinstance(record, Alert)]


def hold(desk: Desk, qty: str) -> None:
    """Let it hold so much of another symbol, at 100.00."""
    state, held = desk.state, Decimal(qty)
    state.ledger.holdings[OTHER] = Holding(held, abs(held) * 100)
    state.marks[OTHER], state.risk.mid_ns[OTHER] = Decimal(100), desk.now_ns


def test_a_refusal_is_an_order_that_keeps_its_size_and_every_factor() -> None:
    desk = Desk(risk={"max_position_fraction": "0.02"})
    (order,) = [r for r in desk.step(10_000, kind=LONG) if isinstance(r, Order)]
    assert order.status is OrderStatus.REJECTED
    assert order.leg == "open"
    assert order.reason == "max_position: limit 2000.00, position 3000.000"
    assert order.qty == 30
    assert {factor.name for factor in order.factors} >= {"fraction", "initial_notional", "qty"}
    assert not desk.state.paper.working


def test_an_exit_is_never_refused_by_a_limit() -> None:
    desk = Desk(risk={"max_orders_per_minute": 1})
    desk.open()
    assert refused(desk.step(10_000, kind=LONG)) == [f"position: already long {desk.held}"]
    desk.step(10_000, kind=SignalKind.EXIT)
    desk.step(10_000)
    assert desk.held == 0
    assert refused(desk.step(10_000, kind=LONG)) == ["order_rate: limit 1, placed 3"]


def test_a_turn_is_held_to_the_limits_without_the_side_that_it_leaves() -> None:
    desk = Desk()
    desk.open()
    tighter = {"risk": {"max_position_fraction": "0.001"}}  # less than half of either side
    desk.account = Account(Settings.model_validate(tighter))
    assert not refused(desk.step(10_000, kind=SignalKind.SHORT))
    (reason,) = refused(desk.step(10_000))
    assert reason.startswith("max_position: limit 99.9")
    assert desk.held == 0


def test_a_drawdown_halts_says_so_at_once_and_holds_until_a_person_resumes() -> None:
    limits = {"max_drawdown_fraction": "0.01", "max_daily_loss_fraction": 1}
    desk = Desk(stops={"at_venue": False}, risk=limits)
    desk.open()
    (alert,) = alerts(desk.step(6_000))
    assert (alert.rule, alert.severity) == ("risk:drawdown", Severity.CRITICAL)
    assert alert.text.startswith("account paper: drawdown: limit 0.01, fallen 0.012")
    assert not alerts(desk.step(6_000))
    desk.step(20_000)  # it has recovered, and is halted all the same
    desk.step(20_000, kind=SignalKind.EXIT)
    desk.step(20_000)
    (reason,) = refused(desk.step(20_000, kind=LONG))
    assert reason == desk.state.risk.halted
    assert reason.startswith("drawdown: limit 0.01, fallen 0.012")
    desk.account.command(desk.state, Resume("paper", desk.now_ns, "looked at it", id="r", by="ada"))
    placed = desk.step(20_000, kind=LONG)
    assert not refused(placed)
    assert desk.state.risk.peak == desk.state.equity()


def test_an_account_that_comes_to_break_a_limit_is_told_once_and_again_when_it_returns() -> None:
    desk = Desk(
        stops={"at_venue": False},
        risk={"max_gross_fraction": "0.035", "sample_s": 10, "samples_at_least": 20},
    )
    desk.open()
    path = (10_000, 12_000, 12_000, 10_000, 12_000)
    told = [[alert.rule for alert in alerts(desk.step(mid, after_s=10))] for mid in path]
    # each frame is looked at with the marks that it brings
    assert told == [[], ["risk:gross_exposure"], [], [], ["risk:gross_exposure"]]


def test_a_position_that_comes_to_break_a_limit_of_one_is_told_by_its_name() -> None:
    desk = Desk(
        stops={"at_venue": False},
        risk={
            "max_position_fraction": "0.035", "max_concentration_fraction": "0.04", "sample_s": 10,
        },
    )  # fmt: skip
    desk.open()
    path = (10_000, 12_000, 12_000, 14_000, 10_000, 12_000)
    told = [alerts(desk.step(mid, after_s=10)) for mid in path]
    assert [[alert.rule for alert in each] for each in told] == [
        [], ["risk:max_position"], [], ["risk:concentration"], [], ["risk:max_position"],
    ]  # fmt: skip
    assert (told[1][0].venue, told[1][0].symbol) == (VENUE, SYMBOL)
    assert told[1][0].text.startswith("account paper: max_position: limit 3520.9")


KNOWN, SHORT_OF_HISTORY = [-0.01, 0.01] * 30, [-0.01, 0.01] * 29
"""A fall of 1% a minute is one of 38% a day."""


@pytest.mark.parametrize(
    ("own", "other", "says"),
    [
        (KNOWN, KNOWN, "loss 0.0277"),  # 38% of 10% less 2.7%, which hedge each other
        (KNOWN, SHORT_OF_HISTORY, "loss 0.0202"),  # 38% of 2.7%, and 10% of 10%
        (SHORT_OF_HISTORY, [None, *SHORT_OF_HISTORY, None], "loss 0.0127"),  # 10% of 12.7%
    ],
)
def test_a_position_of_too_short_a_history_counts_at_its_share_and_the_others_by_theirs(
    own: list[float | None], other: list[float | None], says: str
) -> None:
    others = dict.fromkeys(("max_es95_fraction", "max_es99_fraction", "max_var99_fraction"), 9)
    desk = Desk(risk={"max_var95_fraction": 0.01, **others})
    desk.step(10_000)
    hold(desk, "-100")
    desk.state.risk.returns = {KEY: own, OTHER: other}
    (reason,) = refused(desk.step(10_000, kind=LONG))
    assert reason.startswith(f"value_at_risk 95%: limit 0.01, {says}")


def test_an_account_without_a_history_may_trade_with_half_of_its_equity() -> None:
    refusals = {}
    for held in ("484", "488"):
        desk = Desk(risk={"max_heat_fraction": 1})
        desk.step(10_000)
        hold(desk, held)
        refusals[held] = refused(desk.step(10_000, kind=LONG))
    assert refusals["484"] == []
    assert refusals["488"][0].startswith("value_at_risk 95%: limit 0.05, loss 0.050")


def test_losses_of_a_day_end_with_it() -> None:
    desk = Desk(stops={"at_venue": False}, risk={"max_daily_loss_fraction": "0.001"})
    desk.open()
    desk.step(9_000, kind=SignalKind.EXIT)
    desk.step(9_000)
    assert refused(desk.step(9_000, kind=LONG))[0].startswith("daily_loss: limit 0.001, lost 0.003")
    assert not refused(desk.step(9_000, kind=LONG, after_s=86_400))
    assert desk.state.risk.day_equity == desk.state.ledger.balance < Decimal(100_000)
