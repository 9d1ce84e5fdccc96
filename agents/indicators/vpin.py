"""Volume-synchronised probability of informed trading."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.quotes import NOT_NOW
from agents.indicators.rate import EventRate
from schemas.frame import Frame


@dataclass
class Vpin:
    """Mean absolute order imbalance of the last ``window`` buckets of volume.

    ``VPIN = sum |buy_i - sell_i| / sum volume_i``, range [0, 1], unit none. A bucket holds what the
    symbol trades in ``bucket_s`` seconds at its own recent rate, fixed when the bucket
    opens (the next of one trade are alike); a
    trade that crosses the edge is split there. Buys and sells are the tape's aggressors, not a bulk
    classification. Warm-up: the rate's, then ``ready`` full buckets. Cost per update:
    O(1), O(trades) in a frame that fills a bucket.
    Source: Easley, Lopez de Prado, O'Hara, "Flow toxicity and liquidity in a high-frequency world"
    (2012).

    >>> from schemas.frame import Trades
    >>> tape = Trades(price=(1, 1), qty=(3, 2), side=(1, -1), flags=(0, 0))
    >>> vpin = Vpin(ready=1, size=4.0)
    >>> vpin.update(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, tape), bought=3.0, sold=2.0)
    >>> vpin.value
    0.5
    """

    bucket_s: float = 10.0
    window: int = 30
    ready: int = 8
    rate: EventRate = field(default_factory=EventRate)
    size: float | None = None
    fresh: float = 0.0
    bought: float = 0.0
    sold: float = 0.0
    imbalances: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    value: float | None = None
    """VPIN, ``None`` while warming up."""

    def update(self, frame: Frame, *, bought: float, sold: float) -> None:
        """Take in one frame, whose aggressors traded so much."""
        self.fresh += bought + sold
        if frame.is_tick:
            self.rate.update(self.fresh, frame.close_ns)
            self.fresh = 0.0
        trades = frame.trades
        if self.size is None:
            self.size = self._next_size()
        elif self.bought + self.sold + bought + sold < self.size:
            # Within one bucket the order of trades makes no difference.
            self.bought += bought
            self.sold += sold
        else:
            scale = 10**frame.qty_exponent
            for qty, side, flag in zip(trades.qty, trades.side, trades.flags, strict=True):
                if not flag & NOT_NOW:
                    self._take(qty / scale, side)

    @property
    def direction(self) -> float | None:
        """Signed imbalance of the same buckets, the newest counting most; [-1, 1], + is buying.

        ``sum 0.8 ** age * (buy - sell) / sum 0.8 ** age * volume``, the open bucket included.
        """
        if len(self.volumes) < self.ready:
            return None
        signed, volume, weight = self.bought - self.sold, self.bought + self.sold, 1.0
        for imbalance, size in zip(reversed(self.imbalances), reversed(self.volumes), strict=True):
            weight *= 0.8
            signed += weight * imbalance
            volume += weight * size
        return signed / volume

    def _next_size(self) -> float | None:
        rate = self.rate.value
        return rate * self.bucket_s if rate is not None and rate > 0.0 else self.size

    def _take(self, volume: float, side: int) -> None:
        size = self.size
        if size is None:
            return
        room = size - self.bought - self.sold
        if volume >= room:
            volume -= room
            self._fill(room, side)
            self._close()
            following = self._next_size()
            if following is not None:
                self.size = size = following
            # A trade that fills more buckets than the window holds leaves only the last of them.
            for _ in range(min(int(volume / size), self.window)):
                self._fill(size, side)
                self._close()
            volume = math.fmod(volume, size)
        self._fill(volume, side)

    def _fill(self, volume: float, side: int) -> None:
        if side > 0:
            self.bought += volume
        else:
            self.sold += volume

    def _close(self) -> None:
        self.imbalances.append(self.bought - self.sold)
        self.volumes.append(self.bought + self.sold)
        if len(self.volumes) > self.window:
            del self.imbalances[0], self.volumes[0]
        if len(self.volumes) >= self.ready:
            self.value = math.fsum(map(abs, self.imbalances)) / math.fsum(self.volumes)
        self.bought = self.sold = 0.0
