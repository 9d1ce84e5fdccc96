"""Keeps stop and targets at the venue for every open position, and what they must be.

The guard in the account's state says what should rest; each frame it is compared with what the
venue reports. What is missing is placed again, under the next attempt: after a restart, a refusal,
or a cancel that nobody asked for. A position whose stop is refused again and again is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.execution.account_state import AccountState
from agents.execution.guard import Guard, Target, expired, guard_of, moved_stop, on_tick
from agents.execution.orders import (
    MONITOR,
    STOP,
    TARGET,
    TIME,
    UNPROTECTED,
    Wish,
    is_entry,
    is_protective,
    new_order,
)
from agents.venues.base import Change, Venue
from schemas.execution_settings import StopsSettings
from schemas.frame import Frame, Side
from schemas.money import CONTEXT, floor_to_step
from schemas.order import Order, OrderStatus, OrderType

ZERO = Decimal(0)

ATTEMPTS = 5
"""Placings of a stop that never came to rest, or of a target; after that a stop gives way to a
close, a target to none."""
_STANDS = frozenset({OrderStatus.ACKNOWLEDGED, OrderStatus.PARTIAL})


class Protection:
    """Protective orders of one account; the state is the caller's to keep."""

    def __init__(self, settings: StopsSettings, *, account: str, venue: Venue) -> None:
        self._settings = settings
        self._account = account
        self._venue = venue

    def opened(self, state: AccountState, frame: Frame) -> None:
        """Guard a position that was opened or enlarged by the entry placed last."""
        plan, holding = state.plans.get(frame.key), state.ledger.holdings[frame.key]
        held = abs(state.held_qty(frame.key))
        if plan is None or not held or not self._settings.at_venue:
            return
        known = state.guards.get(frame.key) or state.past_guards.get(frame.key)
        same = known is not None and known.signal_id == plan.signal_id
        if known is not None and same and any(target.attempts for target in known.targets):
            state.guards[frame.key] = known
            return
        guard = guard_of(
            plan,
            entry=holding.average_price,
            qty=held,
            opened_ns=frame.close_ns,
            settings=self._settings,
        )
        tick, step = state.tick_size(frame), state.qty_step(frame)
        guard.stop = on_tick(guard.stop, tick, against=guard.side)
        guard.targets = _whole_steps(guard, held, tick=tick, step=step)
        if known is not None and same:
            guard.resume(known)
        state.guards[frame.key] = guard

    def enlarged(self, state: AccountState, frame: Frame) -> None:
        """A further part of the entry was filled: the stop stays where it is and covers it."""
        guard = state.guards.get(frame.key)
        if guard is None:
            self.opened(state, frame)
        else:
            guard.entry = state.ledger.holdings[frame.key].average_price

    def ended(self, state: AccountState, order: Order) -> None:
        """Take the end of an order: a target that filled is done with."""
        guard = state.guards.get(f"{order.venue}:{order.symbol}")
        if guard is not None and order.status is OrderStatus.FILLED:
            guard.targets = [t for t in guard.targets if t.order_id != order.client_order_id]

    def review(self, state: AccountState, frame: Frame) -> list[Order]:
        """Compare what protects a symbol's position with what should; new orders.

        A market order that is on its way comes first: until it is done nothing is changed.
        """
        guard, held = state.guards.get(frame.key), abs(state.held_qty(frame.key))
        if guard is None:
            return []
        entering = any(is_entry(p.task.leg) for p in state.parents.get(frame.key, ()))
        if not held:
            # What still works of the entry may fill: its stop must stay.
            if not entering:
                self._let_go(state, frame)
            return []
        working = {o.client_order_id: o for o in self._venue.open_orders_of(state.venue, frame.key)}
        self._cancel(state, frame, [o for o in working.values() if o.signal_id != guard.signal_id])
        mark = state.marks.get(frame.key)
        leaving = any(o.type is OrderType.MARKET and not is_entry(o.leg) for o in working.values())
        if leaving or mark is None:
            return []
        leg = TIME if expired(guard, frame.close_ns, self._settings) else guard.leaving
        if leg:
            tried = guard.leaving == leg and guard.attempts
            waits = tried and not state.may_close(frame)
            return [] if waits else [self._leave(state, frame, guard, leg, held)]
        self._move_stop(state, frame, guard, mark)
        orders = self._keep_stop(state, frame, guard, working, held)
        if entering or frame.key in state.waiting:
            return orders  # targets share the whole of an entry, and only of one that stays
        return [*orders, *self._keep_targets(state, frame, guard, working)]

    def _move_stop(self, state: AccountState, frame: Frame, guard: Guard, mark: Decimal) -> None:
        """Let the stop follow; one that stays where it is stays, whatever the tick is by now."""
        moved = moved_stop(guard, mark, self._settings)
        if moved == guard.stop:
            return
        moved = on_tick(moved, state.tick_size(frame), against=guard.side)
        if CONTEXT.multiply(CONTEXT.subtract(mark, moved), Decimal(guard.side.value)) > 0:
            guard.stop = moved  # where ticks are wide, rounding may reach the market

    def _let_go(self, state: AccountState, frame: Frame) -> None:
        """Nothing is held: cancel what still rests, and forget the guard when the venue has none.

        The last one of a symbol is kept beside: a trade may be told late, and the attempts of what
        then protects it must go on counting, or two orders would carry one id.
        """
        orders = self._venue.open_orders_of(state.venue, frame.key)
        if not self._cancel(state, frame, orders):
            state.past_guards[frame.key] = state.guards.pop(frame.key)

    def _cancel(self, state: AccountState, frame: Frame, orders: Sequence[Order]) -> bool:
        """Cancel those that protect a position that is gone; whether there were any."""
        left = [order for order in orders if is_protective(order)]
        for order in left:
            self._venue.cancel(state.venue, order, now_ns=frame.close_ns)
        return bool(left)

    def _keep_stop(
        self,
        state: AccountState,
        frame: Frame,
        guard: Guard,
        working: dict[str, Order],
        held: Decimal,
    ) -> list[Order]:
        stop = working.get(guard.stop_id)
        if stop is None:
            if guard.failed >= ATTEMPTS:
                guard.leaving = UNPROTECTED
                return []
            return [self._place_stop(state, frame, guard, held)]
        if stop.status in _STANDS:
            guard.failed = 0
        short_of = CONTEXT.subtract(stop.qty, stop.filled_qty) < held
        moved = stop.stop_price != guard.stop
        if (short_of or moved) and not self._venue.is_changing(state.venue, stop):
            qty = CONTEXT.add(stop.filled_qty, held) if short_of else None
            change = Change(qty=qty, stop_price=guard.stop if moved else None)
            self._venue.amend(state.venue, stop, change, now_ns=frame.close_ns)
        return []

    def _keep_targets(
        self, state: AccountState, frame: Frame, guard: Guard, working: dict[str, Order]
    ) -> list[Order]:
        """Targets rest at the venue. Where the stop has locked all that is held, they are watched
        here, and the first that is reached is taken at the market.
        """
        missing = [
            target
            for target in guard.targets
            if target.order_id not in working and target.attempts < ATTEMPTS
        ]
        if self._venue.locks(frame.symbol):
            missing = [target for target in missing if _reached(state, frame, guard, target)][:1]
        return [self._place_target(state, frame, guard, target) for target in missing]

    def _place_stop(self, state: AccountState, frame: Frame, guard: Guard, held: Decimal) -> Order:
        guard.attempts += 1
        guard.failed += 1
        guard.stop = on_tick(guard.stop, state.tick_size(frame), against=guard.side)
        order = new_order(
            self._account,
            frame,
            Wish(
                signal_id=guard.signal_id,
                leg=STOP,
                side=_against(guard),
                qty=held,
                reason=f"stop at {guard.stop}, entry {guard.entry}",
                attempt=guard.attempts,
                reduce_only=True,
                type=OrderType.STOP,
                stop_price=guard.stop,
            ),
        )
        guard.stop_id = order.client_order_id
        self._venue.submit(state.venue, order)
        return order

    def _place_target(
        self, state: AccountState, frame: Frame, guard: Guard, target: Target
    ) -> Order:
        target.attempts += 1
        target.price = on_tick(target.price, state.tick_size(frame), against=_against(guard))
        rests = not self._venue.locks(frame.symbol)
        held = abs(state.held_qty(frame.key))
        order = new_order(
            self._account,
            frame,
            Wish(
                signal_id=guard.signal_id,
                leg=f"{TARGET}{target.number}",
                side=_against(guard),
                qty=target.qty if rests else min(target.qty, held),
                reason=f"target {target.number} at {target.price}, entry {guard.entry}",
                attempt=target.attempts,
                reduce_only=True,
                type=OrderType.LIMIT if rests else OrderType.MARKET,
                price=target.price if rests else None,
            ),
        )
        target.order_id = order.client_order_id
        self._venue.submit(state.venue, order)
        return order

    def _leave(
        self, state: AccountState, frame: Frame, guard: Guard, leg: str, held: Decimal
    ) -> Order:
        """Close at the market what is held. What a thin book leaves is closed by the next frame,
        what the venue refuses by the next tick.
        """
        if guard.leaving != leg:
            guard.leaving, guard.attempts = leg, 0
        guard.attempts += 1
        reasons = {
            TIME: f"time: limit {self._settings.max_holding_s} s",
            MONITOR: guard.why,
            UNPROTECTED: f"stop refused {ATTEMPTS} times",
        }
        order = new_order(
            self._account,
            frame,
            Wish(
                signal_id=guard.signal_id,
                leg=leg,
                side=_against(guard),
                qty=held,
                reason=reasons[leg],
                attempt=guard.attempts,
                reduce_only=True,
            ),
        )
        self._venue.submit(state.venue, order)
        return order


def _reached(state: AccountState, frame: Frame, guard: Guard, target: Target) -> bool:
    beyond = CONTEXT.subtract(state.marks[frame.key], target.price)
    return CONTEXT.multiply(beyond, Decimal(guard.side.value)) >= 0


def _against(guard: Guard) -> Side:
    return Side.SELL if guard.side is Side.BUY else Side.BUY


def _whole_steps(guard: Guard, held: Decimal, *, tick: Decimal, step: Decimal) -> list[Target]:
    """Targets on the tick, in whole steps of quantity; of shares that come to all, the last takes
    what is left. What is less than a step is left out.
    """
    left, whole = held, []
    wanted = ZERO
    for target in guard.targets:
        wanted = CONTEXT.add(wanted, target.qty)
    for number, target in enumerate(guard.targets, start=1):
        takes_rest = number == len(guard.targets) and wanted == held
        target.qty = left if takes_rest else floor_to_step(target.qty, step)
        # A target gives way toward the entry as a stop does: it is met no later than meant.
        target.price = on_tick(target.price, tick, against=_against(guard))
        left = CONTEXT.subtract(left, target.qty)
        if target.qty > 0:
            whole.append(target)
    return whole
