"""Which bars of a stream are due: the one that grows, whenever it did, and each once it is over."""

from __future__ import annotations

from streams.simulator.exchange.bars import Bar
from streams.simulator.exchange.listing import Listing


class BarFeed:
    """Remembers by topic what was sent; memory: one entry per topic that was ever listened to."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[int, float]] = {}

    def due(self, topic: str, listing: Listing, timeframe_ns: int) -> list[tuple[Bar, bool]]:
        """Bars to send now, each with whether it is over."""
        bar = listing.last_bar(timeframe_ns)
        open_ns, trades = self._sent.get(topic, (bar.open_ns, -1.0))
        self._sent[topic] = (bar.open_ns, bar.trades)
        due: list[tuple[Bar, bool]] = []
        if open_ns != bar.open_ns:
            ended = listing.bars.bars(timeframe_ns, first_ns=open_ns, last_ns=open_ns)
            due += [(before, True) for before in ended]
            trades = 0.0
        if bar.trades != trades:
            due.append((bar, False))
        return due
