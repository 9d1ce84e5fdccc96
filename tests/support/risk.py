"""Proposals for tests of risk rules: an entry that keeps every limit, changed at one place."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.closed_trades import ClosedTrade, Exit
from agents.execution.proposal import Exposure, Proposal
from schemas.execution_settings import ProtectionsSettings, RiskSettings
from schemas.frame import NS_PER_S, Side

BTC = "binanceusdm:BTC/USDT:USDT"
ETH = "binanceusdm:ETH/USDT:USDT"
SOL = "bybit:SOL/USDT:USDT"
NOW_NS = 1_000_000 * NS_PER_S

SOUND = Proposal(
    now_ns=NOW_NS,
    side=Side.BUY,
    price=Decimal(100),
    notional=Decimal(1_000),
    equity=Decimal(100_000),
    after=Exposure(BTC, Decimal(1_000), Decimal(10)),
    limits=RiskSettings(),
    protections=ProtectionsSettings(),
    max_open_positions=10,
    mid=Decimal(100),
)


def proposal(**changes: object) -> Proposal:
    """The sound proposal with changes; ``limits`` and ``protections`` may be plain values."""
    if isinstance(limits := changes.get("limits"), dict):
        changes["limits"] = RiskSettings.model_validate(limits)
    if isinstance(chosen := changes.get("protections"), dict):
        changes["protections"] = ProtectionsSettings.model_validate(chosen)
    return msgspec.structs.replace(SOUND, **changes)


def exposure(key: str, notional: str, risk: str = "0", **more: object) -> Exposure:
    """A position."""
    return Exposure(key, Decimal(notional), Decimal(risk), **more)  # type: ignore[arg-type]


def trade(
    age_s: float,
    profit: str = "-1",
    *,
    exit_: Exit = Exit.STOP,
    key: str = BTC,
    notional: str = "100",
    balance: str = "1000",
) -> ClosedTrade:
    """A position that was closed some seconds ago."""
    closed_ns = NOW_NS - round(age_s * NS_PER_S)
    return ClosedTrade(key, closed_ns, exit_, Decimal(profit), Decimal(notional), Decimal(balance))
