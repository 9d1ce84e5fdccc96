"""Small messages for tests: a frame with a book, scores of dimensions, signals."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from schemas.frame import NS_PER_MS, NS_PER_S, Book, Frame, Quality, Side
from schemas.order import Fill
from schemas.score import NEUTRAL, ComponentReading, DimensionScore
from schemas.signal import Signal, SignalKind

VENUE = "binanceusdm"
SYMBOL = "BTC/USDT:USDT"


def frame_at(
    close_ns: int,
    *,
    bids: tuple[tuple[int, int], ...] = ((9_999, 500_000), (9_998, 800_000)),
    asks: tuple[tuple[int, int], ...] = ((10_001, 500_000), (10_002, 800_000)),
    seq: int = 1,
    symbol: str = SYMBOL,
    venue: str = VENUE,
    is_tick: bool = True,
) -> Frame:
    """A frame with a two-sided book; prices have 2 decimals, quantities 3."""
    return Frame(
        venue=venue,
        symbol=symbol,
        epoch=1,
        seq=seq,
        open_ns=close_ns - 100 * NS_PER_MS,
        close_ns=close_ns,
        is_tick=is_tick,
        price_exponent=2,
        qty_exponent=3,
        book=Book(
            update_id=seq,
            exchange_ns=None,
            bid_price=tuple(price for price, _ in bids),
            bid_qty=tuple(qty for _, qty in bids),
            ask_price=tuple(price for price, _ in asks),
            ask_qty=tuple(qty for _, qty in asks),
        ),
        quality=Quality(book_synced=True),
    )


def score_of(
    dimension: str,
    score: float | None,
    *,
    tick_s: int = 1,
    fitness: float = 1.0,
    coverage: float = 1.0,
    price: float | None = 100.0,
    defects: tuple[tuple[str, float], ...] = (),
) -> DimensionScore:
    """One dimension's score at second ``tick_s``."""
    return DimensionScore(
        venue=VENUE,
        symbol=SYMBOL,
        dimension=dimension,
        tick_ns=tick_s * NS_PER_S,
        epoch=1,
        seq=tick_s,
        score=score,
        coverage=coverage if score is not None else 0.0,
        fitness=fitness,
        price=price,
        defects=defects,
    )


def component_of(
    name: str,
    score: float,
    *,
    weight: float,
    divergence: float = 0.0,
    raw: tuple[tuple[str, float], ...] = (),
) -> ComponentReading:
    """A component as a dimension gives it: score and bonus together held to the scale."""
    held = min(max(score + divergence, 0.0), 100.0)
    return ComponentReading(name, score, weight, weight * (held - NEUTRAL), divergence, raw)


def dimension_of(
    dimension: str, *components: ComponentReading, tick_s: int = 1, price: float | None = 100.0
) -> DimensionScore:
    """A dimension's score from its components, whose weights sum to 1."""
    score = NEUTRAL + math.fsum(c.contribution for c in components)
    plain = score_of(dimension, min(max(score, 0.0), 100.0), tick_s=tick_s, price=price)
    return msgspec.structs.replace(plain, components=components)


def signal_of(
    kind: SignalKind,
    *,
    score: float = 70.0,
    price: float = 100.0,
    tick_ns: int = NS_PER_S,
    id_: str = "s1",
) -> Signal:
    """A signal with default thresholds."""
    return Signal(
        id=id_,
        account="paper",
        venue=VENUE,
        symbol=SYMBOL,
        tick_ns=tick_ns,
        epoch=1,
        seq=1,
        kind=kind,
        price=price,
        score=score,
        reliability=1.0,
        confidence=score / 100,
        strength=score / 100,
        risk_fraction=0.01,
        long_threshold=68.0,
        short_threshold=35.0,
        contributions=(),
        config_hash="c",
        reason="test",
    )


def fill_of(side: Side, price: str, qty: str, *, trade_id: str, fee: str = "0") -> Fill:
    """A fill on the default symbol."""
    return Fill(
        trade_id=trade_id,
        client_order_id="o",
        account="paper",
        venue=VENUE,
        symbol=SYMBOL,
        tick_ns=NS_PER_S,
        side=side,
        price=Decimal(price),
        qty=Decimal(qty),
        fee=Decimal(fee),
        fee_currency="USDT",
        maker=False,
    )
