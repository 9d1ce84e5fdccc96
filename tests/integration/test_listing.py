"""A symbol that its venue delists amid paper trading, through the whole pipeline."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.pipeline import Pipeline
from schemas.alert import Alert
from schemas.frame import ContractKind, Frame, Instrument, Message
from schemas.order import Order, OrderStatus, Position
from tests.chaos.market import short_market, short_settings


def rules_of(frame: Frame, *, effective_ns: int, trading: bool) -> Instrument:
    """What a feed would tell of a symbol of the generated market."""
    pair, _, settle = frame.symbol.partition(":")
    base, _, quote = pair.partition("/")
    return Instrument(
        venue=frame.venue, symbol=frame.symbol, effective_ns=effective_ns,
        kind=ContractKind.LINEAR, base=base, quote=quote, settle=settle,
        tick_size=frame.price(1), qty_step=frame.qty(1), min_notional=Decimal(5), trading=trading,
    )  # fmt: skip


def played(messages: list[Frame | Instrument]) -> list[Message]:
    pipeline = Pipeline(short_settings())
    return [record.message for each in messages for record in pipeline.process(each)]


def test_a_symbol_delisted_under_a_position_is_told_and_entered_no_more_and_others_are() -> None:
    frames = short_market().frames
    listed = [
        rules_of(frame, effective_ns=0, trading=True)
        for frame in {frame.symbol: frame for frame in frames}.values()
    ]
    before = played([*listed, *frames])
    # The first position that is followed by more entries there.
    entries = [
        (m.symbol, m.tick_ns)
        for m in before
        if isinstance(m, Order) and m.status is OrderStatus.INTENT and m.leg == "open"
    ]
    symbol, at_ns = next(
        (m.symbol, m.tick_ns)
        for m in before
        if isinstance(m, Position)
        and m.qty
        and [1 for name, ns in entries if name == m.symbol and ns > m.tick_ns]
    )
    gone = next(rules for rules in listed if rules.symbol == symbol)
    gone = msgspec.structs.replace(gone, effective_ns=at_ns + 1, trading=False)
    place = next(i for i, f in enumerate(frames) if f.symbol == symbol and f.close_ns > at_ns)
    after = played([*listed, *frames[:place], gone, *frames[place:]])

    (alert,) = [m for m in after if isinstance(m, Alert) and m.rule == "venue:delisted"]
    assert alert.symbol == symbol
    opened = [
        m
        for m in after
        if isinstance(m, Order) and m.tick_ns > at_ns and m.leg == "open"
        and m.status is OrderStatus.INTENT
    ]  # fmt: skip
    assert symbol not in {order.symbol for order in opened}
    assert opened, "the others are entered as before"
    refused = [
        m.reason
        for m in after
        if isinstance(m, Order) and m.symbol == symbol and m.status is OrderStatus.REJECTED
        and m.tick_ns > at_ns
    ]  # fmt: skip
    assert [text for text in refused if "does not trade it any more" in text]
    assert played([*listed, *frames[:place], gone, *frames[place:]]) == after
