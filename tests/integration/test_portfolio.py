"""The portfolio of recorded days, read off the files of a run: exact money, NumPy's statistics."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from agents.execution.journal import journal
from schemas.order import Fill, Funding, Order
from schemas.portfolio import Portfolio
from streams.sinks.files import read_lines
from tests.golden.sources import golden_paths
from tests.support.nexo_day import NexoDay
from tests.support.prism import prism

pytestmark = [pytest.mark.needs_market_data, pytest.mark.timeout(600)]

OFTEN = (
    "dimensions.enabled=[orderbook,orderflow]", "signals.long_threshold=56",
    "signals.short_threshold=44", "signals.cooldown_s=1", "signals.stop_ranges=0.3",
    "paper.maker_fee_bps=-0.5", "paper.taker_fee_bps=4.5",
)  # fmt: skip
"""Settings under which much is traded."""


class Run(NamedTuple):
    """What a replay has written."""

    folder: Path
    orders: list[Order]
    fills: list[Fill | Funding]
    portfolios: list[Portfolio]


@pytest.fixture(scope="module")
def btc(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a replay."""
    out = tmp_path_factory.mktemp("run")
    settings = [argument for setting in OFTEN for argument in ("--set", setting)]
    paths = golden_paths(market_data, "BTC_usdm_20240808")
    done = prism("replay", *paths, "--out", out, *settings, timeout_s=500)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def nexo(nexo_day: NexoDay) -> Path:
    """The folder of a replay."""
    return nexo_day.folder


@pytest.fixture(scope="module", params=["btc", "nexo"])
def run(request: pytest.FixtureRequest) -> Run:
    out: Path = request.getfixturevalue(request.param)
    return Run(
        out,
        read_lines(out / "orders.jsonl", Order),
        read_lines(out / "fills.jsonl", Fill, Funding),
        read_lines(out / "portfolio.jsonl", Portfolio),
    )


def test_profit_and_loss_equal_fills_fees_and_funding_to_the_last_decimal(run: Run) -> None:
    flat = 0
    for told in run.portfolios:
        before = [r for r in run.fills if r.tick_ns <= told.tick_ns]
        cash = fees = funding = Fraction(0)
        held: dict[str, Fraction] = {}
        for record in before:
            key = f"{record.venue}:{record.symbol}"
            if isinstance(record, Funding):
                funding += Fraction(record.amount)
                continue
            signed = int(record.side) * Fraction(record.qty)
            cash -= signed * Fraction(record.price)
            fees += Fraction(record.fee)
            held[key] = held.get(key, Fraction(0)) + signed
        marks = {p.key: Fraction(p.notional) / Fraction(p.qty) for p in told.positions}
        worth = sum((qty * marks[key] for key, qty in held.items() if qty), Fraction(0))
        assert Fraction(told.fees) == fees
        assert Fraction(told.funding) == funding
        assert Fraction(told.realised) + Fraction(told.unrealised) == cash + worth
        assert Fraction(told.net_pnl) == cash + worth - fees + funding
        assert Fraction(told.equity) == Fraction(told.start) + Fraction(told.net_pnl)
        assert told.start == 100_000
        if not told.positions:
            assert Fraction(told.realised) == cash
            flat += 1
    assert flat > 5


def test_closed_positions_are_those_of_the_journal(run: Run) -> None:
    told = run.portfolios[-1]
    trades = [
        t for t in journal(run.orders, run.fills)
        if t.closed_ns is not None and t.closed_ns <= told.tick_ns
    ]  # fmt: skip
    nets = [t.net_pnl for t in trades]
    gains = sum((Fraction(n) for n in nets if n > 0), Fraction(0))
    losses = -sum((Fraction(n) for n in nets if n <= 0), Fraction(0))
    assert told.trades == len(trades) > 10
    assert told.win_rate == len([n for n in nets if n > 0]) / len(nets)
    assert (Fraction(told.gains), Fraction(told.losses)) == (gains, losses)
    assert told.profit_factor == pytest.approx(float(gains / losses))
    for parts in (told.by_dimension, told.by_exit):
        assert sum((Fraction(p.net) for p in parts), Fraction(0)) == gains - losses
    assert {p.name for p in told.by_dimension} == {"orderbook", "orderflow"}
    settled = Fraction(told.realised) - Fraction(told.fees) + Fraction(told.funding)
    assert sum((Fraction(p.net) for p in told.by_symbol), Fraction(0)) == settled


def test_drawdown_is_that_of_the_curve_that_was_told(run: Run) -> None:
    curve = np.array([float(r.equity) for r in run.portfolios])
    start = float(run.portfolios[0].start)
    peaks = np.maximum(np.maximum.accumulate(curve), start)
    deepest = float((peaks - curve).max())
    last = run.portfolios[-1]
    # A sample may lie between two records, of which one is of the same equity but a frame later.
    assert float(last.max_drawdown) >= deepest - 50.0
    assert last.recovery_factor == pytest.approx(float(last.net_pnl / last.max_drawdown))


def test_the_command_shows_the_last_record_and_the_curve(run: Run) -> None:
    shown = prism("portfolio", str(run.folder), "--json")
    assert shown.returncode == 0, shown.stderr
    document: dict[str, Any] = json.loads(shown.stdout)
    last = run.portfolios[-1]
    assert document["net_pnl"] == format(last.net_pnl, "f")
    assert len(document["equity_curve"]) == len(run.portfolios)
    table = prism("portfolio", str(run.folder)).stdout
    assert f"{last.net_pnl:,.2f}" in table
    assert "by dimension" in table


def test_without_a_folder_or_a_trade_one_line_says_so(tmp_path: Path) -> None:
    done = prism("portfolio")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = prism("portfolio", str(tmp_path))
    assert "name the folder that `prism replay` has written" in done.stderr
    (tmp_path / "portfolio.jsonl").write_bytes(b"")
    done = prism("portfolio", str(tmp_path))
    assert "has not traded yet" in done.stderr
