"""Frames: the one input of everything that decides.

A frame holds what happened to one symbol of one venue within one interval of receive time
(100 ms by default), and the state of its market at the interval's close. Prices and quantities
are integers; ``value = mantissa / 10**exponent`` with one exponent for prices and one for
quantities per frame, so nothing is lost and nothing is rounded.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, IntFlag, StrEnum
from functools import cached_property
from itertools import compress
from operator import mul

import msgspec

BAND_BPS = (5, 10, 25, 50, 100, 200)
"""Distances from mid at which tick frames carry cumulative depth, in basis points."""

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Side(IntEnum):
    """Aggressor of a trade, or direction of an order."""

    BUY = 1
    SELL = -1


class PositionSide(IntEnum):
    """Side of a position; of a liquidation: the position that was closed by force."""

    LONG = 1
    SHORT = -1


class TradeFlag(IntFlag):
    """What sets a trade apart from an ordinary market trade (0)."""

    NON_MARKET = 1
    """Insurance fund, ADL and the like: kept, but left out of volumes and bars."""
    LIQUIDATION = 2
    RECOVERED_LATE = 4
    """Became known after its interval, by REST; closed bars do not change for it."""


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True, tag_field="message"):
    """Base of all that travels: immutable, encoded as an array that starts with its type name."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Base of what travels inside a message."""


class TradeTotals(msgspec.Struct, frozen=True):
    """Facts of one frame's trades, in its mantissas; volumes leave out what is not MARKET."""

    flagged: bool
    """Whether any trade is out of the ordinary."""
    first_ns: int
    last_ns: int
    low: int
    high: int
    bought: int
    """By aggressors, and what they sold."""
    sold: int


class Trades(Part, frozen=True, dict=True):
    """Trades of the interval in venue order, as parallel arrays of equal length.

    ``side`` is the aggressor (:class:`Side`), ``flags`` are :class:`TradeFlag`. ``id`` is the
    venue's own; where a venue's ids are no sequence, ``Quality.ids_verifiable`` is false.
    """

    exchange_ns: tuple[int, ...] = ()
    receive_ns: tuple[int, ...] = ()
    price: tuple[int, ...] = ()
    qty: tuple[int, ...] = ()
    side: tuple[int, ...] = ()
    id: tuple[int | str, ...] = ()
    flags: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.price)

    @cached_property
    def totals(self) -> TradeTotals:
        """Facts of the trades, 0 where there are none; computed for the first who asks.

        >>> tape = Trades((7, 9), (7, 9), price=(5, 6), qty=(2, 4), side=(1, -1), flags=(0, 0))
        >>> tape.totals.high, tape.totals.bought, tape.totals.sold
        (6, 2, 4)
        """
        qty, side, flagged = self.qty, self.side, any(self.flags)
        if flagged:
            market = [not flag & TradeFlag.NON_MARKET for flag in self.flags]
            qty, side = tuple(compress(qty, market)), tuple(compress(side, market))
        total: int = sum(qty)
        signed: int = sum(map(mul, qty, side))
        return TradeTotals(
            flagged,
            min(self.exchange_ns, default=0),
            max(self.exchange_ns, default=0),
            min(self.price, default=0),
            max(self.price, default=0),
            (total + signed) // 2,
            (total - signed) // 2,
        )


class Touch(Part, frozen=True):
    """Every change of best bid or ask within the interval, in venue order.

    A side without orders has quantity 0 (its price then means nothing). ``exchange_ns`` is empty
    where the venue does not stamp its quotes. ``trades_before[i]`` counts the trades of this frame
    that happened before change ``i``, so tape and quotes can be read as one sequence.
    """

    receive_ns: tuple[int, ...] = ()
    exchange_ns: tuple[int, ...] = ()
    update_id: tuple[int, ...] = ()
    bid_price: tuple[int, ...] = ()
    bid_qty: tuple[int, ...] = ()
    ask_price: tuple[int, ...] = ()
    ask_qty: tuple[int, ...] = ()
    trades_before: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.bid_price)


class Book(Part, frozen=True):
    """The book at the interval's close: up to 50 levels a side, best first.

    ``*_added`` and ``*_removed`` are the quantities by which levels of that side grew and shrank
    within the interval, over the whole known book; a resync counts as neither.
    """

    update_id: int
    exchange_ns: int | None
    bid_price: tuple[int, ...]
    bid_qty: tuple[int, ...]
    ask_price: tuple[int, ...]
    ask_qty: tuple[int, ...]
    bid_added: int = 0
    bid_removed: int = 0
    ask_added: int = 0
    ask_removed: int = 0


class DepthBands(Part, frozen=True):
    """Cumulative quantity within each of :data:`BAND_BPS` of mid, from the full book.

    ``None`` where the band reaches beyond what is known of the book.
    """

    bid_qty: tuple[int | None, ...]
    ask_qty: tuple[int | None, ...]


class Liquidations(Part, frozen=True):
    """Forced closes of the interval. ``side`` is the position that was closed (long or short)."""

    exchange_ns: tuple[int, ...] = ()
    receive_ns: tuple[int, ...] = ()
    side: tuple[int, ...] = ()
    price: tuple[int, ...] = ()
    qty: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.price)


