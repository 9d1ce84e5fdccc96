"""The risk engine: shows the rules an entry as it would leave the account, and the account itself.

Before every order that makes a position larger all rules are asked. Orders that make one smaller
are never refused: an account must always be able to leave. At every sample, and when a drawdown
halts, the account itself is held against the rules that are about all of it, and each position
against those about one: an alert says which one it has come to break.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from agents.execution.account_state import AccountState
from agents.execution.orders import is_entry
from agents.execution.parents.parent import Task
from agents.execution.proposal import Exposure, Proposal
from agents.execution.rulebook import breach, rules
from agents.execution.statistics import (
    Tail,
    correlations,
    count_known,
    drawdown,
    portfolio_returns,
    tail,
)
from agents.venues.base import Venue
from schemas.alert import Alert, Severity
from schemas.frame import Frame, Side
from schemas.money import CONTEXT, decimal_of
from schemas.order import Order
from schemas.settings import Settings
from schemas.signal import Signal

ZERO = Decimal(0)
_DAY_S = 86_400.0
_NONE = Tail(0.0, 0.0, 0.0, 0.0)

WATCHED = (
    "daily_loss",
    "drawdown",
    "expected_shortfall",
    "gross_exposure",
    "heat",
    "leverage",
    "net_exposure",
    "value_at_risk",
)
"""Rules that are about the whole account, with or without an order."""
WATCHED_EACH = ("concentration", "correlation", "max_position", "sector")
"""Rules that each position is held against, too."""


class Risk:
    """Asks the rules; the state is the caller's to keep."""

    def __init__(self, settings: Settings, *, venue: Venue) -> None:
        self._account = settings.account.id
        self._limits = settings.risk
        self._protections = settings.protections
        self._max_open = settings.account.max_open_positions
        self._sectors = settings.overview.sectors
        self._venue = venue
        # Losses grow with the square root of time: from one sample to a day.
        self._to_day = math.sqrt(_DAY_S / settings.risk.sample_s)

    def observe(self, state: AccountState, frame: Frame, *, moved: bool) -> list[Alert]:
        """Take a frame: time passes, its mid is heard, the equity may have changed.

        Gives an alert for each rule that the account has come to break since it was last looked at.
        """
        risk = state.risk
        due = risk.pass_time(frame.close_ns, self._limits)
        mark = state.marks.get(frame.key)
        if mark is not None and frame.book is not None:
            risk.heard(frame.key, mark, frame.close_ns)
        if moved or risk.is_new_day(frame.close_ns) or state.held_qty(frame.key):
            due = risk.observe(state.equity(), frame.close_ns, self._limits) is not None or due
        return self._watch(state, frame) if due else []

    def refusal(
        self, state: AccountState, frame: Frame, signal: Signal, order: Order, *, at_stop: Decimal
    ) -> str | None:
        """The breach that forbids an entry; ``at_stop`` is what one unit of it would lose."""
        return breach(self.proposal(state, frame, signal, order, at_stop=at_stop))

    def refusal_of_child(
        self, state: AccountState, frame: Frame, task: Task, *, qty: Decimal, price: Decimal
    ) -> str | None:
        """The breach that forbids a child of an entry that is being worked.

        The account is looked at with the whole of that entry filled, of which the child is a part.
        """
        at_stop = CONTEXT.multiply(price, task.stop_fraction)
        held = self._quantities(state)
        now = self._with(state, frame, held, price=price, at_stop=at_stop)
        return breach(
            msgspec.structs.replace(
                now,
                side=task.side,
                notional=CONTEXT.multiply(qty, price),
                opens=False,
                range_fraction=_share(task.range_price, price),
            )
        )

    def proposal(
        self, state: AccountState, frame: Frame, signal: Signal, order: Order, *, at_stop: Decimal
    ) -> Proposal:
        """What the rules are shown."""
        price = decimal_of(signal.price)
        held = self._quantities(state)
        before = held.get(frame.key, ZERO)
        signed = CONTEXT.multiply(order.qty, Decimal(order.side.value))
        held[frame.key] = CONTEXT.add(before, signed)
        return msgspec.structs.replace(
            self._with(state, frame, held, price=price, at_stop=at_stop),
            side=order.side,
            notional=CONTEXT.multiply(order.qty, price),
            opens=not before,
            range_fraction=_share(None if signal.plan is None else signal.plan.range_price, price),
        )

    def _with(
        self,
        state: AccountState,
        frame: Frame,
        held: dict[str, Decimal],
        *,
        price: Decimal,
        at_stop: Decimal,
    ) -> Proposal:
        """The account with these signed quantities, that of the frame's symbol at a price."""
        qty = held.pop(frame.key, ZERO)
        others = [self._exposure(state, frame, key, held[key]) for key in sorted(held)]
        after = Exposure(
            frame.key, CONTEXT.multiply(qty, price), CONTEXT.multiply(abs(qty), at_stop)
        )
        known = self._correlated(state, frame.key, others)
        return msgspec.structs.replace(self._standing(state, frame, known, after), price=price)

    def _watch(self, state: AccountState, frame: Frame) -> list[Alert]:
        held = self._quantities(state)
        own = self._exposure(state, frame, frame.key, held.pop(frame.key, ZERO))
        others = tuple(self._exposure(state, frame, key, held[key]) for key in sorted(held))
        now = self._standing(state, frame, others, own)
        found = {(name, frame.key): rules()[name](now) for name in WATCHED}
        for each in self._each(state, now):
            found |= {(name, each.key): rules()[name](each) for name in WATCHED_EACH}
        broken = {_told(*at): (*at, text) for at, text in found.items() if text is not None}
        new = [broken[said] for said in broken if said not in state.risk.breached]
        state.risk.breached = tuple(broken)
        return [self._alert(frame, *breach_) for breach_ in new]

    def _alert(self, frame: Frame, name: str, key: str, text: str) -> Alert:
        venue, _, symbol = key.partition(":")
        return Alert(
            venue,
            symbol,
            frame.close_ns,
            f"risk:{name}",
            Severity.CRITICAL if name == "drawdown" else Severity.WARNING,
            f"account {self._account}: {text}; entries are refused, look at the positions",
        )

    def _each(self, state: AccountState, now: Proposal) -> Iterator[Proposal]:
        """The account as each of its positions sees it."""
        held = [position for position in now.positions if position.notional]
        for own in held:
            others = [other for other in held if other is not own]
            known = self._correlated(state, own.key, others)
            yield msgspec.structs.replace(now, after=own, others=known)

    def _standing(
        self,
        state: AccountState,
        frame: Frame,
        others: tuple[Exposure, ...],
        own: Exposure,
    ) -> Proposal:
        """The account with these positions, and no order."""
        risk, equity = state.risk, state.equity()
        return Proposal(
            now_ns=frame.close_ns,
            side=Side.BUY,
            price=ZERO,
            notional=ZERO,
            equity=equity,
            after=own,
            limits=self._limits,
            protections=self._protections,
            max_open_positions=self._max_open,
            mid=state.marks.get(frame.key),
            stale=_stale(frame),
            others=others,
            sectors=self._sectors,
            tail=self._tail(state, (*others, own), equity),
            drawdown=drawdown(equity, risk.peak),
            daily_loss=drawdown(equity, risk.day_equity),
            halted=risk.halted,
            recent_orders=risk.recent_orders(frame.close_ns),
            trades=tuple(risk.trades),
        )

    def _quantities(self, state: AccountState) -> dict[str, Decimal]:
        """Signed quantities by symbol, entries on their way counted as filled."""
        held = state.positions()
        for key, parents in state.parents.items():
            for parent in parents:
                if is_entry(parent.task.leg):
                    left = parent.out() if parent.stopped else parent.left
                    signed = CONTEXT.multiply(left, Decimal(parent.task.side.value))
                    held[key] = CONTEXT.add(held.get(key, ZERO), signed)
        for key, routed in state.routed.items():
            signed = CONTEXT.multiply(routed.qty, Decimal(routed.side.value))
            held[key] = CONTEXT.add(held.get(key, ZERO), signed)
        return held

    def _exposure(self, state: AccountState, frame: Frame, key: str, qty: Decimal) -> Exposure:
        mark, guard = state.marks.get(key, ZERO), state.guards.get(key)
        # Without a stop all of it is at risk.
        per_unit = mark if guard is None else guard.risk_per_unit(mark)
        return Exposure(
            key=key,
            notional=CONTEXT.multiply(qty, mark),
            risk=CONTEXT.multiply(abs(qty), per_unit),
            age_ns=frame.close_ns - state.risk.mid_ns.get(key, 0),
        )

    def _correlated(
        self, state: AccountState, key: str, others: Sequence[Exposure]
    ) -> tuple[Exposure, ...]:
        """Exposures with the correlation of their returns with those of a symbol; of other parts
        of the same entry with none: of course they move as one.
        """
        parts = _parts_of_one_entry(state, key)
        window = -self._limits.correlation_samples
        own, *returns = (
            state.risk.returns.get(each, [])[window:] for each in (key, *(o.key for o in others))
        )
        found = correlations(own, returns, at_least=self._limits.samples_at_least)
        return tuple(
            other if value is None or other.key in parts
            else msgspec.structs.replace(other, correlation=value)
            for other, value in zip(others, found, strict=True)
        )  # fmt: skip

    def _tail(
        self, state: AccountState, positions: tuple[Exposure, ...], equity: Decimal
    ) -> Tail | None:
        """Losses of a day as shares of the equity: of what has returns enough by those together,
        of the rest ``risk.unknown_loss_fraction``, as if all of it fell at once. Without equity
        ``None``.
        """
        if equity <= 0:
            return None
        least = self._limits.samples_at_least
        weights = {p.key: float(CONTEXT.divide(p.notional, equity)) for p in positions}
        returns = {key: state.risk.returns.get(key, []) for key in weights if weights[key]}
        for count in (len, count_known):  # to look for what is unknown costs a tenth of an entry
            known = {key: of for key, of in returns.items() if count(of) >= least}
            profits = portfolio_returns([weights[key] for key in known], list(known.values()))
            found = tail(profits, at_least=least)
            if found is not None:
                break
        else:
            known, found = {}, _NONE
        rest = math.fsum(abs(weight) for key, weight in weights.items() if key not in known)
        unknown = rest * self._limits.unknown_loss_fraction
        return Tail(*(max(loss, 0.0) * self._to_day + unknown for loss in found))


def _told(name: str, key: str) -> str:
    """What of a breach is remembered: of the whole account the rule, of a position its key, too."""
    return name if name in WATCHED else f"{name} {key}"


def _parts_of_one_entry(state: AccountState, key: str) -> set[str]:
    """Where other parts of a routed entry are."""
    found = set(state.partners.get(key, ()))
    for first, others in state.partners.items():
        if key in others:
            found |= {first, *others}
    return found


def _share(range_price: float | None, price: Decimal) -> Decimal | None:
    return None if range_price is None else CONTEXT.divide(decimal_of(range_price), price)


def _stale(frame: Frame) -> tuple[str, ...]:
    lost = () if frame.book is not None and frame.quality.book_synced else ("unsynced",)
    return (*frame.quality.stale, *lost)
