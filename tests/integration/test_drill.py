"""`prism drill`: the kill switch on the simulated exchange, and what it says when that fails."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from cli.drill.drill import Drill, Step
from streams.simulator.exchange.faults import Reject
from streams.simulator.exchange.trading.rejections import Reason
from tests.support.prism import prism

STEPS = [
    "exchange", "start", "open", "halt", "kill", "start again", "halt survives", "flatten",
    "venue", "books",
]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "opened"),
    [
        (["binanceusdm"], "positions: [0-9.]+ BTC/USDT:USDT, -[0-9.]+ ETH/USDT:USDT; "),
        (["bybit"], "positions: [0-9.]+ BTC/USDT:USDT, -[0-9.]+ ETH/USDT:USDT; "),
        (["bybit", "--spot"], "positions: [0-9.]+ BTC/USDT; resting orders: 1"),
        (["binance"], "positions: [0-9.]+ BTC/USDT; resting orders: 1"),
    ],
    ids=["binanceusdm", "bybit", "bybit spot", "binance"],
)
def test_the_command_halts_kills_and_flattens_and_tells_each_step_with_its_time(
    where: list[str], opened: str
) -> None:
    done = prism("drill", "--venue", *where, "--json", timeout_s=240)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["passed"]
    assert [step["name"] for step in told["steps"]] == STEPS
    facts = {step["name"]: step["fact"] for step in told["steps"]}
    assert re.match(opened, facts["open"])  # long the one and short the other, or coins
    assert facts["kill"].endswith(facts["open"])
    assert "halt: account, by prism drill" in facts["halt survives"]
    assert facts["venue"].endswith("positions: none; resting orders: none")
    times = [step["at_s"] for step in told["steps"]]
    assert times == sorted(times)
    assert not re.search("[0-9a-f]{64}", done.stdout + done.stderr)  # keys are made so


def test_a_flatten_that_the_venue_refuses_is_no_success_and_no_secret_is_logged(
    tmp_path: Path,
) -> None:
    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        if step.name == "halt survives":
            refuse = Reject(reason=Reason.OVERLOADED, method="POST", path="/fapi/v1/order")
            drill._exchange.faults.inflict(refuse)
            drill._within_s = 5.0

    drill = Drill(tmp_path, venue="binanceusdm", seed=7, within_s=120.0, tell=tell)
    assert not asyncio.run(drill.run())
    assert [(step.name, step.passed) for step in steps[-2:]] == [
        ("halt survives", True), ("flatten", False),
    ]  # fmt: skip
    assert "the account is not flat within 5 s; positions: " in steps[-1].fact
    logged = (tmp_path / "trader.log").read_text()
    said = logged + "\n".join(step.fact for step in steps)
    assert "live." in logged  # it has said something of its requests
    for secret in (drill._key.key, drill._key.secret):
        assert secret not in said
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_trader_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        (tmp_path / "key").write_text("forged")

    drill = Drill(tmp_path, venue="binanceusdm", seed=7, within_s=120.0, tell=tell)
    assert not asyncio.run(drill.run())
    assert [(step.name, step.passed) for step in steps] == [("exchange", True), ("start", False)]
    assert "the trader ended with 1" in steps[-1].fact
    assert "does not take these keys" in steps[-1].fact
