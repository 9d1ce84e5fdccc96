"""One account is one state machine: frames and signals in, orders, fills and positions out.

Steps come in the order (close, venue, symbol). In each, the venue first answers for the orders that
the frame's book meets, then the ledger books the fills, and only then is the signal of that tick
turned into new orders, which meet a later book.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agents.execution.flatten import flatten
from agents.execution.halts import Halts
from agents.execution.ledger import Holding, Ledger
from agents.execution.refusals import Situation, refusal
from agents.execution.sizing import policy_of
from agents.venues.paper import PaperState, PaperVenue
from schemas.control import Command, TradingMode
from schemas.frame import ContractKind, Frame, Instrument, Message, Side, contract_kind
from schemas.money import CONTEXT, decimal_of, floor_to_step
from schemas.order import (
    Factor,
    Fill,
    Order,
    OrderStatus,
    OrderType,
    Position,
    client_order_id,
)
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind

_RULES_KEPT = 8


class AccountState(msgspec.Struct):
    """All that the account knows. ``marks`` are the last mids: what positions are worth."""

    ledger: Ledger
    venue: PaperState = msgspec.field(default_factory=PaperState)
    instruments: dict[str, list[Instrument]] = msgspec.field(default_factory=dict)
    marks: dict[str, Decimal] = msgspec.field(default_factory=dict)
    halts: Halts = msgspec.field(default_factory=Halts)

    def equity(self) -> Decimal:
        """Balance plus what the open positions would earn at the last mids."""
        total = self.ledger.balance
        for key in sorted(self.ledger.holdings):
            total = CONTEXT.add(total, self.unrealised(key))
        return total

    def unrealised(self, key: str) -> Decimal:
        """What closing one position at the last mid would earn, before fees."""
        holding = self.ledger.holdings.get(key)
        mark = self.marks.get(key)
        if holding is None or mark is None or not holding.qty:
            return Decimal(0)
        worth = CONTEXT.multiply(holding.qty, mark)
        side = Decimal(1 if holding.qty > 0 else -1)
        return CONTEXT.subtract(worth, CONTEXT.multiply(holding.cost, side))


class Account:
    """Decides for one account; the state is the caller's to keep."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._id = settings.account.id
        self._currency = settings.paper.currency
        self._policy = policy_of(settings.sizing)
        self._venue = PaperVenue(settings.paper)
        self._encode = msgspec.msgpack.Encoder(order="deterministic").encode
        self._decode = msgspec.msgpack.Decoder(AccountState).decode

    @property
    def id(self) -> str:
        """Name of the account."""
        return self._id

    def initial(self) -> AccountState:
        """An account that has not traded."""
        return AccountState(ledger=Ledger(balance=self._settings.paper.balance))

    def encode(self, state: AccountState) -> bytes:
        """Bytes of a state; equal states give equal bytes."""
        return self._encode(state)

    def decode(self, data: bytes) -> AccountState:
        """The state that :meth:`encode` wrote."""
        return self._decode(data)

    def learn(self, state: AccountState, instrument: Instrument) -> None:
        """Take the trading rules of a symbol; they hold from their own ``effective_ns`` on."""
        known = state.instruments.setdefault(instrument.key, [])
        if instrument not in known:
            known.append(instrument)
            known.sort(key=lambda rules: rules.effective_ns)
            del known[:-_RULES_KEPT]

    def command(self, state: AccountState, command: Command) -> None:
        """Take what a person wants; it holds for frames that close after its ``effective_ns``."""
        state.halts.give(command)

    def step(self, state: AccountState, frame: Frame, signal: Signal | None) -> list[Message]:
        """One frame and, if it is a tick that gave one, its signal; what comes of it, in order."""
        state.halts.advance(frame.close_ns)
        records = self._settle(state, frame)
        self._mark(state, frame)
        if signal is not None:
            records.extend(self._admit(state, frame, signal))
        records.extend(
            flatten(
                state.halts, frame, account=self._id, ledger=state.ledger, venue=self._venue,
                at=state.venue,
            )
        )  # fmt: skip
        return records

    def _admit(self, state: AccountState, frame: Frame, signal: Signal) -> Sequence[Order]:
        """Act on a signal as far as nobody has forbidden it; the rest is a recorded refusal."""
        restriction = state.halts.over(frame.key)
        if restriction is None:
            return self._act(state, frame, signal)
        held_qty = state.ledger.holdings.get(frame.key, Holding()).qty
        side = Side.SELL if signal.kind is SignalKind.SHORT else Side.BUY
        against = SignalKind.SHORT if held_qty > 0 else SignalKind.LONG
        closes: Sequence[Order] = ()
        leg = "refused"
        reducing = held_qty and signal.kind in {SignalKind.EXIT, against}
        if restriction.mode is TradingMode.REDUCE_ONLY and reducing:
            exit_ = msgspec.structs.replace(signal, kind=SignalKind.EXIT)
            closes = self._act(state, frame, exit_)
            if signal.kind is SignalKind.EXIT:
                return closes
            leg = "open"  # of a turn, only the opening half is refused
        refused = restriction.refusal()
        return [*closes, self._order(frame, signal, leg, side, Decimal(0), rejected=refused)]

    def _settle(self, state: AccountState, frame: Frame) -> list[Message]:
        answers = self._venue.on_frame(state.venue, frame)
        moved = False
        for answer in answers:
            if isinstance(answer, Fill):
                moved = state.ledger.apply(answer) or moved
        records: list[Message] = [*answers]
        if moved:
            records.append(self._position(state, frame))
        return records

    @staticmethod
    def _mark(state: AccountState, frame: Frame) -> None:
        book = frame.book
        if book is not None and book.bid_price and book.ask_price:
            twice = frame.price(book.bid_price[0] + book.ask_price[0])
            state.marks[frame.key] = CONTEXT.divide(twice, Decimal(2))

    def _act(self, state: AccountState, frame: Frame, signal: Signal) -> Sequence[Order]:
        holding = state.ledger.holdings.get(frame.key, Holding())
        side = Side.SELL if signal.kind is SignalKind.SHORT else Side.BUY
        refused = refusal(self._situation(state, frame, signal, holding.qty))
        if refused is not None:
            return [self._order(frame, signal, "refused", side, Decimal(0), rejected=refused)]
        orders = []
        if holding.qty:
            closing = Side.SELL if holding.qty > 0 else Side.BUY
            orders.append(
                self._order(frame, signal, "close", closing, abs(holding.qty), reduce_only=True)
            )
        shorting_spot = side is Side.SELL and contract_kind(frame.symbol) is ContractKind.SPOT
        if signal.kind is not SignalKind.EXIT and not shorting_spot:
            orders.append(self._entry(state, frame, signal, side))
        for order in orders:
            if order.status is OrderStatus.INTENT:
                self._venue.submit(state.venue, order)
        return orders

    def _situation(
        self, state: AccountState, frame: Frame, signal: Signal, held_qty: Decimal
    ) -> Situation:
        working = state.venue.working.get(frame.key)
        return Situation(
            symbol=frame.symbol,
            kind=signal.kind,
            account_currency=self._currency,
            held_qty=held_qty,
            working_order=working[0].order.client_order_id if working else None,
            open_positions=state.ledger.open_count(),
            max_open_positions=self._settings.account.max_open_positions,
        )

    def _entry(self, state: AccountState, frame: Frame, signal: Signal, side: Side) -> Order:
        fraction, factors = self._policy.fraction(signal)
        available = state.ledger.available()
        price = decimal_of(signal.price)
        notional = CONTEXT.multiply(available, fraction)
        step, least = self._rules(state, frame)
        qty = floor_to_step(CONTEXT.divide(notional, price), step)
        factors = (*factors, Factor("available", available), Factor("price", price))
        refused = None
        if qty <= 0:
            refused = f"size: {notional} buys less than one step of {step} at {price}"
        elif CONTEXT.multiply(qty, price) < least:
            refused = f"min_notional: limit {least}, order {CONTEXT.multiply(qty, price)}"
        return self._order(frame, signal, "open", side, qty, rejected=refused, factors=factors)

    @staticmethod
    def _rules(state: AccountState, frame: Frame) -> tuple[Decimal, Decimal]:
        """Quantity step and least notional; without venue rules, the step that the tape shows."""
        for rules in reversed(state.instruments.get(frame.key, [])):
            if rules.effective_ns <= frame.close_ns:
                return rules.qty_step, rules.min_notional
        return frame.qty(1), Decimal(0)

    def _order(
        self,
        frame: Frame,
        signal: Signal,
        leg: str,
        side: Side,
        qty: Decimal,
        *,
        reduce_only: bool = False,
        rejected: str | None = None,
        factors: tuple[Factor, ...] = (),
    ) -> Order:
        return Order(
            client_order_id=client_order_id(self._id, signal.id, leg, 1),
            version=0,
            account=self._id,
            venue=frame.venue,
            symbol=frame.symbol,
            tick_ns=frame.close_ns,
            status=OrderStatus.INTENT if rejected is None else OrderStatus.REJECTED,
            side=side,
            type=OrderType.MARKET,
            qty=qty,
            filled_qty=Decimal(0),
            reduce_only=reduce_only,
            signal_id=signal.id,
            leg=leg,
            attempt=1,
            reason=signal.reason if rejected is None else rejected,
            factors=factors,
        )

    def _position(self, state: AccountState, frame: Frame) -> Position:
        holding = state.ledger.holdings[frame.key]
        return Position(
            account=self._id,
            venue=frame.venue,
            symbol=frame.symbol,
            tick_ns=frame.close_ns,
            qty=holding.qty,
            average_price=holding.average_price,
            realised_pnl=holding.realised_pnl,
            fees=holding.fees,
            balance=state.ledger.balance,
        )
