"""One order, worked by one algorithm on recorded frames with the paper venue: what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from agents.execution.account import Account
from agents.execution.parents.dealer import Dealer
from agents.execution.risk import Risk
from agents.venues.paper import PaperVenue
from schemas.algorithm_settings import AlgorithmsSettings
from schemas.execution_quality import ExecutionQuality
from schemas.frame import ContractKind, Frame, Instrument, Side, contract_kind
from schemas.money import CONTEXT
from schemas.order import Fill, Order, OrderStatus, OrderType, client_order_id
from schemas.settings import Settings, settings_from
from schemas.signal import SignalKind
from tests.support.messages import signal_of

FREE = {
    "paper": {"balance": 10**12, "leverage": 100},
    "risk": {"max_order_notional": 10**12, "max_orders_per_minute": 10**6, "max_range_fraction": 1},
}
"""Money and limits that are in no order's way. Fees and latency are those of the defaults."""


class Trial(NamedTuple):
    """An order of one side, decided at one frame."""

    start: int
    side: Side
    qty: Decimal


def settings_of(algorithm: str, **chosen: object) -> Settings:
    """Settings with which a trial works its order."""
    return settings_from({**FREE, "algorithms": {"entry": algorithm, **chosen}})


def run_trial(
    frames: Sequence[Frame], trial: Trial, settings: Settings, rules: Instrument
) -> ExecutionQuality | None:
    """Work the order until it ends; ``None`` if the frames end before it does."""
    venue = PaperVenue(settings.paper, account="paper")
    dealer = Dealer(settings, account="paper", venue=venue, risk=Risk(settings, venue=venue))
    account = Account(settings)
    state, first = account.initial(), frames[trial.start]
    account.learn(state, rules)
    if contract_kind(first.symbol) is ContractKind.SPOT:
        state.paper.wallet.hold(first.key, Decimal(10**9), Decimal(1))  # so that it can be sold
    account._mark(state, first)
    signal = signal_of(SignalKind.LONG if trial.side is Side.BUY else SignalKind.SHORT)
    dealer.begin(state, first, _order(first, trial, signal.id), signal)
    for frame in frames[trial.start + 1 :]:
        for answer in venue.on_frame(state.paper, frame):
            match answer:
                case Fill():
                    dealer.booked(state, answer, leg="open")
                case Order():
                    dealer.ended(state, answer)
                case _:
                    pass
        account._mark(state, frame)
        for record in dealer.review(state, frame):
            if isinstance(record, ExecutionQuality):
                return record
    return None


def usual_volume(frames: Sequence[Frame], chosen: AlgorithmsSettings) -> Decimal:
    """Mean quantity that the market trades within a horizon."""
    total = Decimal(0)
    for frame in frames:
        quantities = zip(frame.trades.qty, frame.trades.flags, strict=True)
        total += frame.qty(sum(qty for qty, flags in quantities if not flags))
    span_ns = Decimal(frames[-1].close_ns - frames[0].close_ns)
    return CONTEXT.divide(CONTEXT.multiply(total, Decimal(chosen.horizon_ns)), span_ns)


def rules_of(frames: Sequence[Frame], *, least: Decimal) -> Instrument:
    """Trading rules with the finest tick and step that a recording shows."""
    first = frames[0]
    ticks = Decimal(1).scaleb(-max(frame.price_exponent for frame in frames))
    steps = Decimal(1).scaleb(-max(frame.qty_exponent for frame in frames))
    return Instrument(
        first.venue, first.symbol, 0, contract_kind(first.symbol), "", "", "",
        tick_size=ticks, qty_step=steps, min_notional=least,
    )  # fmt: skip


def _order(frame: Frame, trial: Trial, signal_id: str) -> Order:
    return Order(
        client_order_id("paper", signal_id, "open", 1), 0, "paper", frame.venue, frame.symbol,
        frame.close_ns, OrderStatus.INTENT, trial.side, OrderType.MARKET, trial.qty, Decimal(0),
        False, signal_id, "open", 1, "trial",
    )  # fmt: skip
