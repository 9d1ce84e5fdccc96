"""The position monitor on recorded days: it acts, in bounds, and says what it did."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.execution.account import Account
from agents.execution.orders import is_entry
from agents.pipeline import Pipeline
from schemas.frame import Message, Side
from schemas.order import Fill, Order, OrderStatus
from schemas.position_assessment import MonitorAction, PositionAssessment, RiskLevel
from schemas.settings import settings_from
from schemas.topics import FILLS, MONITOR, ORDERS
from tests.chaos.expected import frames_of
from tests.golden.sources import golden_paths
from tests.support.nexo_day import SETTINGS, NexoDay
from tests.support.prism import prism

pytestmark = [pytest.mark.needs_market_data, pytest.mark.timeout(900)]

BTC = "BTC_usdm_20240808"
QUICK: dict[str, Mapping[str, object]] = {
    "dimensions": {"enabled": ["orderbook", "orderflow"]},
    "signals": {"exit_band": 0, "cooldown_s": 1},
}
"""Positions are left by signals only when the score has crossed to the other side."""

RESTLESS = {"confirm_s": 2, "tighten_after_s": 1, "exit_confidence": 0.4, "medium_risk": 0.4}
"""Settings under which it does much within minutes."""


class Played(NamedTuple):
    """A day in one mode."""

    messages: Sequence[Message]
    account: Account
    state: bytes
    """Of the account at the end, encoded."""

    def of_orders(self) -> list[Order]:
        found = [m for m in self.messages if isinstance(m, Order)]
        return [order for order in found if order.status is OrderStatus.INTENT]

    def traded(self) -> list[tuple[int, Side, Decimal, Decimal]]:
        """Fills without ids, which differ with the settings."""
        found = [m for m in self.messages if isinstance(m, Fill)]
        return [(fill.tick_ns, fill.side, fill.price, fill.qty) for fill in found]

    def told(self) -> list[PositionAssessment]:
        return [m for m in self.messages if isinstance(m, PositionAssessment)]


def play(data: Path, mode: str, **monitor: object) -> Played:
    """The account's part of the minutes of BTC, without scores."""
    chosen = {**QUICK, "monitor": {"mode": mode, **RESTLESS, **monitor}}
    settings = settings_from(chosen)
    pipeline = Pipeline(settings)
    kept = (Order, Fill, PositionAssessment)
    found = [
        record.message
        for frame in frames_of(golden_paths(data, BTC), settings)
        for record in pipeline.process(frame)
        if isinstance(record.message, kept)
    ]
    account = Account(settings)
    return Played(found, account, account.encode(pipeline.account_state))


@pytest.fixture(scope="module")
def btc(market_data: Path) -> Played:
    return play(market_data, "full")


@pytest.fixture(scope="module")
def nexo(nexo_day: NexoDay) -> Played:
    found = [m for topic in (ORDERS, FILLS, MONITOR) for m in nexo_day.messages(topic)]
    return Played(found, Account(SETTINGS), nexo_day.account())


@pytest.fixture(scope="module", params=["btc", "nexo"])
def full(request: pytest.FixtureRequest) -> Played:
    played: Played = request.getfixturevalue(request.param)
    return played


def test_each_of_its_actions_is_taken_on_a_recorded_day(full: Played) -> None:
    taken = {assessed.action for assessed in full.told()}
    assert taken >= {MonitorAction.HOLD, MonitorAction.TIGHTEN, MonitorAction.EXIT}
    legs = {order.leg.rstrip("0123456789") for order in full.of_orders()}
    assert "monitor" in legs
    assert {"reduce", "open"} & legs


def test_no_position_becomes_larger_than_its_entry_asked_for(full: Played) -> None:
    asked: dict[str, Decimal] = {}
    bought: dict[str, Decimal] = defaultdict(Decimal)
    for order in full.of_orders():
        if order.leg == "open":
            asked[order.signal_id] = next(f.value for f in order.factors if f.name == "qty")
        if is_entry(order.leg):
            bought[order.signal_id] += order.qty
    assert asked
    for signal_id, qty in bought.items():
        assert qty <= asked[signal_id]


def test_no_stop_ever_goes_back_while_its_position_is_open(full: Played) -> None:
    last: dict[str, Decimal] = {}
    for assessed in full.told():
        before = last.get(assessed.signal_id)
        if before is not None:
            assert (assessed.stop - before) * assessed.side >= 0
        last[assessed.signal_id] = assessed.stop


def test_no_id_is_used_twice(full: Played) -> None:
    for kind in (Order, Fill):
        ids = [m.id for m in full.messages if isinstance(m, kind)]
        assert len(ids) == len(set(ids))
    ticks = [(a.symbol, a.tick_ns) for a in full.told()]
    assert len(ticks) == len(set(ticks))


def test_every_exit_of_the_monitor_names_its_reason(full: Played) -> None:
    exits = [order for order in full.of_orders() if order.leg == "monitor"]
    reasons = {a.reason for a in full.told() if a.action is MonitorAction.EXIT}
    assert {o.reason.removeprefix("monitor: ").removesuffix(", for 2 s") for o in exits} <= reasons


def test_what_it_remembers_is_bounded_by_the_symbols(full: Played) -> None:
    state = full.account.decode(full.state)
    for kept in (state.watches, state.theses, state.past_guards, state.outlooks):
        assert len(kept) <= 1
    assert full.account.encode(state) == full.state


def test_who_observes_trades_as_if_there_were_no_monitor(market_data: Path) -> None:
    observed = play(market_data, "observe")
    busy = play(market_data, "reduce")
    never = play(market_data, "protect", confirm_s=100_000, tighten_after_s=100_000)
    assert {a.action for a in observed.told()} == {MonitorAction.HOLD}
    assert any(a.advice is MonitorAction.EXIT for a in observed.told())
    assert observed.traded() == never.traded() != busy.traded()


def test_the_command_shows_what_was_said_of_open_positions_and_what_was_done(
    market_data: Path, tmp_path: Path
) -> None:
    paths = [str(path) for path in golden_paths(market_data, BTC)]
    chosen = ["--set", "signals.exit_band=0", "--set", "monitor.tighten_after_s=1"]
    done = prism("replay", *paths, "--out", str(tmp_path), *chosen, timeout_s=300)
    assert done.returncode == 0, done.stderr
    shown = prism("portfolio", str(tmp_path), "--monitor")
    assert shown.returncode == 0, shown.stderr
    assert " tighten " in shown.stdout
    told = json.loads(prism("portfolio", str(tmp_path), "--monitor", "--json").stdout)
    assert len(told) > len(shown.stdout.splitlines()) - 1
    assert {one["level"] for one in told} >= {RiskLevel.NONE.value, RiskLevel.MEDIUM.value}
    last = json.loads(prism("portfolio", str(tmp_path), "--json").stdout)
    assert {f"{one['venue']}:{one['symbol']}" for one in last["monitor"]} == {
        one["key"] for one in last["positions"]
    }
