"""What the risk engine remembers: equity at its best and at midnight, returns, orders, trades."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.closed_trades import KEPT, ClosedTrade
from agents.execution.rules.drawdown import fallen
from agents.execution.statistics import drawdown
from schemas.execution_settings import RiskSettings
from schemas.frame import NS_PER_S

ZERO = Decimal(0)
_DAY_NS = 86_400 * NS_PER_S
_MINUTE_NS = 60 * NS_PER_S


class RiskState(msgspec.Struct):
    """Bounded by symbols × samples. ``halted`` is the breach that stopped the account for good,
    ``breached`` names the rules that the account itself broke when it was last looked at.

    ``mids`` are the last mids by symbol, ``mid_ns`` their times; ``sampled`` the mids at the last
    boundary of the grid, ``returns`` those between boundaries.
    """

    peak: Decimal
    day_equity: Decimal
    day: int = -1
    halted: str = ""
    breached: tuple[str, ...] = ()
    boundary_ns: int = -1
    mids: dict[str, float] = msgspec.field(default_factory=dict)
    mid_ns: dict[str, int] = msgspec.field(default_factory=dict)
    sampled: dict[str, float | None] = msgspec.field(default_factory=dict)
    returns: dict[str, list[float | None]] = msgspec.field(default_factory=dict)
    placed_ns: list[int] = msgspec.field(default_factory=list)
    trades: list[ClosedTrade] = msgspec.field(default_factory=list)

    def is_new_day(self, now_ns: int) -> bool:
        """Whether no equity of this day (UTC) is known."""
        return now_ns // _DAY_NS > self.day

    def observe(self, equity: Decimal, now_ns: int, limits: RiskSettings) -> str | None:
        """Take the equity; the breach if it has just fallen so far that the account halts."""
        if self.is_new_day(now_ns):
            self.day, self.day_equity = now_ns // _DAY_NS, equity
        self.peak = max(self.peak, equity)
        if self.halted:
            return None
        self.halted = fallen(drawdown(equity, self.peak), limits) or ""
        return self.halted or None

    def resume(self, equity: Decimal) -> None:
        """A person lets the account trade again: the fall counts from here."""
        self.halted, self.peak = "", equity

    def heard(self, key: str, mid: Decimal, now_ns: int) -> None:
        """Take a mid."""
        self.mids[key] = float(mid)
        self.mid_ns[key] = now_ns

    def pass_time(self, now_ns: int, limits: RiskSettings) -> bool:
        """Sample every symbol at each boundary of the grid before ``now_ns``; if there was one."""
        step_ns = limits.sample_ns
        if self.boundary_ns < 0:
            self.boundary_ns = -(-now_ns // step_ns) * step_ns
        passed = -(-(now_ns - self.boundary_ns) // step_ns)
        if passed <= 0:
            return False
        last_ns = self.boundary_ns + (passed - 1) * step_ns
        kept = min(passed, limits.samples + 1)
        for back in range(kept - 1, -1, -1):
            self._sample(last_ns - back * step_ns, limits)
        self.boundary_ns = last_ns + step_ns
        return True

    def placed(self, now_ns: int, limits: RiskSettings) -> None:
        """Note that an order was placed."""
        self.placed_ns.append(now_ns)
        del self.placed_ns[: -limits.max_orders_per_minute - 1]

    def recent_orders(self, now_ns: int) -> int:
        """Orders placed within the last 60 s."""
        return len([at for at in self.placed_ns if at > now_ns - _MINUTE_NS])

    def closed(self, trade: ClosedTrade) -> None:
        """Note a closed position."""
        self.trades.append(trade)
        del self.trades[:-KEPT]

    def _sample(self, boundary_ns: int, limits: RiskSettings) -> None:
        for key, mid in self.mids.items():
            before = self.sampled.get(key)
            known = self.mid_ns[key] > boundary_ns - limits.sample_ns
            now = mid if known else None
            series = self.returns.setdefault(key, [])
            series.append(None if before is None or now is None else now / before - 1.0)
            del series[: -limits.samples]
            self.sampled[key] = now
