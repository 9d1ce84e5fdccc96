"""Judges open positions again, and changes them as far as the mode allows.

At every tick of a symbol, and at least every 10 s of event time, its position is held against the
latest confluence. What follows goes the ways that are there: an exit through the position's guard,
as an exit by time does; a stop only ever nearer to the market; reductions and further parts of the
entry as orders that the dealer works. A tick that carries a signal belongs to the signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.execution.account_state import AccountState
from agents.execution.guard import Guard, on_tick
from agents.execution.monitor.judgement import Judgement, View, in_stops, judge
from agents.execution.monitor.scaling import Scaling
from agents.execution.monitor.watch import Watch, lasted
from agents.execution.orders import MONITOR, is_entry
from agents.execution.parents.dealer import Dealer
from agents.execution.risk import Risk
from agents.execution.thesis import Outlook, Thesis
from schemas.frame import NS_PER_S, Frame, Message
from schemas.money import CONTEXT
from schemas.monitor_settings import MonitorMode
from schemas.order import Order
from schemas.position_assessment import MonitorAction, PositionAssessment
from schemas.settings import Settings


class Monitor:
    """Watches the positions of one account; the state is the caller's to keep.

    Cost: a comparison a frame, O(1) at a tick of a symbol that is held. Memory: one
    :class:`Watch` a symbol.
    """

    def __init__(self, settings: Settings, *, dealer: Dealer, risk: Risk) -> None:
        self._settings = settings.monitor
        self._stops = settings.stops
        self._account = settings.account.id
        self._max_leverage = float(settings.risk.max_leverage)
        self._scaling = Scaling(settings, dealer=dealer, risk=risk)

    def first_part(self, state: AccountState, frame: Frame, entry: Order) -> Order:
        """The part of an entry that is placed at once: all of it, unless entries are divided."""
        return self._scaling.first_part(state, frame, entry)

    def review(self, state: AccountState, frame: Frame, *, signalled: bool) -> list[Message]:
        """Judge the position of a frame's symbol if it is time; records, and orders if it acts."""
        guard = state.guards.get(frame.key)
        if guard is None or guard.leaving:
            return []
        thesis = state.theses.get(frame.key)
        mark = state.marks.get(frame.key)
        held = state.held_qty(frame.key)
        if not held or mark is None or thesis is None or thesis.signal.id != guard.signal_id:
            return []
        watch = self._watch(state, frame, guard)
        due = frame.close_ns - watch.told_ns >= self._settings.interval_ns
        if not due and not frame.is_tick:
            return []
        outlook = state.outlooks.get(frame.key)
        view = View(
            guard=guard,
            thesis=thesis.signal,
            outlook=outlook,
            mark=mark,
            now_ns=frame.close_ns,
            max_age_s=self._stops.max_holding_s,
            max_leverage=self._max_leverage,
            blind=self._blind(frame, outlook),
            may_add=self._scaling.may_add(state, frame, watch, thesis),
        )
        judged = judge(view, self._settings)
        watch.note(judged.advice, frame.close_ns)
        busy = signalled or _is_leaving(state, frame.key)
        action, orders = self._act(
            state, frame, view, judged, watch=watch, thesis=thesis, busy=busy
        )
        said = (judged.advice, judged.level, view.blind)
        same = said == (watch.advice, watch.level, watch.blind)
        if same and not due and action is MonitorAction.HOLD:
            return []
        watch.told_ns = frame.close_ns
        watch.advice, watch.level, watch.blind = said
        return [self._told(state, frame, view, judged, action), *orders]

    def _watch(self, state: AccountState, frame: Frame, guard: Guard) -> Watch:
        watch = state.watches.get(frame.key)
        if watch is None or watch.signal_id != guard.signal_id:
            watch = state.watches[frame.key] = Watch(guard.signal_id)
        return watch

    def _blind(self, frame: Frame, outlook: Outlook | None) -> str:
        """Why nothing can be judged now: no sound book, or no fresh score."""
        book = frame.book
        if book is None or not book.bid_price or not book.ask_price:
            return "no two-sided book"
        if not frame.quality.book_synced:
            return "the book is not in step with the venue's"
        if outlook is None:
            return "no score yet"
        if frame.close_ns - outlook.tick_ns > self._settings.verdict_max_age_ns:
            return f"no score for more than {self._settings.verdict_max_age_s} s"
        return ""

    def _act(
        self,
        state: AccountState,
        frame: Frame,
        view: View,
        judged: Judgement,
        *,
        watch: Watch,
        thesis: Thesis,
        busy: bool,
    ) -> tuple[MonitorAction, Sequence[Order]]:
        mode, chosen, now_ns = self._settings.mode, self._settings, frame.close_ns
        if not mode.allows(MonitorMode.PROTECT):
            return MonitorAction.HOLD, ()
        if not busy and lasted(watch.leave_ns, now_ns, chosen.confirm_ns):
            self._leave(state, frame, view.guard, judged)
            return MonitorAction.EXIT, ()
        action = MonitorAction.HOLD
        if lasted(watch.reduce_ns, now_ns, chosen.tighten_after_ns):
            action = self._tighten(state, frame, view)
        if busy or not self._scaling.is_free(state, frame):
            return action, ()
        if mode.allows(MonitorMode.REDUCE) and lasted(watch.reduce_ns, now_ns, chosen.confirm_ns):
            orders = self._scaling.reduce(state, frame, watch, thesis, judged)
            if orders:
                return MonitorAction.REDUCE, orders
        if mode.allows(MonitorMode.FULL) and lasted(watch.add_ns, now_ns, chosen.confirm_ns):
            orders = self._scaling.add(state, frame, watch, thesis, judged)
            if orders:
                return MonitorAction.ADD, orders
        return action, ()

    def _leave(self, state: AccountState, frame: Frame, guard: Guard, judged: Judgement) -> None:
        guard.leaving, guard.attempts = MONITOR, 0
        guard.why = f"monitor: {judged.reason}, for {self._settings.confirm_s} s"
        for parent in state.parents.get(frame.key, ()):
            if is_entry(parent.task.leg):
                parent.stopped = parent.stopped or guard.why

    def _tighten(self, state: AccountState, frame: Frame, view: View) -> MonitorAction:
        """Move the stop nearer to the market, if by a step at least; never to it or beyond."""
        guard, toward = view.guard, Decimal(view.guard.side.value)
        behind = CONTEXT.multiply(
            CONTEXT.multiply(guard.distance, self._settings.tighten_ratio), toward
        )
        wanted = CONTEXT.subtract(view.mark, behind)
        stop = on_tick(wanted, state.tick_size(frame), against=guard.side)
        gained = CONTEXT.multiply(CONTEXT.subtract(stop, guard.stop), toward)
        left = CONTEXT.multiply(CONTEXT.subtract(view.mark, stop), toward)
        step = CONTEXT.multiply(guard.distance, self._stops.trail_step_ratio)
        if left <= 0 or gained < step:
            return MonitorAction.HOLD
        guard.stop = stop
        return MonitorAction.TIGHTEN

    def _told(
        self,
        state: AccountState,
        frame: Frame,
        view: View,
        judged: Judgement,
        action: MonitorAction,
    ) -> PositionAssessment:
        guard, thesis, outlook = view.guard, view.thesis, view.outlook
        return PositionAssessment(
            account=self._account,
            venue=frame.venue,
            symbol=frame.symbol,
            tick_ns=frame.close_ns,
            signal_id=thesis.id,
            side=guard.side,
            qty=abs(state.held_qty(frame.key)),
            entry=guard.entry,
            mark=view.mark,
            stop=guard.stop,
            unrealised=state.unrealised(frame.key),
            age_s=(frame.close_ns - guard.opened_ns) / NS_PER_S,
            verdict_ns=None if outlook is None else outlook.tick_ns,
            score=None if outlook is None else outlook.score,
            entry_score=thesis.score,
            reliability=None if outlook is None else outlook.reliability,
            regime=None if outlook is None else outlook.regime,
            entry_regime=thesis.regime,
            confidence=judged.confidence,
            risk=judged.risk,
            level=judged.level,
            concerns=judged.concerns,
            gain_ratio=judged.gain_ratio,
            stop_ratio=in_stops(guard, CONTEXT.subtract(view.mark, guard.stop)),
            leverage=judged.leverage,
            advice=judged.advice,
            action=action,
            reason=judged.reason,
            blind=view.blind,
        )


def _is_leaving(state: AccountState, key: str) -> bool:
    """Whether a signal waits, or something that makes the position smaller is worked."""
    parents = state.parents.get(key, ())
    return key in state.waiting or any(not is_entry(parent.task.leg) for parent in parents)
