"""One order, worked by one algorithm on recorded frames with the paper venue: what it cost.

With ``algorithms.routes`` and frames of several venues of its symbol it is shared out over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from agents.execution.account import Account
from agents.execution.account_state import AccountState
from agents.execution.ledger import EXACT
from agents.execution.parents.dealer import Dealer
from agents.execution.parents.parent import Parent
from agents.execution.parents.quality import quality_of
from agents.execution.parents.router import Router
from agents.execution.parents.tally import Tally
from agents.execution.risk import Risk
from agents.execution.stop_plan import StopPlan
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


class Worked(NamedTuple):
    """What became of an order: each venue's part, and all of them as one.

    The ``whole`` is measured against the mid of the venue where the order was decided, and what was
    not filled against that venue's last; of an order that is not shared out it is its one part.
    """

    parts: list[ExecutionQuality]
    whole: ExecutionQuality


RECENT = 50
"""Frames before an order's, by which it knows the books of other venues."""


def settings_of(
    algorithm: str, venue_fees: dict[str, dict[str, str]] | None = None, /, **chosen: object
) -> Settings:
    """Settings with which a trial works its order."""
    paper = {**FREE["paper"], "venue_fees": venue_fees or {}}
    return settings_from({**FREE, "paper": paper, "algorithms": {"entry": algorithm, **chosen}})


def run_trial(
    frames: Sequence[Frame], trial: Trial, settings: Settings, *rules: Instrument
) -> Worked | None:
    """Work the order until it ends; ``None`` if the frames end before it does.

    Frames of several venues are in the account's order, and each venue has its rules.
    """
    venue = PaperVenue(settings.paper, account="paper")
    risk = Risk(settings, venue=venue)
    dealer = Dealer(settings, account="paper", venue=venue, risk=risk)
    router = Router(settings, account="paper")
    account = Account(settings)
    state, first = account.initial(), frames[trial.start]
    for each in rules:
        account.learn(state, each)

    def look(frame: Frame) -> None:
        account._mark(state, frame)
        risk.observe(state, frame, moved=False)
        router.observe(state, frame)

    if contract_kind(first.symbol) is ContractKind.SPOT:
        state.paper.wallet.hold(first.key, Decimal(10**9), Decimal(1))  # so that it can be sold
    for frame in frames[max(trial.start - RECENT, 0) : trial.start + 1]:
        look(frame)
    signal = signal_of(SignalKind.LONG if trial.side is Side.BUY else SignalKind.SHORT)
    state.plans[first.key] = StopPlan(signal.id, trial.side, Decimal(0), ())
    order = router.share(state, first, _order(first, trial, signal.id), signal)
    begun, parts = list[Parent](), list[ExecutionQuality]()
    if order.qty:
        dealer.begin(state, first, order, signal)
        begun += state.parents[first.key]
    for frame in frames[trial.start + 1 :]:
        _settle(state, frame, venue, dealer)
        look(frame)
        parts += [r for r in dealer.review(state, frame) if isinstance(r, ExecutionQuality)]
        due = router.due(state, frame)
        if due is not None:
            dealer.begin(state, frame, *due)
            begun += state.parents[frame.key]
        if not state.parents and not state.routed:
            whole = _joined(begun, first, trial)
            last = msgspec.structs.replace(frame, venue=first.venue)
            return Worked(parts, quality_of(whole, last, mid=state.marks[first.key]))
    return None


def _settle(state: AccountState, frame: Frame, venue: PaperVenue, dealer: Dealer) -> None:
    for answer in venue.on_frame(state.paper, frame):
        match answer:
            case Fill():
                dealer.booked(state, answer, leg="open")
            case Order():
                dealer.ended(state, answer)
            case _:
                pass


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


def _joined(parts: Sequence[Parent], first: Frame, trial: Trial) -> Parent:
    """All parts as one parent of the venue where the order was decided."""
    book = first.book
    assert book is not None
    best = first.price(book.bid_price[0]), first.price(book.ask_price[0])
    own, other = best if trial.side is Side.BUY else reversed(best)
    tallies = [part.tally for part in parts]
    task = msgspec.structs.replace(parts[0].task, qty=trial.qty, own=own, other=other)
    return Parent(
        task,
        filled=_sum(part.filled for part in parts),
        sent=sum(part.sent for part in parts),  # ints
        stopped="; ".join(part.stopped for part in parts if part.stopped),
        told=parts[-1].told,
        volume=_sum(part.volume for part in parts),
        notional=_sum(part.notional for part in parts),
        tally=Tally(
            cost=_sum(tally.cost for tally in tallies),
            fees=_sum(tally.fees for tally in tallies),
            maker_qty=_sum(tally.maker_qty for tally in tallies),
            improvement=_sum(tally.improvement for tally in tallies),
            first_ns=min((t.first_ns for t in tallies if t.first_ns is not None), default=None),
            last_ns=max((t.last_ns for t in tallies if t.last_ns is not None), default=None),
        ),
    )


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total
