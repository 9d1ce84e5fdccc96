"""The portfolio: what the account has earned, how, and what it holds."""

from __future__ import annotations

from decimal import Decimal

from schemas.frame import Message, Part


class Earned(Part, frozen=True):
    """Net profit under one name: a symbol, a dimension, a kind of exit."""

    name: str
    net: Decimal


class HeldShare(Part, frozen=True):
    """One open position at its mark.

    ``weight`` is its share of the gross exposure, ``parity_weight`` the share at which every
    position adds the same risk, ``None`` while returns are few. ``rebalance`` is the suggested
    change of its size in account currency (below 0: make it smaller), 0 where it is not worth it.
    ``liquidation_price`` is the mark at which it would be liquidated while all others stand still;
    ``None`` where no price does it, on spot, and at a real venue.
    """

    key: str
    qty: Decimal
    notional: Decimal
    unrealised: Decimal
    heat: Decimal
    weight: float
    parity_weight: float | None = None
    rebalance: Decimal = Decimal(0)
    liquidation_price: Decimal | None = None


class Correlation(Part, frozen=True):
    """Correlation in [−1, 1] of the returns of two symbols; ``None`` while it is unknown."""

    a: str
    b: str
    value: float | None


class Portfolio(Message, frozen=True):
    """Where an account stands, at most once per interval and at each closed position.

    Money is exact, in account currency: ``equity = start + realised − fees + funding +
    unrealised`` to the last decimal, ``net_pnl`` is all but the start. ``start`` is the balance
    before the first fill.

    Over closed positions, after fees and funding: ``win_rate`` in [0, 1], ``profit_factor`` = sum
    of gains over sum of losses. ``recovery_factor`` = net profit over ``max_drawdown``, the deepest
    fall of the equity between samples. ``sharpe`` and ``sortino`` are of the equity's returns per
    sample, annualised by the square root of samples in 365 days, without a risk-free rate;
    ``beta`` = cov(account, market) / var(market).

    ``information_coefficient`` is the correlation of a signal's strength times reliability with
    what its position returned on its notional, ``return_t`` the t-statistic of the mean return
    ``return_bps``. Whatever has too few samples, or nothing to divide by, is ``None``.

    ``heat`` is what all stops together would lose. ``by_dimension`` shares the net profit of each
    closed position by the contributions of its signal; its sum, and that of ``by_exit``, is the net
    profit of closed positions. ``by_symbol`` adds up to realised − fees + funding.
    ``venue`` and ``symbol`` are those of the frame that completed it.
    """

    account: str
    venue: str
    symbol: str
    tick_ns: int
    currency: str
    start: Decimal
    balance: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    net_pnl: Decimal
    trades: int
    win_rate: float | None
    gains: Decimal
    losses: Decimal
    profit_factor: float | None
    drawdown: Decimal
    max_drawdown: Decimal
    recovery_factor: float | None
    samples: int
    sharpe: float | None
    sortino: float | None
    beta: float | None
    information_coefficient: float | None
    return_bps: float | None
    return_t: float | None
    gross: Decimal
    net: Decimal
    exposure_fraction: float
    heat: Decimal
    heat_fraction: float
    positions: tuple[HeldShare, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    by_symbol: tuple[Earned, ...] = ()
    by_dimension: tuple[Earned, ...] = ()
    by_exit: tuple[Earned, ...] = ()

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return "portfolio"
