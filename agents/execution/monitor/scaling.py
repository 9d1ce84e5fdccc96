"""Changes of a position's size: entries in parts, the next part, and reductions.

An entry never becomes larger than its signal asked for: the parts are shares of that. A part is
added to a position of which nothing was taken off yet, and asks every risk rule again. Each part
and each reduction has a leg of its own, numbered and never used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agents.execution.account_state import AccountState
from agents.execution.monitor.judgement import Judgement
from agents.execution.monitor.watch import Watch
from agents.execution.orders import OPEN, REDUCE, Wish, new_order
from agents.execution.parents.aim import by_weights
from agents.execution.parents.dealer import Dealer
from agents.execution.risk import Risk
from agents.execution.rulebook import breach
from agents.execution.thesis import Thesis
from schemas.control import TradingMode
from schemas.frame import Frame, Side
from schemas.money import CONTEXT, floor_to_step
from schemas.monitor_settings import MonitorMode
from schemas.order import Order, OrderStatus
from schemas.settings import Settings
from schemas.signal import Signal

ZERO = Decimal(0)


class Scaling:
    """Makes positions larger and smaller; the state is the caller's to keep."""

    def __init__(self, settings: Settings, *, dealer: Dealer, risk: Risk) -> None:
        self._settings = settings.monitor
        self._account = settings.account.id
        self._divides = settings.monitor.mode is MonitorMode.FULL and settings.stops.at_venue
        self._dealer = dealer
        self._risk = risk

    def first_part(self, state: AccountState, frame: Frame, entry: Order) -> Order:
        """An entry's first part; all of it where that would be too small for the venue."""
        if not self._divides:
            return entry
        qty = self._cumulative(state, frame, entry.qty)[0]
        rules, mark = state.rules_of(frame), state.marks.get(frame.key, ZERO)
        least = ZERO if rules is None else rules.min_notional
        if qty <= 0 or CONTEXT.multiply(qty, mark) < least:
            return entry
        return msgspec.structs.replace(entry, qty=qty)

    def may_add(self, state: AccountState, frame: Frame, watch: Watch, thesis: Thesis) -> bool:
        """Whether a part is still to come, and all that came before is held."""
        if not self._divides or watch.parts >= len(self._settings.entry_parts):
            return False
        plan = state.plans.get(frame.key)
        if plan is None or plan.signal_id != thesis.signal.id:
            return False
        entered = self._cumulative(state, frame, thesis.qty)[watch.parts - 1]
        return abs(state.held_qty(frame.key)) == entered

    def is_free(self, state: AccountState, frame: Frame) -> bool:
        """Whether nothing of the symbol is worked, and nobody forbids it."""
        restriction = state.restriction(frame)
        if restriction is not None and restriction.mode is not TradingMode.REDUCE_ONLY:
            return False
        return frame.key not in state.routed and self._dealer.is_idle(state, frame.key)

    def reduce(
        self,
        state: AccountState,
        frame: Frame,
        watch: Watch,
        thesis: Thesis,
        judged: Judgement,
    ) -> Sequence[Order]:
        """Close a share of the position; nothing if that is less than a step, or once too often."""
        held = state.held_qty(frame.key)
        share = CONTEXT.multiply(abs(held), self._settings.reduce_fraction)
        qty = floor_to_step(share, state.qty_step(frame))
        if qty <= 0 or watch.reductions >= self._settings.max_reductions:
            return ()
        watch.reductions += 1
        watch.reduce_ns = frame.close_ns  # the next one has to last as long again
        order = new_order(
            self._account,
            frame,
            Wish(
                signal_id=thesis.signal.id,
                leg=f"{REDUCE}{watch.reductions}",
                side=Side.SELL if held > 0 else Side.BUY,
                qty=qty,
                reason=f"monitor: reduction {watch.reductions}: {judged.reason}",
                reduce_only=True,
            ),
        )
        return self._dealer.begin(state, frame, order, thesis.signal)

    def add(
        self,
        state: AccountState,
        frame: Frame,
        watch: Watch,
        thesis: Thesis,
        judged: Judgement,
    ) -> Sequence[Order]:
        """The next part of the entry; one that a rule refuses is a record and the last."""
        if state.restriction(frame) is not None:
            return ()
        cumulative = self._cumulative(state, frame, thesis.qty)
        qty = CONTEXT.subtract(cumulative[watch.parts], cumulative[watch.parts - 1])
        watch.parts += 1
        watch.add_ns = frame.close_ns
        if qty <= 0:
            return ()
        guard = state.guards[frame.key]
        order = new_order(
            self._account,
            frame,
            Wish(
                signal_id=thesis.signal.id,
                leg=f"{OPEN}{watch.parts}",
                side=guard.side,
                qty=qty,
                reason=f"monitor: part {watch.parts} of {len(cumulative)}: {judged.reason}",
            ),
        )
        refused = self._refusal(state, frame, thesis.signal, order, judged)
        if refused is not None:
            return [msgspec.structs.replace(order, status=OrderStatus.REJECTED, reason=refused)]
        return self._dealer.begin(state, frame, order, thesis.signal)

    def _refusal(
        self, state: AccountState, frame: Frame, signal: Signal, order: Order, judged: Judgement
    ) -> str | None:
        mark = state.marks[frame.key]
        rules = state.rules_of(frame)
        notional = CONTEXT.multiply(order.qty, mark)
        if rules is not None and notional < rules.min_notional:
            return f"min_notional: limit {rules.min_notional}, order {notional}"
        now = msgspec.structs.replace(signal, price=float(mark))
        at_stop = state.guards[frame.key].risk_per_unit(mark)
        proposal = self._risk.proposal(state, frame, now, order, at_stop=at_stop)
        refused = breach(proposal)
        if refused is not None or proposal.equity <= 0:
            return refused
        ratio = float(CONTEXT.divide(proposal.gross(derivatives_only=True), proposal.equity))
        if ratio > judged.leverage:
            return f"monitor_leverage: limit {judged.leverage}, derivatives over equity {ratio}"
        return None

    def _cumulative(self, state: AccountState, frame: Frame, qty: Decimal) -> tuple[Decimal, ...]:
        """What is entered with each part, in whole steps; in the end all of it."""
        return by_weights(qty, self._settings.entry_parts, state.qty_step(frame))
