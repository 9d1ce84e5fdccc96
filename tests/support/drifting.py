"""A small market of one symbol without an end, for tests of feeds: quick to make, easy to know."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

from schemas.frame import NS_PER_S, contract_kind
from streams.events import BookDiff, BookSnapshot, DerivativesEvent, Event, TradeEvent
from streams.simulator.market.source import Rules

LEVELS = 300
"""Levels a side: more than frames hold, fewer than a snapshot gives."""


class DriftingMarket:
    """A mid that wanders by ticks of 0.1; a trade or a change of the book every few milliseconds.

    ``trades_per_s`` and ``changes_per_s`` are means; each change is of ``levels`` levels a side.
    """

    def __init__(
        self,
        symbol: str,
        *,
        start_ns: int,
        seed: int = 1,
        trades_per_s: float = 20.0,
        changes_per_s: float = 10.0,
        levels: int = 5,
    ) -> None:
        base, _, rest = symbol.partition("/")
        quote, _, settle = rest.partition(":")
        self.rules = Rules(
            symbol=symbol,
            venue_id=base + quote,
            base=base,
            quote=quote,
            settle=settle,
            tick_size=Decimal("0.1"),
            qty_step=Decimal("0.001"),
            min_notional=Decimal(5),
            kind=contract_kind(symbol),
        )
        self._start_ns = start_ns
        self._seed = seed
        self._step_ns = round(1e9 / (trades_per_s + changes_per_s))
        self._trade_share = trades_per_s / (trades_per_s + changes_per_s)
        self._levels = levels

    def events(self) -> Iterator[tuple[int, Event]]:
        """Venue time and event, in time order."""
        chance = random.Random(self._seed)
        name, at_ns, mid = self.rules.venue_id, self._start_ns, 10_000
        book: dict[int, dict[int, int]] = {
            side: {mid + side * i: chance.randint(1, 9_999) for i in range(1, LEVELS + 1)}
            for side in (-1, 1)
        }

        def told(side: int) -> list[tuple[str, str]]:
            best_first = sorted(book[side], key=lambda price: side * price)
            return [(price_text(p), qty_text(book[side][p])) for p in best_first]

        yield at_ns, BookSnapshot(name, at_ns, 1, told(-1), told(1))
        yield at_ns, DerivativesEvent(name, at_ns, open_interest="1000.000")
        trade_id = update_id = 1
        mark_ns = at_ns + NS_PER_S
        while True:
            at_ns += chance.randint(1, 2 * self._step_ns)
            if at_ns >= mark_ns:
                yield mark_ns, DerivativesEvent(name, mark_ns, mark_price=price_text(mid))
                mark_ns += NS_PER_S
            if chance.random() < self._trade_share:
                side = chance.choice((-1, 1))
                trade = TradeEvent(
                    name, at_ns, price_text(mid + side), qty_text(chance.randint(1, 500)), side, 0,
                    trade_id, trade_id, trade_id,
                )  # fmt: skip
                trade_id += 1
                yield at_ns, trade
                continue
            move = chance.choice((-1, 0, 0, 1))
            changed: dict[int, list[tuple[str, str]]] = {-1: [], 1: []}
            # The book makes way before it follows, so it is never crossed.
            for side in (-1, 1):
                gone = [p for p in book[side] if side * (p - mid - move) <= 0]
                changed[side] += [(price_text(p), "0.000") for p in gone]
                for price in gone:
                    del book[side][price]
            mid += move
            for side in (-1, 1):
                for away in chance.sample(range(1, 40), self._levels):
                    price, qty = mid + side * away, chance.randint(1, 9_999)
                    book[side][price] = qty
                    changed[side].append((price_text(price), qty_text(qty)))
            yield (
                at_ns,
                BookDiff(
                    name, at_ns, update_id + 1, update_id + 3, update_id, changed[-1], changed[1]
                ),
            )
            update_id += 3


def price_text(ticks: int) -> str:
    """A price of so many ticks."""
    return f"{ticks // 10}.{ticks % 10}"


def qty_text(steps: int) -> str:
    """A quantity of so many steps."""
    return f"{steps // 1000}.{steps % 1000:03d}"