class Known(Part, frozen=True):
    """An exact value with its own exponent, and when it was known (venue time, ns)."""

    mantissa: int
    exponent: int
    known_ns: int

    def __float__(self) -> float:
        scale: int = 10**self.exponent
        return self.mantissa / scale

    def decimal(self) -> Decimal:
        """The exact value."""
        return Decimal(self.mantissa).scaleb(-self.exponent)


class Derivatives(Part, frozen=True):
    """Derivatives state as of the close; ``None`` is "never heard", not zero.

    Rates and ratios are plain numbers (0.0001 is one basis point); open interest is in the venue's
    own quantity unit.
    """

    mark_price: Known | None = None
    index_price: Known | None = None
    funding_rate: Known | None = None
    next_funding_ns: int | None = None
    open_interest: Known | None = None
    long_short_ratio: Known | None = None


class Quality(Part, frozen=True):
    """How far the frame can be trusted.

    ``missing_ids`` counts trade ids that were skipped (meaningful only if ``ids_verifiable``);
    ``resyncs`` book resyncs within the interval; ``stale`` the channels that were silent too long;
    ``skew_ns`` book exchange time minus tape exchange time where both are known; ``rejects`` the
    wire messages that went to dead letters; ``declared_hole`` how many frame numbers before this
    one the feed itself declares lost.
    """

    missing_ids: int = 0
    ids_verifiable: bool = True
    book_synced: bool = False
    resyncs: int = 0
    stale: tuple[str, ...] = ()
    skew_ns: int | None = None
    rejects: int = 0
    declared_hole: int = 0


NO_TRADES = Trades()
NO_TOUCH = Touch()
NO_LIQUIDATIONS = Liquidations()
NO_DERIVATIVES = Derivatives()


class Frame(Message, frozen=True):
    """One interval of one symbol. ``seq`` grows by 1 per frame of a symbol within an epoch.

    ``is_tick`` marks the frames on which dimensions score; such a frame is always sent, with or
    without news. ``book`` is ``None`` while the feed has no synchronised book.
    """

    venue: str
    symbol: str
    epoch: int
    seq: int
    open_ns: int
    close_ns: int
    is_tick: bool
    price_exponent: int
    qty_exponent: int
    trades: Trades = NO_TRADES
    touch: Touch = NO_TOUCH
    book: Book | None = None
    bands: DepthBands | None = None
    liquidations: Liquidations = NO_LIQUIDATIONS
    derivatives: Derivatives = NO_DERIVATIVES
    quality: Quality = Quality()

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    @property
    def price_unit(self) -> float:
        """Value of one price step: ``price = mantissa * price_unit`` (for features, not money)."""
        scale: int = 10**self.price_exponent
        return 1 / scale

    @property
    def qty_unit(self) -> float:
        """Value of one quantity step (for features, not money)."""
        scale: int = 10**self.qty_exponent
        return 1 / scale

    def price(self, mantissa: int) -> Decimal:
        """Exact price of a mantissa of this frame."""
        return Decimal(mantissa).scaleb(-self.price_exponent)

    def qty(self, mantissa: int) -> Decimal:
        """Exact quantity of a mantissa of this frame."""
        return Decimal(mantissa).scaleb(-self.qty_exponent)


class ContractKind(StrEnum):
    """What one unit of quantity is."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


class Instrument(Message, frozen=True):
    """Trading rules of a symbol, in force from ``effective_ns`` on; ahead of its first frame.

    ``max_orders`` may work at a time, ``max_conditionals`` of them wait for a trigger; ``None``
    where the venue tells none. ``trading`` is false while the venue does not trade the symbol:
    delisted, renamed or suspended.
    """

    venue: str
    symbol: str
    effective_ns: int
    kind: ContractKind
    base: str
    quote: str
    settle: str
    tick_size: Decimal
    qty_step: Decimal
    min_notional: Decimal
    contract_size: Decimal = Decimal(1)
    max_orders: int | None = None
    max_conditionals: int | None = None
    trading: bool = True

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"


class RawMessage(Message, frozen=True):
    """A wire message as it was received, for the optional raw log."""

    venue: str
    symbol: str
    receive_ns: int
    payload: bytes

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"


class Backfill(Message, frozen=True):
    """Bars from history (REST or files), labelled: what was computed from them is tainted.

    Parallel arrays, oldest first; ``known_ns`` is when the feed learned them. Prices and volumes
    are floats: they only feed indicators.
    """

    venue: str
    symbol: str
    source: str
    known_ns: int
    timeframe_ns: int
    open_ns: tuple[int, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    volume: tuple[float, ...]
    trades: tuple[int, ...] = ()
    taker_buy_volume: tuple[float, ...] = ()

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"


def contract_kind(symbol: str) -> ContractKind:
    """Kind of a unified symbol: ``BTC/USDT`` spot, ``…:USDT`` linear, ``BTC/USD:BTC`` inverse.

    >>> contract_kind("BTC/USD:BTC").value
    'inverse'
    """
    pair, _, settle = symbol.partition(":")
    if not settle:
        return ContractKind.SPOT
    base, _, _quote = pair.partition("/")
    settle_coin = settle.partition("-")[0]
    return ContractKind.INVERSE if settle_coin == base else ContractKind.LINEAR
