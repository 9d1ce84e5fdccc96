"""Generated markets: frames that agree with themselves, and what may be done to them.

``random_market`` plays a small order book by seed; its touch, trades, book and bands agree.
``mirrored``, ``rescaled``, ``refined`` and ``pushed`` change a frame in ways of which dimensions
declare how they answer.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from hypothesis import strategies as st

from agents.dimensions.base import Push
from schemas.frame import (
    BAND_BPS,
    Book,
    DepthBands,
    Derivatives,
    Frame,
    Known,
    Liquidations,
    Quality,
    Touch,
    TradeFlag,
    Trades,
)

START_NS = 1_723_161_300_000_000_000
INTERVAL_NS = 100_000_000
FRAMES_PER_TICK = 10
LEVELS = 50
FUNDING_NS = 8 * 3_600_000_000_000

Row = tuple[int, ...]


@dataclass
class _Interval:
    """What happened since the frame before."""

    trades: list[Row] = field(default_factory=list)
    touch: list[Row] = field(default_factory=list)
    moved: list[int] = field(default_factory=lambda: [0, 0, 0, 0])


class _Market:
    """A book that orders come to, are taken from and leave, by the draws of one generator."""

    def __init__(self, rng: random.Random, price: int) -> None:
        self.rng = rng
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for i in range(LEVELS + 20):
            self.sides[0][price - 1 - i] = self._qty()
            self.sides[1][price + 1 + i] = self._qty()
        self.update_id = 1
        self.trade_id = 0
        self.now = _Interval()
        self.drift = 0.0

    def _qty(self) -> int:
        return max(1, int(self.rng.lognormvariate(5.0, 1.0)))

    def best(self, side: int) -> int:
        return max(self.sides[0]) if side == 0 else min(self.sides[1])

    def set_level(self, side: int, price: int, qty: int) -> None:
        levels = self.sides[side]
        old = levels.pop(price, 0)
        if qty:
            levels[price] = qty
        self.now.moved[2 * side + (qty < old)] += abs(qty - old)
        self.update_id += 1

    def event(self, at_ns: int) -> None:
        """One order: it crosses, joins, improves or leaves."""
        rng = self.rng
        side = int(rng.random() < 0.5 + self.drift)
        draw = rng.random()
        before = self.quote()
        if draw < 0.3:
            self._trade(side, at_ns)
        elif draw < 0.65:
            price = self.best(side) + (-1 if side == 0 else 1) * rng.randrange(-1, 8)
            if self.best(0) < price < self.best(1) or price in self.sides[side]:
                self.set_level(side, price, self.sides[side].get(price, 0) + self._qty())
        else:
            price = rng.choice(sorted(self.sides[side], reverse=side == 0)[:8])
            self.set_level(side, price, self.sides[side][price] * rng.randrange(0, 3) // 3)
        self._refill()
        if self.quote() != before:
            self.now.touch.append(
                (at_ns, at_ns, self.update_id, *self.quote(), len(self.now.trades))
            )

    def quote(self) -> Row:
        bid, ask = self.best(0), self.best(1)
        return bid, self.sides[0][bid], ask, self.sides[1][ask]

    def _trade(self, aggressor: int, at_ns: int) -> None:
        """An order that takes; it buys (1) from the asks or sells (0) to the bids."""
        side = 1 if aggressor == 1 else 0
        price = self.best(side)
        qty = min(self._qty(), self.sides[side][price])
        flag = int(TradeFlag.NON_MARKET) if self.rng.random() < 0.02 else 0
        self.trade_id += 1
        direction = 1 if side == 1 else -1
        self.now.trades.append((at_ns, at_ns, price, qty, direction, self.trade_id, flag))
        if not flag:
            self.set_level(side, price, self.sides[side][price] - qty)

    def _refill(self) -> None:
        """Keep enough levels, far from the touch."""
        for side, step in ((0, -1), (1, 1)):
            levels = self.sides[side]
            while len(levels) < LEVELS + 10:
                worst = min(levels) if side == 0 else max(levels)
                levels[worst + step] = self._qty()


@dataclass
class _Told:
    """What a derivatives venue tells besides the tape; of chance of its own, so that the tape of a
    seed does not depend on it.
    """

    rng: random.Random
    premium: float = 0.0
    funding: float = 0.0
    log_ratio: float = 0.0

    def next(
        self, known: Derivatives, market: _Market, at_ns: int, price_exponent: int
    ) -> Derivatives:
        """The next values: each comes back to its mean, and is extreme now and then."""
        draw = self.rng.gauss
        self.premium = 0.95 * self.premium + draw(0.0, 2.0)
        self.funding = 0.99 * self.funding + draw(0.0, 10_000.0)
        self.log_ratio = 0.995 * self.log_ratio + draw(0.0, 0.03)
        mid = 5 * (market.best(0) + market.best(1))
        exponent = price_exponent + 1
        at_ns -= at_ns % 3_000_000_000
        return msgspec.structs.replace(
            known,
            mark_price=Known(mid + round(self.premium), exponent, at_ns),
            index_price=Known(mid, exponent, at_ns),
            funding_rate=Known(round(self.funding), 8, at_ns),
            next_funding_ns=at_ns - at_ns % FUNDING_NS + FUNDING_NS,
            long_short_ratio=Known(round(1e4 * math.exp(self.log_ratio)), 4, at_ns),
        )


def random_market(
    seed: int,
    n_frames: int,
    *,
    frames_per_tick: int = FRAMES_PER_TICK,
    interval_ns: int = INTERVAL_NS,
    bookless: float = 0.0,
    one_sided: float = 0.0,
    quiet: float = 0.1,
    derivatives: bool = True,
    price: int = 60_000,
    price_exponent: int = 1,
    qty_exponent: int = 3,
) -> list[Frame]:
    """Frames of one symbol. ``bookless`` and ``one_sided`` are the shares of frames that lack the
    book or one side of it, ``quiet`` the share of intervals in which nothing happens. A longer
    ``interval_ns`` is the same market in slow motion.
    """
    rng = random.Random(seed)
    market = _Market(rng, price)
    told = _Told(random.Random(f"derivatives {seed}"))
    interest = 1_000_000
    frames = []
    for i in range(n_frames):
        open_ns = START_NS + i * interval_ns
        if rng.random() >= quiet:
            if rng.random() < 0.02:
                market.drift = rng.uniform(-0.2, 0.2)
            for at in sorted(rng.randrange(interval_ns) for _ in range(rng.randrange(1, 10))):
                market.event(open_ns + at)
        interest += rng.randrange(-500, 501)
        known = Derivatives(open_interest=Known(interest, 0, open_ns - open_ns % 5_000_000_000))
        if i >= frames_per_tick:  # the other channels speak later
            known = told.next(known, market, open_ns, price_exponent)
        is_tick = i % frames_per_tick == frames_per_tick - 1
        book, bands = _book(market)
        frames.append(
            Frame(
                venue="generated",
                symbol="TEST/USDT:USDT",
                epoch=1,
                seq=i + 1,
                open_ns=open_ns,
                close_ns=open_ns + interval_ns,
                is_tick=is_tick,
                price_exponent=price_exponent,
                qty_exponent=qty_exponent,
                trades=Trades(*_columns(market.now.trades, 7)),
                touch=Touch(*_columns(market.now.touch, 8)),
                book=book,
                bands=bands if is_tick else None,
                liquidations=_liquidations(rng, market, open_ns),
                derivatives=known if derivatives else Derivatives(),
                quality=Quality(book_synced=True),
            )
        )
        market.now = _Interval()
        draw = rng.random()
        if draw < bookless:
            frames[-1] = _change(frames[-1], book=None, bands=None)
        elif draw < bookless + one_sided:
            frames[-1] = _without_side(frames[-1], bids=rng.random() < 0.5)
    return frames


def _book(market: _Market) -> tuple[Book, DepthBands]:
    """Book and bands at the end of the interval."""
    bids = sorted(market.sides[0], reverse=True)
    asks = sorted(market.sides[1])
    book = Book(
        market.update_id,
        None,
        tuple(bids[:LEVELS]),
        tuple(market.sides[0][p] for p in bids[:LEVELS]),
        tuple(asks[:LEVELS]),
        tuple(market.sides[1][p] for p in asks[:LEVELS]),
        *market.now.moved,
    )
    return book, _bands(market, bids, asks)


def _columns(rows: Sequence[Row], width: int) -> tuple[tuple[int, ...], ...]:
    return tuple(zip(*rows, strict=True)) if rows else ((),) * width


def _bands(market: _Market, bids: Sequence[int], asks: Sequence[int]) -> DepthBands:
    twice = bids[0] + asks[0]
    known: tuple[list[int | None], list[int | None]] = ([], [])
    for band in BAND_BPS:
        for side, prices in enumerate((bids, asks)):
            reach = twice * band / 20_000
            inside = [p for p in prices if abs(2 * p - twice) <= 2 * reach]
            complete = len(inside) < len(prices)
            whole = sum(market.sides[side][p] for p in inside)
            known[side].append(whole if complete else None)
    return DepthBands(tuple(known[0]), tuple(known[1]))


def _liquidations(rng: random.Random, market: _Market, at_ns: int) -> Liquidations:
    if rng.random() >= 0.01:
        return Liquidations()
    side = rng.choice((-1, 1))
    return Liquidations((at_ns,), (at_ns,), (side,), (market.best(0),), (market._qty(),))


def _without_side(frame: Frame, *, bids: bool) -> Frame:
    if frame.book is None:
        return frame
    emptied = {"bid_price": (), "bid_qty": ()} if bids else {"ask_price": (), "ask_qty": ()}
    return _change(frame, book=msgspec.structs.replace(frame.book, **emptied), bands=None)


def _change(frame: Frame, **changes: object) -> Frame:
    return msgspec.structs.replace(frame, **changes)


def mirrored(frame: Frame, pivot: int) -> Frame:
    """The frame with prices ``p`` reflected to ``pivot - p`` and its sides swapped."""

    def reflect(prices: Iterable[int]) -> tuple[int, ...]:
        return tuple(pivot - p for p in prices)

    def swap(sides: Iterable[int]) -> tuple[int, ...]:
        return tuple(-s for s in sides)

    trades, touch, book = frame.trades, frame.touch, frame.book
    forced, bands = frame.liquidations, frame.bands
    return _change(
        frame,
        trades=msgspec.structs.replace(trades, price=reflect(trades.price), side=swap(trades.side)),
        touch=msgspec.structs.replace(
            touch,
            bid_price=reflect(touch.ask_price),
            bid_qty=touch.ask_qty,
            ask_price=reflect(touch.bid_price),
            ask_qty=touch.bid_qty,
        ),
        book=None
        if book is None
        else msgspec.structs.replace(
            book,
            bid_price=reflect(book.ask_price),
            bid_qty=book.ask_qty,
            ask_price=reflect(book.bid_price),
            ask_qty=book.bid_qty,
            bid_added=book.ask_added,
            bid_removed=book.ask_removed,
            ask_added=book.bid_added,
            ask_removed=book.bid_removed,
        ),
        bands=None if bands is None else DepthBands(bands.ask_qty, bands.bid_qty),
        liquidations=msgspec.structs.replace(
            forced, price=reflect(forced.price), side=swap(forced.side)
        ),
        derivatives=_mirrored_derivatives(frame, pivot),
    )


def _mirrored_derivatives(frame: Frame, pivot: int) -> Derivatives:
    """Mark and index reflected, funding turned round, the long/short ratio inverted."""
    given = frame.derivatives

    def reflected(known: Known | None) -> Known | None:
        if known is None:
            return None
        step = 10 ** (known.exponent - frame.price_exponent)
        return msgspec.structs.replace(known, mantissa=pivot * step - known.mantissa)

    funding, ratio = given.funding_rate, given.long_short_ratio
    return msgspec.structs.replace(
        given,
        mark_price=reflected(given.mark_price),
        index_price=reflected(given.index_price),
        funding_rate=None
        if funding is None
        else msgspec.structs.replace(funding, mantissa=-funding.mantissa),
        long_short_ratio=None
        if ratio is None
        else Known(round(1e12 / float(ratio)), 12, ratio.known_ns),
    )


def rescaled(frame: Frame, *, price: int = 1, qty: int = 1) -> Frame:
    """The same market in other units: every price and every quantity times a whole number."""
    return _scaled(frame, price, qty)


def refined(frame: Frame, *, price: int = 0, qty: int = 0) -> Frame:
    """The same values under finer exponents."""
    return _change(
        _scaled(frame, 10**price, 10**qty, values=False),
        price_exponent=frame.price_exponent + price,
        qty_exponent=frame.qty_exponent + qty,
    )


def _scaled(frame: Frame, price: int, qty: int, *, values: bool = True) -> Frame:
    """Every mantissa times a factor; with ``values`` what carries its own exponent follows."""

    def times(part: msgspec.Struct | None, factors: dict[str, int]) -> msgspec.Struct | None:
        if part is None:
            return None
        changes = {}
        for name, factor in factors.items():
            old = getattr(part, name)
            many = isinstance(old, tuple)
            changes[name] = _multiplied(old, factor) if many else old * factor
        return msgspec.structs.replace(part, **changes)

    both_sides = {"bid_price": price, "ask_price": price, "bid_qty": qty, "ask_qty": qty}
    moved = dict.fromkeys(("bid_added", "bid_removed", "ask_added", "ask_removed"), qty)
    known = frame.derivatives
    follows = {"mark_price": price, "index_price": price, "open_interest": qty} if values else {}
    return _change(
        frame,
        trades=times(frame.trades, {"price": price, "qty": qty}),
        touch=times(frame.touch, both_sides),
        book=times(frame.book, {**both_sides, **moved}),
        bands=times(frame.bands, {"bid_qty": qty, "ask_qty": qty}),
        liquidations=times(frame.liquidations, {"price": price, "qty": qty}),
        derivatives=msgspec.structs.replace(
            known,
            **{
                name: times(getattr(known, name), {"mantissa": factor})
                for name, factor in follows.items()
            },
        ),
    )


def _multiplied(values: Iterable[int | None], factor: int) -> tuple[int | None, ...]:
    return tuple(None if value is None else value * factor for value in values)


def pushed(frame: Frame, push: Push, factor: int) -> Frame:
    """The frame with one of its sides stronger; the rest of it stays as it was."""
    match push:
        case Push.BID_DEPTH | Push.ASK_DEPTH:
            name = "bid_qty" if push is Push.BID_DEPTH else "ask_qty"
            changes = {}
            for part in ("book", "bands"):
                old = getattr(frame, part)
                if old is not None:
                    more = _multiplied(getattr(old, name), factor)
                    changes[part] = msgspec.structs.replace(old, **{name: more})
            return _change(frame, **changes)
        case Push.BUYING | Push.SELLING:
            side = 1 if push is Push.BUYING else -1
            tape = frame.trades
            qty = tuple(
                q * factor if s == side else q for q, s in zip(tape.qty, tape.side, strict=True)
            )
            return _change(frame, trades=msgspec.structs.replace(tape, qty=qty))


@dataclass(frozen=True)
class MarketPlan:
    """What a generated market is made from: small to print, unlike its frames."""

    seed: int
    n_frames: int
    frames_per_tick: int
    holes: float
    quiet: float
    derivatives: bool
    interval_ns: int = INTERVAL_NS

    def frames(self) -> list[Frame]:
        """The market's frames."""
        return random_market(
            self.seed,
            self.n_frames,
            frames_per_tick=self.frames_per_tick,
            interval_ns=self.interval_ns,
            bookless=self.holes,
            one_sided=self.holes,
            quiet=self.quiet,
            derivatives=self.derivatives,
        )


