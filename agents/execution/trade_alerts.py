"""Tells of orders once their fills are booked: one alert for each that filled, when it is done."""

from __future__ import annotations

from collections.abc import Sequence

from agents.execution.account_state import AccountState
from agents.execution.confirmation import Confirmation
from agents.execution.orders import OPEN, is_entry
from schemas.frame import Frame, Message
from schemas.money import CONTEXT
from schemas.order import Fill, Order, OrderStatus
from schemas.trade_alert import TradeAlert, TradeType

_DONE = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED)


def placed(state: AccountState, records: Sequence[Message]) -> None:
    """Note the orders among what was decided: why they were placed is not told again."""
    for record in records:
        if isinstance(record, Order) and record.status is OrderStatus.INTENT:
            state.unconfirmed[record.client_order_id] = Confirmation(record.reason)


def booked(state: AccountState, fill: Fill) -> None:
    """Take a fill that the ledger has booked."""
    order = state.unconfirmed.get(fill.client_order_id)
    if order is not None:
        order.take(fill, held_qty=state.held_qty(f"{fill.venue}:{fill.symbol}"))


def confirmed(state: AccountState, frame: Frame, answers: Sequence[Message]) -> list[TradeAlert]:
    """The orders whose end and whose fills are both known with these answers of the venue."""
    alerts = []
    placed(state, answers)  # a liquidation is the venue's own
    for answer in answers:
        if isinstance(answer, Order) and answer.status in _DONE:
            order = state.unconfirmed.get(answer.client_order_id)
            if order is not None:
                order.ended = answer
    for id_ in [a.client_order_id for a in answers if isinstance(a, Order | Fill)]:
        order = state.unconfirmed.get(id_)
        if order is None or order.ended is None or order.qty < order.ended.filled_qty:
            continue
        del state.unconfirmed[id_]
        if order.qty:
            alerts.append(_alert(state, frame, order, order.ended))
    return alerts


def _alert(state: AccountState, frame: Frame, order: Confirmation, last: Order) -> TradeAlert:
    thesis, outlook = state.theses.get(frame.key), state.outlooks.get(frame.key)
    score = None if outlook is None else outlook.score
    if is_entry(last.leg):
        type_ = TradeType.ENTRY if last.leg == OPEN else TradeType.SCALE_IN
        if thesis is not None and thesis.signal.id == last.signal_id and last.leg == OPEN:
            score = thesis.signal.score
    else:
        type_ = TradeType.EXIT if order.leaves_nothing else TradeType.SCALE_OUT
    return TradeAlert(
        order_id=last.client_order_id,
        account=last.account,
        venue=last.venue,
        symbol=last.symbol,
        tick_ns=frame.close_ns,
        side=last.side,
        trade_type=type_,
        filled_amount=order.qty,
        average_fill_price=CONTEXT.divide(order.notional, order.qty),
        reason=order.reason,
        score=score,
    )
