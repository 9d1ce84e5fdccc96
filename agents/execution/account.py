"""One account is one state machine: frames and signals in, orders, fills and positions out.

Steps come in the order (close, venue, symbol). In each, the venue first answers for the orders that
the frame's tape and book meet, then the ledger books fills and funding, then the monitor and what
protects the position look at it, and only then is the signal of that tick turned into new orders,
which meet a later book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from agents.execution import trade_alerts
from agents.execution.account_state import AccountState, Lot
from agents.execution.balance import balance_told, begin_anew
from agents.execution.drift import drift_told
from agents.execution.entries import Entries
from agents.execution.flatten import flatten
from agents.execution.ledger import Holding, Ledger
from agents.execution.listing import listing_told
from agents.execution.monitor.monitor import Monitor
from agents.execution.orders import CLOSE, OPEN, Wish, is_entry, is_protective, new_order
from agents.execution.parents.dealer import Dealer
from agents.execution.parents.router import Router
from agents.execution.portfolio.portfolio import PortfolioKeeper
from agents.execution.protection import Protection
from agents.execution.refusals import Situation, refusal
from agents.execution.risk import Risk
from agents.execution.risk_state import RiskState
from agents.execution.thesis import Thesis, outlook_of
from agents.execution.trade_log import exit_by, follow
from agents.venues.base import Venue
from agents.venues.live import LiveVenue
from agents.venues.paper import PaperVenue
from schemas.control import Command, Resume, TradingMode
from schemas.frame import Backfill, ContractKind, Frame, Instrument, Message, Side, contract_kind
from schemas.money import CONTEXT, decimal_of
from schemas.order import Fill, Funding, Order, OrderStatus, Position
from schemas.score import ConfluenceScore
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind
from schemas.venue import VenueReport

__all__ = ["Account", "AccountState"]

_RULES_KEPT = 8


class Account:
    """Decides for one account; the state is the caller's to keep."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._id = settings.account.id
        live = settings.live.enabled
        self._currency = settings.live.currency if live else settings.paper.currency
        self._balance = settings.live.capital if live else settings.paper.balance
        self._venue: Venue = (
            LiveVenue(settings.live, account=settings.account.id)
            if live
            else PaperVenue(settings.paper, account=settings.account.id)
        )
        self._risk = Risk(settings, venue=self._venue)
        self._entries = Entries(settings, account=settings.account.id, risk=self._risk)
        self._dealer = Dealer(
            settings, account=settings.account.id, venue=self._venue, risk=self._risk
        )
        self._router = Router(settings, account=settings.account.id)
        self._protection = Protection(
            settings.stops, account=settings.account.id, venue=self._venue
        )
        self._monitor = Monitor(settings, dealer=self._dealer, risk=self._risk)
        self._portfolio = PortfolioKeeper(settings, venue=self._venue)
        self._encode = msgspec.msgpack.Encoder(order="deterministic").encode
        self._decode = msgspec.msgpack.Decoder(AccountState).decode

    @property
    def id(self) -> str:
        """Name of the account."""
        return self._id

    def initial(self) -> AccountState:
        """An account that has not traded."""
        balance = self._balance
        return AccountState(
            ledger=Ledger(balance=balance),
            venue=self._venue.initial(),
            risk=RiskState(peak=balance, day_equity=balance),
        )

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

    def recall(self, state: AccountState, bars: Backfill) -> None:
        """Take history; it counts for frames that close after its ``known_ns``."""
        self._dealer.recall(state, bars)

    def command(self, state: AccountState, command: Command) -> None:
        """Take what a person wants; it holds for frames that close after its ``effective_ns``."""
        state.halts.give(command)

    def hear(self, state: AccountState, report: VenueReport) -> None:
        """Take what a real venue reports; it holds for frames that close after its tick."""
        self._venue.hear(state.venue, report)

    def last_run(self, state: AccountState) -> int:
        """Number of the last process that reported of a real venue, 0 if there was none."""
        return self._venue.last_run(state.venue)

    def unready(self, state: AccountState) -> str | None:
        """Why a real venue forbids every decision, if it does."""
        return self._venue.unready(state.venue)

    def step(
        self,
        state: AccountState,
        frame: Frame,
        signal: Signal | None,
        score: ConfluenceScore | None = None,
    ) -> list[Message]:
        """One frame and, of a tick, its score and signal; what comes of it, in order."""
        if score is not None and (outlook := outlook_of(score)) is not None:
            state.outlooks[frame.key] = outlook
        for command in state.halts.advance(frame.close_ns):
            if isinstance(command, Resume) and not command.scope:
                state.risk.resume(state.equity())
                begin_anew(state.balance)
                self._venue.resume(state.venue)
        self._portfolio.sample(state, frame)
        records = self._settle(state, frame)
        self._mark(state, frame)
        records.extend(self._risk.observe(state, frame, moved=bool(records)))
        self._dealer.learn(state, frame)
        self._router.observe(state, frame)
        unready, due = self._venue.unready(state.venue), [signal]
        records.extend(
            drift_told(
                state, frame, self._venue.drift(state.venue), agrees=unready is None,
                account=self._id,
            )
        )  # fmt: skip
        records.extend(listing_told(state, frame, venue=self._venue, account=self._id))
        live = self._settings.live
        records.extend(balance_told(state, frame, live, account=self._id))
        if unready is None:
            records.extend(self._dealer.review(state, frame))
            records.extend(self._monitor.review(state, frame, signalled=signal is not None))
            records.extend(self._protection.review(state, frame))
            records.extend(self._begin_routed(state, frame))
            due.insert(0, self._dealer.released(state, frame))
        for wish in due:
            if wish is not None:
                records.extend(self._admit(state, frame, wish, unready))
        records.extend(
            flatten(
                state.halts, frame, account=self._id, held=state.positions(), venue=self._venue,
                at=state.venue, closable=state.closable, may_close=state.may_close(frame),
            )
        )  # fmt: skip
        sent = self._venue.dispatch(state.venue, frame, state.rules_of(frame))
        records.extend(sent)
        trade_alerts.placed(state, records)
        records.extend(self._kept_back(state, frame, sent))
        records.extend(self._portfolio.told(state, frame))
        return records

    def _admit(
        self, state: AccountState, frame: Frame, signal: Signal, unready: str | None
    ) -> Sequence[Order]:
        """Act on a signal as far as nobody has forbidden it; the rest is a recorded refusal."""
        if unready is not None:
            if self._dealer.leaves_later(state, frame, signal):
                return ()
            side = Side.SELL if signal.kind is SignalKind.SHORT else Side.BUY
            return [self._order(frame, signal, "refused", side, Decimal(0), rejected=unready)]
        restriction = state.restriction(frame)
        if restriction is None:
            return self._act(state, frame, signal)
        held_qty = state.held_qty(frame.key)
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
        if not answers:
            return []
        legs = {a.client_order_id: a.leg for a in answers if isinstance(a, Order)}
        moved = False
        for answer in answers:
            match answer:
                case Fill():
                    moved = self._book(state, frame, answer, legs) or moved
                case Funding():
                    moved = state.ledger.fund(answer) or moved
                case Order():
                    self._ended(state, answer)
        records: list[Message] = [*answers]
        if moved:
            records.append(self._position(state, frame))
        records.extend(trade_alerts.confirmed(state, frame, answers))
        return records

    def _kept_back(
        self, state: AccountState, frame: Frame, sent: Sequence[Message]
    ) -> Sequence[Message]:
        """What the venue's own rules kept back has ended here: no report will tell of it."""
        ended = [
            order
            for order in sent
            if isinstance(order, Order) and order.status is OrderStatus.REJECTED
        ]
        for order in ended:
            self._ended(state, order)
        return trade_alerts.confirmed(state, frame, ended)

    def _ended(self, state: AccountState, order: Order) -> None:
        """Take what the venue says of an order, which may have ended."""
        self._protection.ended(state, order)
        self._dealer.ended(state, order)
        if order.status is OrderStatus.REJECTED and order.reduce_only and not is_protective(order):
            state.refused[f"{order.venue}:{order.symbol}"] = None

    def _book(self, state: AccountState, frame: Frame, fill: Fill, legs: Mapping[str, str]) -> bool:
        """Book a fill, guard what it opened, note what it closed."""
        before = msgspec.structs.replace(state.ledger.holdings.get(frame.key, Holding()))
        if not state.ledger.apply(fill):
            return False
        leg = legs.get(fill.client_order_id) or self._venue.leg_of(state.venue, fill)
        if not fill.is_coin_fee:
            self._dealer.booked(state, fill, leg=leg)
            trade_alerts.booked(state, fill)
        closed = follow(
            state.openings,
            fill,
            before=before,
            after=state.ledger.holdings[frame.key],
            flat=not state.held_qty(frame.key) and not fill.is_coin_fee,
            exit_=exit_by(leg),
            balance=state.ledger.balance,
        )
        if closed is not None:
            state.risk.closed(closed)
            self._portfolio.closed(state, closed, state.theses.get(frame.key))
        if leg == OPEN:
            if frame.key in state.proposed:
                state.theses[frame.key] = state.proposed[frame.key]
            self._protection.opened(state, frame)
        elif is_entry(leg):
            self._protection.enlarged(state, frame)
        return True

    @staticmethod
    def _mark(state: AccountState, frame: Frame) -> None:
        book = frame.book
        if book is not None and book.bid_price and book.ask_price:
            twice = frame.price(book.bid_price[0] + book.ask_price[0])
            mark = state.marks[frame.key] = CONTEXT.divide(twice, Decimal(2))
            rules = state.rules_of(frame)
            if rules is not None and contract_kind(frame.symbol) is ContractKind.SPOT:
                least = CONTEXT.divide(rules.min_notional, mark)
                state.lots[frame.key] = Lot(rules.qty_step, least)

    def _act(self, state: AccountState, frame: Frame, signal: Signal) -> Sequence[Order]:
        held_qty = state.held_qty(frame.key)
        side = Side.SELL if signal.kind is SignalKind.SHORT else Side.BUY
        replaced = self._dealer.postpones(state, frame, signal)
        if replaced is not None:
            return self._gave_way(frame, signal, side, replaced)
        if self._router.leaves(state, frame, signal) and not held_qty:
            return ()
        refused = refusal(self._situation(state, frame, signal, held_qty))
        if refused is not None:
            return [self._order(frame, signal, "refused", side, Decimal(0), rejected=refused)]
        enters = signal.kind is not SignalKind.EXIT
        if enters and side is Side.SELL and contract_kind(frame.symbol) is ContractKind.SPOT:
            enters = False
        if held_qty:
            return self._leave(state, frame, signal, held_qty, enters=enters)
        return self._enter(state, frame, signal) if enters else ()

    def _leave(
        self, state: AccountState, frame: Frame, signal: Signal, held_qty: Decimal, *, enters: bool
    ) -> Sequence[Order]:
        """Close what is held. Of a turn, the entry waits for that, and is refused if it failed."""
        side = Side.SELL if held_qty > 0 else Side.BUY
        if state.turning.pop(frame.key, "") == signal.id:
            why = f"turn: {held_qty} of the other side is still held"
            return [self._order(frame, signal, OPEN, side, Decimal(0), rejected=why)]
        close = self._order(frame, signal, CLOSE, side, abs(held_qty), reduce_only=True)
        if enters:
            self._dealer.turns_later(state, frame, signal)
        return self._dealer.begin(state, frame, close, signal)

    def _enter(self, state: AccountState, frame: Frame, signal: Signal) -> Sequence[Order]:
        entry = self._entries.order(state, frame, signal)
        if entry.status is not OrderStatus.INTENT:
            return [entry]
        entry = self._router.share(state, frame, entry, signal)
        if not entry.qty:
            return ()
        state.proposed[frame.key] = Thesis(signal, entry.qty)
        entry = self._monitor.first_part(state, frame, entry)
        return self._dealer.begin(state, frame, entry, signal)

    def _begin_routed(self, state: AccountState, frame: Frame) -> Sequence[Order]:
        """Begin the part of an entry that was routed to this frame's venue."""
        due = self._router.due(state, frame)
        if due is None:
            return ()
        order, signal = due
        if order.status is OrderStatus.REJECTED:
            return [order]
        at_stop = CONTEXT.multiply(decimal_of(signal.price), state.plans[frame.key].stop_fraction)
        refused = self._risk.refusal(state, frame, signal, order, at_stop=at_stop)
        if refused is not None:
            return [msgspec.structs.replace(order, status=OrderStatus.REJECTED, reason=refused)]
        state.proposed[frame.key] = Thesis(signal, order.qty)
        return self._dealer.begin(state, frame, order, signal)

    def _gave_way(self, frame: Frame, signal: Signal, side: Side, replaced: str) -> Sequence[Order]:
        """The record of a signal that waited and is not acted on any more."""
        if not replaced:
            return ()
        before = msgspec.structs.replace(signal, id=replaced)
        why = f"waiting: signal {signal.id} took its place"
        return [self._order(frame, before, "refused", side, Decimal(0), rejected=why)]

    def _situation(
        self, state: AccountState, frame: Frame, signal: Signal, held_qty: Decimal
    ) -> Situation:
        working = [
            order
            for order in self._venue.open_orders_of(state.venue, frame.key)
            if not is_protective(order)
        ]
        elsewhere, others = self._router.elsewhere(state, frame.key)
        parents = [*state.parents.get(frame.key, ()), *others]
        busy = [order.client_order_id for order in working] or [p.task.id for p in parents]
        return Situation(
            symbol=frame.symbol,
            kind=signal.kind,
            account_currency=self._currency,
            held_qty=held_qty or elsewhere,
            working_order=busy[0] if busy else None,
        )

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
    ) -> Order:
        return new_order(
            self._id,
            frame,
            Wish(
                signal_id=signal.id,
                leg=leg,
                side=side,
                qty=qty,
                reason=signal.reason,
                reduce_only=reduce_only,
            ),
            rejected=rejected,
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