def markets(n_frames: int = 900) -> st.SearchStrategy[MarketPlan]:
    """Generated markets, some of them with holes in the book and quiet stretches."""
    return st.builds(
        MarketPlan,
        seed=st.integers(0, 2**32),
        n_frames=st.just(n_frames),
        frames_per_tick=st.sampled_from((1, 5, 10)),
        holes=st.sampled_from((0.0, 0.05)),
        quiet=st.sampled_from((0.0, 0.2, 0.8)),
        derivatives=st.booleans(),
    )


_QTY = st.integers(1, 10**15)


@st.composite
def wild_frames(draw: st.DrawFn, max_frames: int = 30) -> list[Frame]:
    """Frames that are only just valid: sides, trades and quotes come and go, sizes are extreme."""
    count = draw(st.integers(1, max_frames))
    close_ns = START_NS
    frames = []
    for seq in range(1, count + 1):
        open_ns = close_ns
        close_ns += draw(st.sampled_from((1, INTERVAL_NS, 10 * INTERVAL_NS, 10**13)))
        bid, gap = draw(st.integers(10**3, 10**9)), draw(st.integers(1, 10**3))
        frames.append(
            Frame(
                "generated",
                "TEST/USDT:USDT",
                1,
                seq,
                open_ns,
                close_ns,
                draw(st.booleans()),
                draw(st.sampled_from((0, 2, 8))),
                draw(st.sampled_from((0, 3, 8))),
                trades=draw(_wild_trades(bid, open_ns)),
                touch=draw(_wild_touch(bid, gap, open_ns)),
                book=draw(st.none() | _wild_book(bid, gap, seq)),
                liquidations=draw(_wild_liquidations(bid, open_ns)),
                derivatives=draw(_wild_derivatives(open_ns)),
                quality=Quality(book_synced=draw(st.booleans())),
            )
        )
    return frames


