"""Each rule at its edge: at the limit it passes, the least step beyond it is refused by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agents.execution.closed_trades import Exit
from agents.execution.proposal import Proposal
from agents.execution.rulebook import breach, rules
from agents.execution.statistics import Tail
from tests.support.risk import BTC, ETH, SOL, SOUND, exposure, proposal, trade

CALM = Tail(0.0, 0.0, 0.0, 0.0)


def tail(**losses: float) -> Tail:
    return CALM._replace(**losses)


Edge = tuple[str, dict[str, Any], dict[str, Any], str]

EDGES: list[Edge] = [
    (
        "max_position",
        {"after": exposure(BTC, "-20000")},
        {"after": exposure(BTC, "-20000.01")},
        "max_position: limit 20000.00, position 20000.01",
    ),
    (
        "max_open_positions",
        {"max_open_positions": 2, "others": (exposure(ETH, "1"),)},
        {"max_open_positions": 2, "others": (exposure(ETH, "1"), exposure(SOL, "1"))},
        "max_open_positions: limit 2, open 2",
    ),
    (
        "gross_exposure",
        {"others": (exposure(ETH, "-149000"),)},
        {"others": (exposure(ETH, "-149000.01"),)},
        "gross_exposure: limit 150000.0, exposure 150000.01",
    ),
    (
        "net_exposure",
        {"others": (exposure(ETH, "-101000"),)},
        {"others": (exposure(ETH, "-101000.01"),)},
        "net_exposure: limit 100000, exposure 100000.01",
    ),
    (
        "leverage",
        {"others": (exposure(ETH, "299000"), exposure("binance:SOL/USDT", "99999"))},
        {"others": (exposure(ETH, "299000.01"),)},
        "leverage: limit 300000, derivatives 300000.01",
    ),
    (
        "correlation",
        {"others": (exposure(ETH, "1", correlation=0.7), exposure(SOL, "1", correlation=None))},
        {"others": (exposure(ETH, "1", correlation=0.7001),)},
        f"correlation: limit 0.7, 0.7001 with {ETH}",
    ),
    (
        "correlation",
        {"others": (exposure(ETH, "-1", correlation=-0.7),)},
        {"others": (exposure(ETH, "-1", correlation=-0.7001),)},
        f"correlation: limit 0.7, 0.7001 with {ETH}",
    ),
    (
        "concentration",
        {"others": (exposure("bybit:BTC/USDC:USDC", "29000"), exposure(ETH, "90000"))},
        {"others": (exposure("bybit:BTC/USDC:USDC", "29000.01"),)},
        "concentration: limit 30000.00, BTC 30000.01",
    ),
    (
        "sector",
        {"sectors": {"BTC": "layer 1", "ETH": "layer 1"}, "others": (exposure(ETH, "-49000"),)},
        {"sectors": {"BTC": "layer 1", "ETH": "layer 1"}, "others": (exposure(ETH, "-49000.01"),)},
        "sector: limit 50000.00, layer 1 50000.01",
    ),
    (
        "heat",
        {"others": (exposure(ETH, "1", "24990"),)},
        {"others": (exposure(ETH, "1", "24990.01"),)},
        "heat: limit 25000.00, at risk 25000.01",
    ),
    (
        "daily_loss",
        {"daily_loss": Decimal("0.04999")},
        {"daily_loss": Decimal("0.05")},
        "daily_loss: limit 0.05, lost 0.05",
    ),
    (
        "drawdown",
        {"drawdown": Decimal("0.14999")},
        {"drawdown": Decimal("0.15")},
        "drawdown: limit 0.15, fallen 0.15",
    ),
    (
        "drawdown",
        {},
        {"halted": "drawdown: limit 0.15, fallen 0.16"},
        "drawdown: limit 0.15, fallen 0.16",
    ),
    (
        "value_at_risk",
        {"tail": tail(var95=0.05, var99=0.08)},
        {"tail": tail(var95=0.0501)},
        "value_at_risk 95%: limit 0.05, loss 0.0501",
    ),
    (
        "value_at_risk",
        {"tail": None},
        {"tail": tail(var99=0.0801)},
        "value_at_risk 99%: limit 0.08, loss 0.0801",
    ),
    (
        "expected_shortfall",
        {"tail": tail(es95=0.07, es99=0.1)},
        {"tail": tail(es95=0.0701)},
        "expected_shortfall 95%: limit 0.07, loss 0.0701",
    ),
    (
        "expected_shortfall",
        {"tail": None},
        {"tail": tail(es99=0.1001)},
        "expected_shortfall 99%: limit 0.1, loss 0.1001",
    ),
    (
        "volatility",
        {"range_fraction": Decimal("0.03")},
        {"range_fraction": Decimal("0.0301")},
        "volatility: limit 0.03, range 0.0301",
    ),
    ("order_rate", {"recent_orders": 59}, {"recent_orders": 60}, "order_rate: limit 60, placed 61"),
    (
        "price_band",
        {"price": Decimal(101)},
        {"price": Decimal("98.99")},
        "price_band: limit 0.01, deviation 0.0101",
    ),
    (
        "price_band",
        {},
        {"mid": None},
        "price_band: limit a mid to compare with, mid none",
    ),
    (
        "fat_finger",
        {"notional": Decimal(100_000)},
        {"notional": Decimal("100000.01")},
        "fat_finger: limit 100000, order 100000.01",
    ),
    (
        "stale_data",
        {"others": (exposure(ETH, "1", age_ns=30_000_000_000),)},
        {"others": (exposure(ETH, "1", age_ns=30_100_000_000),)},
        f"stale_data: limit 30 s, mark of {ETH} 30.1 s",
    ),
    ("stale_data", {}, {"stale": ("book",)}, f"stale_data: limit 0 stale, {BTC} book"),
    (
        "cool_down",
        {"protections": {"cool_down_s": 30}, "trades": (trade(30), trade(1, key=ETH))},
        {"protections": {"cool_down_s": 30}, "trades": (trade(29.9),)},
        "cool_down: limit 30 s, closed 29.9 s ago",
    ),
    (
        "stop_loss_guard",
        {
            "trades": (
                trade(3601), trade(9), trade(8), trade(7, "1"), trade(6, exit_=Exit.SIGNAL),
                trade(5, key=ETH),
            )
        },
        {"trades": (trade(3600), trade(9), trade(8), trade(7, key=ETH))},
        "stop_loss_guard: limit 4 in 3600 s, hit 4",
    ),
    (
        "stop_loss_guard",
        {"trades": (trade(1900), trade(1900), trade(1900), trade(1800))},
        {"trades": (trade(1900), trade(1900), trade(1900), trade(1799.9))},
        "stop_loss_guard: limit 4 in 3600 s, hit 4",
    ),
    (
        "max_drawdown_guard",
        {
            "protections": {"drawdown_guard_trades": 2},
            "trades": (trade(9, "-40", balance="960"), trade(8, "-40", balance="920")),
        },
        {
            "protections": {"drawdown_guard_trades": 2},
            "trades": (trade(9, "-40", balance="960"), trade(8, "-41", balance="919")),
        },
        "max_drawdown_guard: limit 0.08, fallen 0.081",
    ),
    (
        "max_drawdown_guard",
        {"protections": {"drawdown_guard_trades": 2}, "trades": (trade(9, "-90", balance="910"),)},
        {
            "protections": {"drawdown_guard_trades": 1},
            "trades": (trade(14_399, "-90", balance="910"),),
        },
        "max_drawdown_guard: limit 0.08, fallen 0.09",
    ),
    (
        "low_profit_symbols",
        {
            "protections": {"low_profit_trades": 2, "low_profit_fraction": 0},
            "trades": (trade(9, "-1"), trade(8, "1.01"), trade(7, "-9", key=ETH)),
        },
        {
            "protections": {"low_profit_trades": 2, "low_profit_fraction": 0},
            "trades": (trade(9, "-1"), trade(8, "1")),
        },
        "low_profit_symbols: limit above 0, earned 0",
    ),
    (
        "low_profit_symbols",
        {"protections": {"low_profit_trades": 2}, "trades": (trade(3_700), trade(3_600))},
        {"protections": {"low_profit_trades": 2}, "trades": (trade(3_700), trade(3_599))},
        "low_profit_symbols: limit above -1.000, earned -2",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "within", "beyond", "text"), EDGES)
def test_at_its_edge(rule: str, within: dict[str, Any], beyond: dict[str, Any], text: str) -> None:
    check = rules()[rule]
    assert check(proposal(**within)) is None
    assert check(proposal(**beyond)) == text


def test_every_rule_of_the_folder_has_an_edge() -> None:
    assert sorted({rule for rule, *_ in EDGES}) == list(rules())


def test_the_sound_proposal_keeps_every_rule_and_a_breach_is_found_among_all_of_them() -> None:
    assert breach(SOUND) is None
    assert breach(proposal(recent_orders=60)) == "order_rate: limit 60, placed 61"


def test_an_account_without_equity_opens_nothing() -> None:
    assert breach(proposal(equity=Decimal(0))) is not None
    assert breach(proposal(equity=Decimal(-5))) is not None


def test_adding_to_a_position_does_not_count_as_another_one() -> None:
    others = tuple(exposure(f"v:A{i}/USDT:USDT", "1") for i in range(10))
    crowded: Proposal = proposal(others=others, opens=False)
    assert rules()["max_open_positions"](crowded) is None
