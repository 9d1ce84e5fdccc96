"""Works the orders that signals ask for: from an intent to a parent, from a parent to children.

A child's id is that of its leg of the signal, its attempt the number of the child: what was sent
before a crash is known again after it. Before an entry's child goes out, the risk rules are asked
anew; while one forbids it, the parent waits. What ends a parent early: a halt, a flatten, a signal
against it, an exit by stop or time, or a cancel at the venue that nobody here asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.execution.account_state import AccountState
from agents.execution.orders import OPEN, Wish, is_change, is_entry, is_protective, new_order
from agents.execution.parents.aim import Aim, sweep
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.executor import Send, is_dust, moves
from agents.execution.parents.parent import MOST_CHILDREN, Child, Parent, Task
from agents.execution.parents.quality import quality_of
from agents.execution.parents.registry import algorithm
from agents.execution.parents.view import View, notional, traded
from agents.execution.risk import Risk
from agents.venues.age import is_too_old
from agents.venues.base import Venue
from schemas.control import TradingMode
from schemas.frame import Backfill, Frame, Message, Side
from schemas.money import CONTEXT
from schemas.order import Fill, Order, OrderStatus, OrderType, TimeInForce
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind

ZERO = Decimal(0)

REFUSALS = 10
"""Refusals of the venue in a row after which a parent is stopped."""

_DONE = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.RECONCILED}
)


class Dealer:
    """Parents of one account; the state is the caller's to keep."""

    def __init__(self, settings: Settings, *, account: str, venue: Venue, risk: Risk) -> None:
        self._settings = settings.algorithms
        self._limits = settings.risk
        self._entry = algorithm(settings.algorithms.entry)
        self._exit = algorithm(settings.algorithms.exit)
        self._learns = self._entry.learns_volume or self._exit.learns_volume
        self._account = account
        self._venue = venue
        self._risk = risk

    def recall(self, state: AccountState, bars: Backfill) -> None:
        """Take history, for the volume curve."""
        if self._learns:
            curve = state.curves.setdefault(bars.key, VolumeCurve())
            curve.recall(bars, self._settings.bucket_ns)

    def learn(self, state: AccountState, frame: Frame) -> None:
        """Take what a frame traded, for the volume curve."""
        if self._learns:
            curve = state.curves.setdefault(frame.key, VolumeCurve())
            curve.observe(frame.close_ns, traded(frame), self._settings.bucket_ns)

    def postpones(self, state: AccountState, frame: Frame, signal: Signal) -> str | None:
        """Keep a signal until what works is done: one against an entry, a part of one or a
        reduction under way, which stops it.

        The id of a signal that waited before and gives way to this one, empty if there was none;
        ``None`` if this one need not wait.
        """
        waited = state.waiting.get(frame.key)
        for parent in state.parents.get(frame.key, ()):
            task = parent.task
            longs = (task.side is Side.BUY) == is_entry(task.leg)
            against = SignalKind.SHORT if longs else SignalKind.LONG
            changes = task.leg == OPEN or is_change(task.leg)
            if changes and signal.kind in {SignalKind.EXIT, against}:
                parent.stopped = parent.stopped or f"signal {signal.id} is against it"
                state.waiting[frame.key] = signal
                return "" if waited is None else waited.id
        if waited is not None:
            state.waiting[frame.key] = signal
            return waited.id
        return None

    def is_idle(self, state: AccountState, key: str) -> bool:
        """Whether nothing of a symbol works but what protects its position."""
        orders = self._venue.open_orders_of(state.venue, key)
        return key not in state.parents and all(is_protective(order) for order in orders)

    def turns_later(self, state: AccountState, frame: Frame, signal: Signal) -> None:
        """Keep a turn's entry until its exit is done: two orders of opposite aims that are out at
        once may arrive in either order, or one of them alone; and what the risk rules are to see is
        the account without the old side.
        """
        state.waiting[frame.key] = signal
        state.turning[frame.key] = signal.id

    def leaves_later(self, state: AccountState, frame: Frame, signal: Signal) -> bool:
        """Keep an exit of what is held until decisions are allowed again; any other signal that
        comes meanwhile takes its place, and is not kept itself.
        """
        if signal.kind is SignalKind.EXIT and state.held_qty(frame.key):
            state.waiting[frame.key] = signal
            return True
        waited = state.waiting.get(frame.key)
        if waited is not None and waited.kind is SignalKind.EXIT:
            del state.waiting[frame.key]
        return False

    def released(self, state: AccountState, frame: Frame) -> Signal | None:
        """The signal that has waited long enough: nothing of its symbol works any more."""
        if frame.key in state.parents:
            return None
        return state.waiting.pop(frame.key, None)

    def begin(
        self, state: AccountState, frame: Frame, order: Order, signal: Signal
    ) -> Sequence[Order]:
        """Work an intent; its first children. Without a book it is sent as it is."""
        enters = is_entry(order.leg)
        chosen = self._entry if enters else self._exit
        view = self._view(state, frame)
        plan = state.plans.get(frame.key)
        side = order.side
        task = Task(
            account=self._account,
            signal_id=order.signal_id,
            leg=order.leg,
            side=side,
            qty=order.qty,
            reduce_only=order.reduce_only,
            reason=order.reason,
            algorithm=chosen.name if view.book is not None else "market",
            begun_ns=frame.close_ns,
            ends_ns=frame.close_ns + self._settings.horizon_ns,
            own=view.own(side),
            other=view.other(side),
            factors=order.factors,
            stop_fraction=plan.stop_fraction if plan is not None and enters else ZERO,
            range_price=None if signal.plan is None else signal.plan.range_price,
        )
        parent = Parent(task)
        if chosen.schedule is not None and view.book is not None:
            curve = state.curves.get(frame.key)
            parent.schedule = chosen.schedule(task, self._settings, view.step, curve)
        state.parents.setdefault(frame.key, []).append(parent)
        if view.book is None:
            return [self._send(state, frame, parent, view, Send(task.qty, None, False))]
        return self._work(state, frame, parent, view, asked=True)

    def booked(self, state: AccountState, fill: Fill, *, leg: str) -> None:
        """Take a fill: of a child, or of something else that ends the entry under way."""
        for parent in state.parents.get(f"{fill.venue}:{fill.symbol}", ()):
            if parent.owns(fill.client_order_id):
                parent.fill(fill)
            elif is_entry(parent.task.leg) and fill.side is not parent.task.side and leg != "close":
                parent.stopped = parent.stopped or f"the position was left by {leg}"

    def ended(self, state: AccountState, order: Order) -> None:
        """Take a report of the venue: a child may be done.

        It is not while trades of it are on their way: what they fill would be sent again.
        """
        if order.status not in _DONE:
            return
        for parent in state.parents.get(f"{order.venue}:{order.symbol}", ()):
            child = parent.child(order.client_order_id)
            if child is None or child.filled < order.filled_qty:
                continue
            parent.end(child)
            parent.told = order.reason
            if order.status is OrderStatus.REJECTED:
                parent.refused += 1
                if is_too_old(order.reason):
                    parent.stopped = parent.stopped or order.reason
                if parent.refused >= REFUSALS:
                    parent.stopped = f"refused {REFUSALS} times: {order.reason}"
            elif order.filled_qty < order.qty and child.price is not None and not child.leaving:
                parent.stopped = parent.stopped or f"cancelled at the venue: {order.reason}"

    def review(self, state: AccountState, frame: Frame) -> list[Message]:
        """Go on with the parents of a frame's symbol: new children, records of what has ended."""
        parents = state.parents.get(frame.key)
        if not parents:
            return []
        view = self._view(state, frame)
        self._heed_halts(state, frame, parents)
        records: list[Message] = []
        left = []
        for parent in parents:
            parent.observe(view, self._settings.slice_ns)
            records.extend(self._work(state, frame, parent, view))
            if self._is_done(state, frame, parent, view):
                records.append(quality_of(parent, frame, mid=state.marks.get(frame.key)))
            else:
                left.append(parent)
        if left:
            state.parents[frame.key] = left
        else:
            del state.parents[frame.key]
        return records

    def _heed_halts(self, state: AccountState, frame: Frame, parents: Sequence[Parent]) -> None:
        restriction = state.restriction(frame)
        # A drawdown halts as well, and lets go on what closes.
        why = state.risk.halted if restriction is None else restriction.refusal()
        if not why:
            return
        closes_on = restriction is None or restriction.mode is TradingMode.REDUCE_ONLY
        for parent in parents:
            if not (closes_on and parent.task.reduce_only):
                parent.stopped = parent.stopped or why

    def _is_done(self, state: AccountState, frame: Frame, parent: Parent, view: View) -> bool:
        if parent.working:
            return False
        task = parent.task
        if parent.left <= 0 or parent.stopped:
            return True
        if task.reduce_only and not state.held_qty(frame.key):
            return True
        if algorithm(task.algorithm).at_once and not task.reduce_only:
            return True
        late = view.now_ns >= task.ends_ns and not task.reduce_only
        return late or (view.book is not None and is_dust(parent, view))

    def _work(
        self, state: AccountState, frame: Frame, parent: Parent, view: View, *, asked: bool = False
    ) -> Sequence[Order]:
        """Cancel and send what the aim wants; ``asked``: the risk rules know of all of it."""
        if parent.children >= MOST_CHILDREN:
            parent.stopped = parent.stopped or f"needs more than {MOST_CHILDREN} children"
        aim = self._aim(parent, view)
        if aim is None:
            return ()
        wanted = moves(parent, aim, view)
        orders = self._venue.open_orders_of(state.venue, frame.key)
        for child in wanted.cancels:
            for order in orders:
                if order.client_order_id == child.id:
                    self._venue.cancel(state.venue, order, now_ns=frame.close_ns)
                    child.leaving = True
        waits = (parent.blocked or parent.refused) and not frame.is_tick
        if wanted.send is None or waits or self._is_full(state, frame, orders):
            return ()
        send = wanted.send
        if parent.task.reduce_only:
            # A stop or a target may have closed a part of it meanwhile.
            held = CONTEXT.subtract(abs(state.held_qty(frame.key)), parent.out())
            if held <= 0:
                return ()
            send = send._replace(qty=min(send.qty, held))
        refused = None if asked else self._forbidden(state, frame, parent, view, send)
        if refused is not None:
            return refused
        return [self._send(state, frame, parent, view, send)]

    def _aim(self, parent: Parent, view: View) -> Aim | None:
        task = parent.task
        late = view.now_ns >= task.ends_ns
        if parent.stopped or (late and not task.reduce_only):
            return Aim(ZERO, ZERO, over=True)
        if view.book is None:
            return None
        if late and not algorithm(task.algorithm).at_once:
            return sweep(parent)
        return algorithm(task.algorithm).aim(parent, view, self._settings)

    def _forbidden(
        self, state: AccountState, frame: Frame, parent: Parent, view: View, send: Send
    ) -> Sequence[Order] | None:
        """What the risk rules say of an entry's child: the record of it once a rule, then nothing.

        ``None``: it may be sent.
        """
        task = parent.task
        if task.reduce_only:
            return None
        at = view.other(task.side) if send.price is None else send.price
        text = self._risk.refusal_of_child(state, frame, task, qty=send.qty, price=at)
        rule = "" if text is None else text.partition(":")[0]
        before, parent.blocked = parent.blocked, rule
        if text is None:
            return None
        parent.told = text
        if rule == before:
            return ()
        parent.children += 1
        wish = self._wish(parent, send)
        return [new_order(self._account, frame, wish, rejected=text)]

    def _is_full(self, state: AccountState, frame: Frame, orders: Sequence[Order]) -> bool:
        rules = state.rules_of(frame)
        return (
            rules is not None and rules.max_orders is not None and len(orders) >= rules.max_orders
        )

    def _send(
        self, state: AccountState, frame: Frame, parent: Parent, view: View, send: Send
    ) -> Order:
        other = view.other(parent.task.side)
        parent.children += 1
        order = new_order(self._account, frame, self._wish(parent, send))
        parent.send(Child(order.client_order_id, send.qty, send.price, other))
        self._venue.submit(state.venue, order)
        state.risk.placed(frame.close_ns, self._limits)
        return order

    def _wish(self, parent: Parent, send: Send) -> Wish:
        """The child that is numbered last."""
        task = parent.task
        how = f"; {task.algorithm}, {parent.filled} of {task.qty} filled"
        at_once = algorithm(task.algorithm).at_once
        rests = send.price is not None
        return Wish(
            signal_id=task.signal_id,
            leg=task.leg,
            side=task.side,
            qty=send.qty,
            reason=task.reason if at_once else task.reason + how,
            attempt=parent.children,
            reduce_only=task.reduce_only,
            factors=task.factors if parent.children == 1 else (),
            type=OrderType.LIMIT if rests else OrderType.MARKET,
            price=send.price,
            time_in_force=(TimeInForce.POST_ONLY if rests and send.post_only else TimeInForce.GTC),
        )

    def _view(self, state: AccountState, frame: Frame) -> View:
        rules = state.rules_of(frame)
        return View(
            frame=frame,
            traded=traded(frame),
            notional=notional(frame),
            step=state.qty_step(frame),
            tick=state.tick_size(frame),
            least=ZERO if rules is None else rules.min_notional,
        )