@st.composite
def _wild_trades(draw: st.DrawFn, price: int, at_ns: int) -> Trades:
    rows = draw(
        st.lists(
            st.tuples(
                st.just(at_ns),
                st.just(at_ns),
                st.integers(price - 5, price + 5),
                _QTY,
                st.sampled_from((-1, 1)),
                st.just(0),
                st.sampled_from((0, 0, 1, 2, 4)),
            ),
            max_size=4,
        )
    )
    return Trades(*_columns(rows, 7))


@st.composite
def _wild_liquidations(draw: st.DrawFn, price: int, at_ns: int) -> Liquidations:
    sides = draw(st.lists(st.sampled_from((-1, 1)), max_size=3))
    sizes = tuple(draw(_QTY) for _ in sides)
    stamps = (at_ns,) * len(sides)
    return Liquidations(stamps, stamps, tuple(sides), (price,) * len(sides), sizes)


@st.composite
def _wild_derivatives(draw: st.DrawFn, at_ns: int) -> Derivatives:
    """Values of any sign, stale, repeated and from clocks that run ahead."""
    value = st.none() | st.builds(
        Known,
        st.sampled_from((0, 1, -1)) | st.integers(-(10**15), 10**15),
        st.sampled_from((0, 4, 12)),
        st.sampled_from((at_ns - 10**15, at_ns, at_ns + 1, at_ns + 10**13)),
    )
    return Derivatives(
        mark_price=draw(value),
        index_price=draw(value),
        funding_rate=draw(value),
        next_funding_ns=draw(st.none() | st.integers(at_ns, at_ns + 10**14)),
        open_interest=draw(value),
        long_short_ratio=draw(value),
    )


@st.composite
def _wild_touch(draw: st.DrawFn, bid: int, gap: int, at_ns: int) -> Touch:
    qty = st.integers(0, 10) | st.just(10**15)
    rows = draw(
        st.lists(
            st.tuples(
                st.just(at_ns),
                st.just(at_ns),
                st.just(1),
                st.integers(bid - 3, bid),
                qty,
                st.integers(bid + gap, bid + gap + 3),
                qty,
                st.just(0),
            ),
            max_size=4,
        )
    )
    return Touch(*_columns(rows, 8))


@st.composite
def _wild_book(draw: st.DrawFn, bid: int, gap: int, update_id: int) -> Book:
    bids, asks = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    step = draw(st.integers(1, 100))
    return Book(
        update_id,
        None,
        tuple(bid - i * step for i in range(bids)),
        tuple(draw(_QTY) for _ in range(bids)),
        tuple(bid + gap + i * step for i in range(asks)),
        tuple(draw(_QTY) for _ in range(asks)),
    )
