"""Shares an entry out over the venues of its symbol, and takes its parts back together.

The venue that a signal came from keeps its part; each other part waits for the next frame of its
own venue and is an entry there, by a signal id made of both, with stop and targets of its own. An
exit or a turn at the first venue is passed on to the others; what they hold counts as held.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agents.execution.account_state import AccountState
from agents.execution.orders import OPEN, Wish, is_entry, new_order
from agents.execution.parents.parent import Parent
from agents.execution.parents.registry import algorithm
from agents.execution.parents.routed import Quote, Routed
from agents.execution.parents.routing import Offer, route
from schemas.frame import NS_PER_S, Frame, Side
from schemas.ids import content_id
from schemas.money import CONTEXT
from schemas.order import Order, OrderStatus
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind

ZERO = Decimal(0)
_BPS = Decimal(10_000)


class Router:
    """Routes of one account; the state is the caller's to keep. It does nothing unless told to."""

    def __init__(self, settings: Settings, *, account: str) -> None:
        self._on = settings.algorithms.routes
        self._paper = settings.paper
        self._max_open = settings.account.max_open_positions
        self._max_age_ns = settings.risk.max_mark_age_s * NS_PER_S
        self._rests = settings.algorithms.rests and algorithm(settings.algorithms.entry).may_rest
        self._account = account

    def observe(self, state: AccountState, frame: Frame) -> None:
        """Keep the book of a symbol, for orders that are decided at another venue."""
        if self._on and frame.book is not None:
            rules = state.rules_of(frame)
            state.quotes[frame.key] = Quote(
                frame.close_ns,
                frame.price_exponent,
                frame.qty_exponent,
                frame.book,
                step=state.qty_step(frame),
                least=ZERO if rules is None else rules.min_notional,
            )

    def share(self, state: AccountState, frame: Frame, order: Order, signal: Signal) -> Order:
        """The part of an entry that stays at its venue, 0 of it perhaps; the others wait."""
        if not self._on or frame.key not in state.quotes:
            return order
        keys = [frame.key, *self._free(state, frame)]
        side = order.side
        quotes = {key: state.quotes[key] for key in keys}
        offers = [
            Offer(key, quote.levels(side), self._fee(key), quote.step, quote.least)
            for key, quote in quotes.items()
        ]
        parts = route(side, order.qty, offers)
        kept = parts.pop(frame.key, ZERO)
        plan = state.plans[frame.key]
        for key in parts:
            id_ = content_id("route", signal.id, key)
            venue, _, _ = key.partition(":")
            state.routed[key] = Routed(
                msgspec.structs.replace(signal, id=id_, venue=venue),
                msgspec.structs.replace(plan, signal_id=id_),
                side,
                parts[key],
                f"{order.reason}; routed from {frame.venue}",
            )
        if parts:
            state.partners[frame.key] = sorted({*state.partners.get(frame.key, ()), *parts})
        return msgspec.structs.replace(order, qty=kept)

    def due(self, state: AccountState, frame: Frame) -> tuple[Order, Signal] | None:
        """The part of an entry that was routed to this venue; its plan is put in force."""
        routed = state.routed.pop(frame.key, None)
        if routed is None:
            return None
        order = new_order(
            self._account,
            frame,
            Wish(
                signal_id=routed.signal.id, leg=OPEN, side=routed.side, qty=routed.qty,
                reason=routed.reason,
            ),
        )  # fmt: skip
        restriction = state.restriction(frame)
        if restriction is not None:
            return _rejected(order, restriction.refusal()), routed.signal
        if state.held_qty(frame.key) or frame.key in state.parents:
            return _rejected(order, "routed: something else came first"), routed.signal
        state.plans[frame.key] = routed.plan
        return order, routed.signal

    def elsewhere(self, state: AccountState, key: str) -> tuple[Decimal, list[Parent]]:
        """What partners of a symbol hold, signed, and what works there; idle ones are let go."""
        held, parents, alive = ZERO, list[Parent](), []
        for other in state.partners.get(key, ()):
            working = state.parents.get(other, [])
            if state.held_qty(other) or working or other in state.routed:
                alive.append(other)
            held = CONTEXT.add(held, state.held_qty(other))
            parents += working
        if alive:
            state.partners[key] = alive
        else:
            state.partners.pop(key, None)
        return held, parents

    def leaves(self, state: AccountState, frame: Frame, signal: Signal) -> bool:
        """Pass an exit or a turn on to the partners; whether it was an exit and there were any."""
        if frame.key in state.parents:
            return False
        held, _ = self.elsewhere(state, frame.key)
        against = SignalKind.SHORT if held > 0 else SignalKind.LONG
        if signal.kind is not SignalKind.EXIT and not (held and signal.kind is against):
            return False
        partners: Sequence[str] = state.partners.pop(frame.key, ())
        for key in partners:
            state.routed.pop(key, None)
            venue, _, _ = key.partition(":")
            for parent in state.parents.get(key, ()):
                if is_entry(parent.task.leg):
                    parent.stopped = parent.stopped or f"signal {signal.id} is against it"
            if key in state.parents or state.held_qty(key):
                state.waiting[key] = msgspec.structs.replace(
                    signal,
                    id=content_id("route", signal.id, key),
                    venue=venue,
                    kind=SignalKind.EXIT,
                )
        return bool(partners) and signal.kind is SignalKind.EXIT

    def _free(self, state: AccountState, frame: Frame) -> list[str]:
        """Venues with a fresh book of the symbol where the account has nothing, as many as fit."""
        room = self._max_open - state.ledger.open_count() - len(state.parents) - len(state.routed)
        found = [
            key
            for key in sorted(state.quotes)
            if key != frame.key
            and key.partition(":")[2] == frame.symbol
            and frame.close_ns - state.quotes[key].close_ns <= self._max_age_ns
            and not state.held_qty(key)
            and not (key in state.parents or key in state.routed or key in state.waiting)
            and state.quotes[key].levels(Side.BUY)
            and state.quotes[key].levels(Side.SELL)
        ]
        return found[: max(room - 1, 0)]

    def _fee(self, key: str) -> Decimal:
        """What an order pays: the maker's fee where the algorithm rests, else the taker's."""
        fees = self._paper.fees_of(key.partition(":")[0])
        return CONTEXT.divide(fees.maker_fee_bps if self._rests else fees.taker_fee_bps, _BPS)


def _rejected(order: Order, text: str) -> Order:
    return msgspec.structs.replace(order, status=OrderStatus.REJECTED, reason=text)
