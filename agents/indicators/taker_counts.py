"""How many trades were purchases."""

from __future__ import annotations

from dataclasses import dataclass

from agents.indicators.decay import fade
from agents.indicators.quotes import NOT_NOW
from schemas.frame import Frame


@dataclass
class TakerCounts:
    """Balance of the number of buys and sells, ``(b - s) / (b + s)``, decaying in event time.

    Beside the balance of volume it tells many small buyers from one large one. Range: [-1, 1].
    Unit: none. Warm-up: ``ready`` trades. Cost per tick: one exponential.

    >>> counts = TakerCounts(ready=4)
    >>> counts.add(3, 1); counts.tick(0)
    >>> counts.value
    0.5
    """

    half_life_s: float = 2_000.0
    ready: int = 50
    seen: int = 0
    buys: float = 0.0
    sells: float = 0.0
    seen_ns: int | None = None

    def update(self, frame: Frame) -> None:
        """Take in one frame."""
        self.add(*taker_counts(frame))
        if frame.is_tick:
            self.tick(frame.close_ns)

    def add(self, buys: int, sells: int) -> None:
        """Take in trades."""
        self.buys += buys
        self.sells += sells
        if self.seen < self.ready:
            self.seen = min(self.seen + buys + sells, self.ready)

    def tick(self, close_ns: int) -> None:
        """Let time pass; between ticks nothing is forgotten."""
        if self.seen_ns is not None:
            kept = fade(close_ns - self.seen_ns, self.half_life_s)
            self.buys *= kept
            self.sells *= kept
        self.seen_ns = close_ns

    @property
    def value(self) -> float | None:
        """The balance, ``None`` while warming up."""
        whole = self.buys + self.sells
        if self.seen < self.ready:
            return None
        return (self.buys - self.sells) / whole if whole > 0.0 else 0.0


def taker_counts(frame: Frame) -> tuple[int, int]:
    """Number of buys and sells in a frame; what is ``NOT_NOW`` left out.

    >>> from schemas.frame import Trades
    >>> tape = Trades(price=(5, 5, 5), qty=(2, 3, 4), side=(1, 1, -1), flags=(0, 1, 0))
    >>> taker_counts(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, trades=tape))
    (1, 1)
    """
    tape = frame.trades
    side: tuple[int, ...] = tape.side
    if any(tape.flags):
        rows = zip(tape.side, tape.flags, strict=True)
        side = tuple(s for s, flag in rows if not flag & NOT_NOW)
    buys = side.count(1)
    return buys, len(side) - buys
