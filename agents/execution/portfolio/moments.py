"""Running moments, in constant memory: means, variances and covariances of what came so far."""

from __future__ import annotations

import math

import msgspec


class Moments(msgspec.Struct, array_like=True):
    """Mean and spread of a series, one value at a time. Cost: O(1).

    Source: Welford (1962). ``below`` sums the squares of values below 0.

    >>> m = Moments()
    >>> for value in (1.0, 2.0, 6.0): m.push(value)
    >>> m.mean, m.variance
    (3.0, 7.0)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    below: float = 0.0

    def push(self, value: float) -> None:
        """Take a value."""
        self.count += 1
        away = value - self.mean
        self.mean += away / self.count
        self.squares += away * (value - self.mean)
        if value < 0.0:
            self.below += value * value

    @property
    def variance(self) -> float | None:
        """Sample variance (n − 1); ``None`` below two values."""
        return self.squares / (self.count - 1) if self.count > 1 else None

    def sharpe(self, per_year: float) -> float | None:
        """``mean / deviation · √per_year``; ``None`` where nothing varies. Source: Sharpe (1994).

        The risk-free rate is left out: over a minute it is nothing.
        """
        variance = self.variance
        if not variance:
            return None
        return self.mean / math.sqrt(variance) * math.sqrt(per_year)

    def sortino(self, per_year: float) -> float | None:
        """``mean / √(Σ min(r, 0)² / n) · √per_year``; ``None`` without a loss.

        Source: Sortino and Price (1994), with a target of 0.
        """
        if not self.below:
            return None
        return self.mean / math.sqrt(self.below / self.count) * math.sqrt(per_year)

    def t_statistic(self) -> float | None:
        """``mean / (deviation / √n)``: how far the mean is from 0, in standard errors."""
        variance = self.variance
        return self.mean / math.sqrt(variance / self.count) if variance else None


class CoMoments(msgspec.Struct, array_like=True):
    """Covariance of two series, one pair at a time. Cost: O(1).

    >>> c = CoMoments()
    >>> for pair in ((1.0, 2.0), (2.0, 4.0), (3.0, 9.0)): c.push(*pair)
    >>> c.slope()
    3.5
    """

    count: int = 0
    mean_x: float = 0.0
    mean_y: float = 0.0
    squares_x: float = 0.0
    squares_y: float = 0.0
    products: float = 0.0

    def push(self, x: float, y: float) -> None:
        """Take a pair."""
        self.count += 1
        away_x, away_y = x - self.mean_x, y - self.mean_y
        self.mean_x += away_x / self.count
        self.mean_y += away_y / self.count
        self.squares_x += away_x * (x - self.mean_x)
        self.squares_y += away_y * (y - self.mean_y)
        self.products += away_x * (y - self.mean_y)

    def slope(self) -> float | None:
        """``cov(x, y) / var(x)``: beta of y to x; ``None`` where x stands still."""
        return self.products / self.squares_x if self.squares_x else None

    def correlation(self) -> float | None:
        """Pearson's, in [−1, 1]; ``None`` where either stands still."""
        both = self.squares_x * self.squares_y
        return max(-1.0, min(1.0, self.products / math.sqrt(both))) if both else None
