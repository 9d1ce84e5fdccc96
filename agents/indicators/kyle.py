"""Price impact of signed volume."""

from __future__ import annotations

from dataclasses import dataclass

from agents.indicators.decay import fade
from agents.indicators.fitness import MAX_SILENCE_NS
from agents.indicators.quotes import rescaled, twice_mid
from schemas.frame import NS_PER_S, Frame


@dataclass
class KyleLambda:
    """Kyle's lambda: slope of the mid's change on signed volume, over samples of ``sample_s``.

    ``lambda = (Sxy - Sx Sy / W) / (Sxx - Sx Sx / W)`` with exponentially weighted sums, ``x`` the
    aggressors' buys minus sells and ``y`` the mid's change of a sample; one with an outage in it
    (no frames for more than 10 s) is none, nor is one without both quotes. Unit: price per
    quantity; range: real, positive where flow moves the price its way. Warm-up: ``ready`` samples
    with trades. Cost per update: O(1). Source: Kyle, "Continuous auctions and insider trading"
    (1985).

    >>> kyle = KyleLambda(ready=2)
    >>> for second, (volume, change) in enumerate(((0, 0), (2, 1), (-4, -2), (6, 3))):
    ...     kyle.sample(float(volume), float(change), second * 1_000_000_000)
    >>> kyle.value
    0.5
    """

    half_life_s: float = 120.0
    sample_s: float = 1.0
    ready: int = 20
    weight: float = 0.0
    sum_x: float = 0.0
    sum_y: float = 0.0
    sum_xx: float = 0.0
    sum_xy: float = 0.0
    size_xy: float = 0.0
    count: int = 0
    sampled_ns: int | None = None
    opened_ns: int | None = None
    twice: int = 0
    """Twice the mid at the sample's start, in mantissas: its changes are exact."""
    price_exponent: int = 0
    signed: float = 0.0
    gross: float = 0.0

    def update(self, frame: Frame, *, delta: float) -> None:
        """Take in one frame, whose aggressors bought ``delta`` more than they sold."""
        self.signed += delta
        self.gross += abs(delta)
        if self.opened_ns is None or frame.close_ns - self.opened_ns >= self.sample_s * NS_PER_S:
            self._roll(frame)

    @property
    def value(self) -> float | None:
        """Lambda, ``None`` while warming up or while the volume does not vary."""
        if self.count < self.ready or self.weight <= 0.0:
            return None
        spread = self.sum_xx - self.sum_x * self.sum_x / self.weight
        if spread <= 1e-12 * self.sum_xx:
            return None
        means = self.sum_x * self.sum_y / self.weight
        covariance = self.sum_xy - means
        if abs(covariance) <= 1e-12 * (self.size_xy + abs(means)):
            return 0.0  # what is left of a difference of equals is rounding, and has no unit
        return covariance / spread

    def sample(self, signed: float, change: float, close_ns: int) -> None:
        """Take in one pair of signed volume and mid change."""
        if self.sampled_ns is not None:
            kept = fade(close_ns - self.sampled_ns, self.half_life_s)
            self.weight *= kept
            self.sum_x *= kept
            self.sum_y *= kept
            self.sum_xx *= kept
            self.sum_xy *= kept
            self.size_xy *= kept
        self.sampled_ns = close_ns
        self.weight += 1.0
        self.sum_x += signed
        self.sum_y += change
        self.sum_xx += signed * signed
        self.sum_xy += signed * change
        self.size_xy += abs(signed * change)
        if signed != 0.0:
            self.count += 1

    def _roll(self, frame: Frame) -> None:
        """Close the sample that ends with this frame, and open the next."""
        twice = twice_mid(frame)
        if twice is None:
            self.opened_ns = None  # a change across a hole in the quotes is no answer to the flow
            self.signed = self.gross = 0.0
            return
        exponent = frame.price_exponent
        opened_ns, longest_ns = self.opened_ns, self.sample_s * NS_PER_S + MAX_SILENCE_NS
        if opened_ns is not None and frame.close_ns - opened_ns <= longest_ns:
            change = twice - rescaled(self.twice, self.price_exponent, exponent)
            # What is left of equal buys and sells is rounding; it must not count as flow.
            signed = self.signed if abs(self.signed) > 1e-12 * self.gross else 0.0
            self.sample(signed, change / (2 * 10**exponent), frame.close_ns)
        self.opened_ns, self.signed, self.gross = frame.close_ns, 0.0, 0.0
        self.twice, self.price_exponent = twice, exponent
