"""Mark price and funding of a perpetual contract.

Sources: Binance, "Introduction to Binance Futures Funding Rates" and "Mark Price in USDⓈ-Margined
Futures Contracts".
"""

from __future__ import annotations

from statistics import median

from schemas.frame import NS_PER_S

FUNDING_NS = 8 * 3600 * NS_PER_S
INTEREST = 0.0001
"""Of the quote over that of the base, per 8 h."""
DAMPING = 0.0005
"""As far as this from the premium the rate is the interest."""
_BASIS_S = 60.0


class Funding:
    """What the premium of the contract over the index makes of mark price and rate.

    - premium index: ``(max(0, bid - index) - max(0, index - ask)) / index``;
    - average premium since the last funding: samples weighted by their number, 1, 2, 3, …;
    - rate: ``average + clamp(interest - average, ±damping)``, then within ``±cap``;
    - mark: the median of ``index * (1 + rate * share of the interval that is left)``,
      ``index + basis`` (exponential mean of mid − index over a minute) and the last price.

    :meth:`update` is called once per second. Prices are in any unit.
    """

    def __init__(self, now_ns: int, *, cap: float) -> None:
        self.rate = INTEREST
        self.next_ns = (now_ns // FUNDING_NS + 1) * FUNDING_NS
        self.mark: float | None = None
        self._cap = cap
        self._basis = 0.0
        self._samples = 0
        self._weighted = 0.0

    def update(self, now_ns: int, *, index: float, bid: float, ask: float, last: float) -> None:
        """A second has passed."""
        if now_ns >= self.next_ns:
            self.next_ns += FUNDING_NS
            self._samples, self._weighted = 0, 0.0
        premium = (max(0.0, bid - index) - max(0.0, index - ask)) / index
        self._samples += 1
        self._weighted += self._samples * premium
        average = self._weighted / (self._samples * (self._samples + 1) / 2)
        rate = average + min(max(INTEREST - average, -DAMPING), DAMPING)
        self.rate = min(max(rate, -self._cap), self._cap)
        self._basis += ((bid + ask) / 2.0 - index - self._basis) / _BASIS_S
        left = (self.next_ns - now_ns) / FUNDING_NS
        self.mark = median((index * (1.0 + self.rate * left), index + self._basis, last))
