"""All that an account knows."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.confirmation import Confirmation
from agents.execution.guard import Guard
from agents.execution.halts import Halts, Restriction
from agents.execution.ledger import Ledger
from agents.execution.monitor.watch import Watch
from agents.execution.parents.curve import VolumeCurve
from agents.execution.parents.parent import Parent
from agents.execution.parents.routed import Quote, Routed
from agents.execution.portfolio.state import PortfolioState
from agents.execution.risk_state import RiskState
from agents.execution.stop_plan import StopPlan
from agents.execution.thesis import Outlook, Thesis
from agents.execution.trade_log import Opening
from agents.venues.live_state import LiveState
from agents.venues.paper import PaperState
from schemas.control import TradingMode
from schemas.frame import Frame, Instrument
from schemas.money import CONTEXT, floor_to_step
from schemas.signal import Signal

ZERO = Decimal(0)


class BalanceWatch(msgspec.Struct):
    """How a real venue's balance compares with the account's books (:mod:`balance`).

    ``base`` is by how much the venue's side is beyond the account's, ``last`` what the last look
    showed of that; ``since_ns`` is when the present difference came up, ``told`` the one that
    people were told of last, ``looked_ns`` the tick of the last look that was compared.
    """

    base: Decimal | None = None
    last: Decimal | None = None
    since_ns: int | None = None
    told: Decimal | None = None
    looked_ns: int = -1


class Lot(msgspec.Struct, frozen=True):
    """What a spot venue takes of a symbol: multiples of ``step``, ``least`` at least, in coins."""

    step: Decimal
    least: Decimal

    def of(self, qty: Decimal) -> Decimal:
        """What of a quantity can be sold; 0 where all of it is dust.

        >>> Lot(Decimal("0.001"), Decimal("0.0001")).of(Decimal("0.040959"))
        Decimal('0.040')
        """
        whole = floor_to_step(qty.copy_abs(), self.step)
        return ZERO if whole < self.least else whole.copy_sign(qty)


class AccountState(msgspec.Struct):
    """Bounded by what is open and by the symbols.

    ``rules_seen`` is the tick of the trading rules that were in force last. ``marks`` are the last
    mids: what positions are worth. ``plans`` belong to entries that were
    placed last, ``guards`` and ``openings`` to open positions, ``past_guards`` to those closed
    last. ``parents`` are orders being worked, ``waiting`` signals that wait for one of them to end,
    ``turning`` ids of signals that began to turn a position last.
    ``routed`` are parts of entries for other venues, ``partners`` tell where parts of a symbol's
    entry went. ``outlooks`` are the latest of the confluence, ``proposed`` what entries placed last
    go by, ``theses`` what positions were opened on, ``watches`` what the monitor remembers of them.
    ``lots`` are those of spot at the last mid. ``refused`` are symbols whose last close the venue
    has refused. All are by ``venue:symbol``. ``drift`` is what
    people were told last of how the venue differs.
    """

    ledger: Ledger
    venue: PaperState | LiveState
    risk: RiskState
    instruments: dict[str, list[Instrument]] = msgspec.field(default_factory=dict)
    rules_seen: dict[str, int] = msgspec.field(default_factory=dict)
    marks: dict[str, Decimal] = msgspec.field(default_factory=dict)
    halts: Halts = msgspec.field(default_factory=Halts)
    plans: dict[str, StopPlan] = msgspec.field(default_factory=dict)
    guards: dict[str, Guard] = msgspec.field(default_factory=dict)
    past_guards: dict[str, Guard] = msgspec.field(default_factory=dict)
    openings: dict[str, Opening] = msgspec.field(default_factory=dict)
    parents: dict[str, list[Parent]] = msgspec.field(default_factory=dict)
    waiting: dict[str, Signal] = msgspec.field(default_factory=dict)
    turning: dict[str, str] = msgspec.field(default_factory=dict)
    curves: dict[str, VolumeCurve] = msgspec.field(default_factory=dict)
    outlooks: dict[str, Outlook] = msgspec.field(default_factory=dict)
    proposed: dict[str, Thesis] = msgspec.field(default_factory=dict)
    theses: dict[str, Thesis] = msgspec.field(default_factory=dict)
    watches: dict[str, Watch] = msgspec.field(default_factory=dict)
    unconfirmed: dict[str, Confirmation] = msgspec.field(default_factory=dict)
    quotes: dict[str, Quote] = msgspec.field(default_factory=dict)
    routed: dict[str, Routed] = msgspec.field(default_factory=dict)
    partners: dict[str, list[str]] = msgspec.field(default_factory=dict)
    portfolio: PortfolioState = msgspec.field(default_factory=PortfolioState)
    drift: str | None = None
    balance: BalanceWatch = msgspec.field(default_factory=BalanceWatch)
    lots: dict[str, Lot] = msgspec.field(default_factory=dict)
    refused: dict[str, None] = msgspec.field(default_factory=dict)

    @property
    def paper(self) -> PaperState:
        """The state of the paper venue, of an account that trades there."""
        assert isinstance(self.venue, PaperState)
        return self.venue

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
            return ZERO
        worth = CONTEXT.multiply(holding.qty, mark)
        side = Decimal(1 if holding.qty > 0 else -1)
        return CONTEXT.subtract(worth, CONTEXT.multiply(holding.cost, side))

    def held_qty(self, key: str) -> Decimal:
        """Signed quantity of a position that can be closed.

        A fee in coin leaves less than a step of what was bought, which no spot venue takes: such
        dust is held, and worth something, but it is no position to protect or to close.
        """
        holding = self.ledger.holdings.get(key)
        return ZERO if holding is None else self.closable(key, holding.qty)

    def closable(self, key: str, qty: Decimal) -> Decimal:
        """What of a quantity of a symbol can be closed."""
        lot = self.lots.get(key)
        return qty if lot is None else lot.of(qty)

    def positions(self) -> dict[str, Decimal]:
        """:meth:`held_qty` of everything that is open."""
        return {key: qty for key in self.ledger.holdings if (qty := self.held_qty(key))}

    def may_close(self, frame: Frame) -> bool:
        """Whether a close may be tried again: one that the venue has refused, not before a tick."""
        if frame.is_tick:
            self.refused.pop(frame.key, None)
        return frame.key not in self.refused

    def rules_of(self, frame: Frame) -> Instrument | None:
        """The venue's rules in force for a frame's symbol, if it told them."""
        for rules in reversed(self.instruments.get(frame.key, [])):
            if rules.effective_ns <= frame.close_ns:
                return rules
        return None

    def restriction(self, frame: Frame) -> Restriction | None:
        """What people forbid of a frame's symbol, or else the venue: what it does not trade is not
        entered.
        """
        found, rules = self.halts.over(frame.key), self.rules_of(frame)
        if found is not None or rules is None or rules.trading:
            return found
        why = "it does not trade it any more (delisted, renamed or suspended)"
        id_ = f"rules of {rules.effective_ns}"
        return Restriction(frame.key, TradingMode.REDUCE_ONLY, id_, frame.venue, why)

    def tick_size(self, frame: Frame) -> Decimal:
        """Price step; without venue rules the one that the tape shows."""
        rules = self.rules_of(frame)
        return frame.price(1) if rules is None else rules.tick_size

    def qty_step(self, frame: Frame) -> Decimal:
        """Quantity step; without venue rules the one that the tape shows."""
        rules = self.rules_of(frame)
        return frame.qty(1) if rules is None else rules.qty_step
