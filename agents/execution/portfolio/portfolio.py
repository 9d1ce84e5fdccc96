"""Keeps the portfolio's sums as frames, fills and closed positions come, and tells where it stands.

A sample is taken of the equity at each end of an interval (a minute), with marks as they were
then; an interval in which no frame came is no sample. A frame costs a comparison, a sample
O(symbols + pairs of positions).
"""

from __future__ import annotations

from decimal import Decimal

from agents.execution.account_state import AccountState
from agents.execution.closed_trades import ClosedTrade
from agents.execution.ledger import EXACT, ZERO
from agents.execution.portfolio.attribution import UNATTRIBUTED, add_to, shared
from agents.execution.portfolio.holdings import (
    balanced,
    correlations_of,
    gross,
    positions_of,
)
from agents.execution.thesis import Thesis
from agents.venues.base import Venue
from schemas.frame import Frame
from schemas.money import CONTEXT
from schemas.portfolio import Earned, Portfolio
from schemas.settings import Settings

_YEAR_S = 365 * 86_400
_BPS = 10_000.0


class PortfolioKeeper:
    """Statistics of one account; the state is the caller's to keep."""

    def __init__(self, settings: Settings, *, venue: Venue) -> None:
        live = settings.live
        self._account = settings.account.id
        self._currency = live.currency if live.enabled else settings.paper.currency
        self._venue = venue
        self._chosen = settings.portfolio
        self._risk = settings.risk
        self._per_year = _YEAR_S / settings.portfolio.sample_s

    def sample(self, state: AccountState, frame: Frame) -> None:
        """Time passes: at an end of an interval the equity and the marks before this frame count.

        Call it before the frame changes anything.
        """
        now = state.portfolio
        if frame.close_ns <= now.boundary_ns:
            return
        first, step_ns = now.boundary_ns < 0, self._chosen.sample_ns
        now.boundary_ns = -(-frame.close_ns // step_ns) * step_ns
        if first or not state.marks:
            return
        equity = state.equity()
        if now.equity is not None and now.equity > 0:
            earned = float(CONTEXT.divide(CONTEXT.subtract(equity, now.equity), now.equity))
            now.returns.push(earned)
            market = self._market_return(state)
            if market is not None:
                now.market.push(market, earned)
        now.equity, now.marks = equity, dict(state.marks)
        now.see(equity)
        now.due = True

    def closed(self, state: AccountState, trade: ClosedTrade, thesis: Thesis | None) -> None:
        """Take a closed position and what it was opened on."""
        now = state.portfolio
        now.trades += 1
        if trade.profit > 0:
            now.wins += 1
            now.gains = EXACT.add(now.gains, trade.profit)
        else:
            now.losses = EXACT.subtract(now.losses, trade.profit)
        add_to(now.by_exit, trade.exit.value, trade.profit)
        parts = {UNATTRIBUTED: trade.profit}
        if thesis is not None:
            parts = shared(trade.profit, thesis.signal.contributions)
        for name, part in parts.items():
            add_to(now.by_dimension, name, part)
        if trade.notional:
            earned = float(CONTEXT.divide(trade.profit, trade.notional))
            now.trade_returns.push(earned)
            if thesis is not None:
                signal = thesis.signal
                now.quality.push(signal.strength * signal.reliability, earned)
        now.due = True

    def told(self, state: AccountState, frame: Frame) -> list[Portfolio]:
        """The record that is due: nothing while the account has not traded, or nothing changed."""
        now = state.portfolio
        if not now.due:
            return []
        now.due = False
        equity = state.equity()
        if not state.ledger.holdings or (equity == now.told and not state.ledger.open_count()):
            return []
        now.told = equity
        return [self.report(state, frame, equity)]

    def report(self, state: AccountState, frame: Frame, equity: Decimal) -> Portfolio:
        """Where the account stands."""
        now, chosen, ledger = state.portfolio, self._chosen, state.ledger
        window, at_least = self._risk.correlation_samples, self._risk.samples_at_least
        held = positions_of(state, self._venue)
        held = balanced(
            state, held, window=window, at_least=at_least, band=chosen.rebalance_fraction
        )
        realised, fees, funding = ZERO, ZERO, ZERO
        by_symbol = []
        for key in sorted(ledger.holdings):
            one = ledger.holdings[key]
            realised = EXACT.add(realised, one.realised_pnl)
            fees, funding = EXACT.add(fees, one.fees), EXACT.add(funding, one.funding)
            net = EXACT.add(EXACT.subtract(one.realised_pnl, one.fees), one.funding)
            by_symbol.append(Earned(key, net))
        unrealised = EXACT.subtract(equity, ledger.balance)
        settled = EXACT.add(EXACT.subtract(realised, fees), funding)
        net_pnl = EXACT.add(settled, unrealised)
        total, fallen = gross(held), now.see(equity)
        net, heat = ZERO, ZERO
        for position in held:
            net, heat = CONTEXT.add(net, position.notional), CONTEXT.add(heat, position.heat)
        enough = now.returns.count >= chosen.samples_at_least
        judged = now.trades >= chosen.trades_at_least
        return Portfolio(
            account=self._account,
            venue=frame.venue,
            symbol=frame.symbol,
            tick_ns=frame.close_ns,
            currency=self._currency,
            start=EXACT.subtract(ledger.balance, settled),
            balance=ledger.balance,
            equity=equity,
            realised=realised,
            unrealised=unrealised,
            fees=fees,
            funding=funding,
            net_pnl=net_pnl,
            trades=now.trades,
            win_rate=now.wins / now.trades if now.trades else None,
            gains=now.gains,
            losses=now.losses,
            profit_factor=_ratio(now.gains, now.losses),
            drawdown=fallen,
            max_drawdown=now.max_drawdown,
            recovery_factor=_ratio(net_pnl, now.max_drawdown),
            samples=now.returns.count,
            sharpe=now.returns.sharpe(self._per_year) if enough else None,
            sortino=now.returns.sortino(self._per_year) if enough else None,
            beta=now.market.slope() if now.market.count >= chosen.samples_at_least else None,
            information_coefficient=now.quality.correlation() if judged else None,
            return_bps=now.trade_returns.mean * _BPS if judged else None,
            return_t=now.trade_returns.t_statistic() if judged else None,
            gross=total,
            net=net,
            exposure_fraction=_ratio(total, equity) or 0.0,
            heat=heat,
            heat_fraction=_ratio(heat, equity) or 0.0,
            positions=tuple(held),
            correlations=correlations_of(
                state, [p.key for p in held], window=window, at_least=at_least
            ),
            by_symbol=tuple(by_symbol),
            by_dimension=_named(now.by_dimension),
            by_exit=_named(now.by_exit),
        )

    def _market_return(self, state: AccountState) -> float | None:
        """The benchmark's return since the last sample; of all symbols, their mean."""
        before, after = state.portfolio.marks, state.marks
        named = [self._chosen.benchmark] if self._chosen.benchmark else sorted(after)
        moves, known = 0.0, 0
        for key in named:
            if key in before and key in after:
                moves += float(CONTEXT.divide(after[key], before[key])) - 1.0
                known += 1
        return moves / known if known else None


def _ratio(part: Decimal, whole: Decimal) -> float | None:
    return float(CONTEXT.divide(part, whole)) if whole > 0 else None


def _named(totals: dict[str, Decimal]) -> tuple[Earned, ...]:
    return tuple(Earned(name, totals[name]) for name in sorted(totals))
