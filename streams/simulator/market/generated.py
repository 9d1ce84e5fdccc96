"""The generated market: agents in a limit order book, seeded, without an end."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from random import Random

from schemas.frame import NS_PER_S, ContractKind, Side
from streams.events import Event
from streams.simulator.market.accounts import Accounts
from streams.simulator.market.contract import Contract
from streams.simulator.market.floor import TradingFloor
from streams.simulator.market.hawkes import Hawkes
from streams.simulator.market.makers import Maker
from streams.simulator.market.orders import Outcome
from streams.simulator.market.parameters import MarketParameters
from streams.simulator.market.patient import Patient
from streams.simulator.market.positions import Positions
from streams.simulator.market.source import Rules
from streams.simulator.market.takers import Takers
from streams.simulator.market.value import STEP_S, CommonFactor, LatentValue

_BUY_MARKET, _SELL_MARKET, _BUY_LIMIT, _SELL_LIMIT, _BUY_CANCEL, _SELL_CANCEL = range(6)
_SIDE_OF = (Side.BUY, Side.SELL, Side.BUY, Side.SELL, Side.BUY, Side.SELL)
_STEPS_PER_S = 10
_WAKE_BPS = 0.3
"""Makers look at once when the fair price has moved by this since they last did."""


class GeneratedSource:
    """A generated market as a :class:`MarketSource`. docs/simulated-market.md tells the model.

    The same arguments give the same events, byte for byte. Symbols with the same ``seed`` share
    the common factor of their values, wherever they run. ``floor`` is where customers trade: an
    order placed between two events trades in the book as the last event left it, and what it did
    is among the next events. An object gives its events once.
    """

    def __init__(
        self, rules: Rules, *, seed: int, start_ns: int, parameters: MarketParameters | None = None
    ) -> None:
        self.rules = rules
        self._p = p = parameters or MarketParameters()
        self._start_ns = start_ns
        tick, step = float(rules.tick_size), float(rules.qty_step)
        self._tick = tick
        price = p.price / tick
        steps_per_quote = 1.0 / (p.price * step)
        positions = Positions(maintenance=p.positions.maintenance)
        self.floor = TradingFloor(rules, positions, start_ns=start_ns)
        self._quote_per_unit = tick * step

        def rng(purpose: str) -> Random:
            return Random(f"{seed}:{rules.symbol}:{purpose}")

        self._value = LatentValue(
            CommonFactor(seed, p.value),
            rng("value"),
            price=p.price,
            beta=p.beta,
            own_bps=p.own_bps,
            own_reverts_s=p.own_reverts_s,
            lag_steps=p.lag_steps,
        )
        accounts = Accounts(
            rng("accounts"), p.positions, positions, price=price, steps_per_quote=steps_per_quote
        )
        self._takers = Takers(rng("takers"), p.takers, accounts, steps_per_quote=steps_per_quote)
        self._patient = Patient(
            rng("patient"), p.patient, accounts, steps_per_quote=steps_per_quote
        )
        self._makers = [
            Maker(
                f"agent:maker:{i}",
                rng(f"maker {i}"),
                p.makers,
                steps_per_quote=steps_per_quote,
            )
            for i in range(p.makers.makers)
        ]
        self._hawkes = Hawkes(rng("arrivals"), [0.0] * 6, p.kernels)
        self._wakes: list[tuple[float, int]] = []
        self._next_wake = [math.inf] * len(self._makers)
        self._steps = 0
        self._pressure = 0.0
        self._expected_side = 0.0
        self._slow_log = self._value.log_value
        self._fair = self._woken_at = price
        self._best: tuple[int | None, int | None] = (None, None)
        self._contract = (
            None if rules.kind is ContractKind.SPOT else Contract(self.floor, accounts, p.positions)
        )

    def events(self) -> Iterator[tuple[int, Event]]:
        """Venue time and event, in time order."""
        self._open()
        yield from self.floor.told()
        while True:
            yield from self._step()

    def _open(self) -> None:
        """Fill the book, as if the market had traded before."""
        for i, maker in enumerate(self._makers):
            maker.quote(self.floor, self._fair)
            self._schedule(i, maker.period_s())
        for side in (Side.BUY, Side.SELL):
            while self._patient.share_resting(side) < 1.0:
                self._patient.act(self.floor, side)
        self.floor.tell_snapshot()

    def _step(self) -> Iterator[tuple[int, Event]]:
        """One step of the value, and all that happens until the next."""
        end_s = (self._steps + 1) * STEP_S
        self._look()
        if self._contract is not None:
            for side, outcome in self._contract.liquidate():
                self._taken(side, outcome)
                self._hawkes.excite(_BUY_MARKET if side is Side.BUY else _SELL_MARKET)
            if self._steps % _STEPS_PER_S == 0:
                self._contract.tell(index=math.exp(self._value.log_value))
        while True:
            wake_s = self._wakes[0][0] if self._wakes else math.inf
            until_s = min(wake_s, end_s)
            arrival = self._hawkes.next_before(until_s)
            if arrival is not None:
                self._arrive(*arrival)
            elif wake_s < end_s:
                self._wake()
            else:
                break
            yield from self.floor.told()
        self._steps += 1
        self._go_to(end_s)
        self.floor.tell_diff()
        yield from self.floor.told()

    def _go_to(self, now_s: float) -> None:
        self.floor.now_ns = self._start_ns + round(now_s * NS_PER_S)

    def _mid(self) -> float:
        bid, ask = self.floor.book.best_bid(), self.floor.book.best_ask()
        return self._fair if bid is None or ask is None else (bid + ask) / 2.0

    def _look(self) -> None:
        """What has become of the value, and what all make of it."""
        p, value = self._p, self._value
        value.step()
        self._slow_log += (value.log_value - self._slow_log) * STEP_S / 3600.0
        self._pressure *= math.exp(-STEP_S / p.impact.fades_s)
        most = p.positions.most_basis_bps
        trend_bps = (value.log_value - self._slow_log) * 1e4
        basis = min(max(p.positions.trend_basis * trend_bps, -most), most)
        premium = self._pressure + (basis if self._contract is not None else 0.0)
        self._fair = math.exp(value.log_value + premium * 1e-4) / self._tick
        sigma = p.value.common_bps * p.beta * value.volatility
        self._takers.look(
            mid=self._mid(), fair=self._fair, activity=value.activity, sigma_bps=sigma
        )
        if abs(self._fair / self._woken_at - 1.0) > _WAKE_BPS * 1e-4:
            self._wake_all()
        self._patient.retreat(self.floor, self._fair)
        if self._steps % _STEPS_PER_S == 0:
            self._patient.forget_traded(self.floor)
        base, pace = self._hawkes.base, math.sqrt(value.activity)
        for i, side in enumerate((Side.BUY, Side.SELL)):
            base[_BUY_MARKET + i] = self._takers.rate(side)
            base[_BUY_LIMIT + i] = p.patient.per_s * pace
            base[_BUY_CANCEL + i] = p.patient.per_s * pace * self._patient.share_resting(side)

    def _arrive(self, now_s: float, kind: int) -> None:
        self._go_to(now_s)
        side = _SIDE_OF[kind]
        if kind <= _SELL_MARKET:
            excited = self._hawkes.excited(kind)
            self._taken(side, self._takers.act(self.floor, side, excited=excited))
        elif kind <= _SELL_LIMIT:
            self._patient.act(self.floor, side)
        else:
            self._patient.cancel(self.floor, side)
        best = self.floor.book.best_bid(), self.floor.book.best_ask()
        if best != self._best:
            self._best = best
            self._wake_all()

    def _taken(self, side: Side, outcome: Outcome) -> None:
        """Others learn from a market order: some of its impact stays, the rest fades.

        What they expected moves little: the impact is of the surprise (Madhavan, Richardson and
        Roomans 1997), so that flow can be foretold for a while and returns can not.
        """
        if not outcome.fills:
            return
        p = self._p.impact
        traded = math.fsum(fill.price * fill.qty for fill in outcome.fills) * self._quote_per_unit
        surprise = side - self._expected_side
        self._expected_side += surprise * p.learning
        impact = surprise * p.bps * math.sqrt(traded / p.quote)
        self._pressure += impact * (1.0 - p.stays)
        self._value.learn(impact * p.stays)

    def _schedule(self, maker: int, at_s: float) -> None:
        if at_s < self._next_wake[maker]:
            self._next_wake[maker] = at_s
            heapq.heappush(self._wakes, (at_s, maker))

    def _wake_all(self) -> None:
        """All makers look, each after its own delay."""
        self._woken_at = self._fair
        now_s = (self.floor.now_ns - self._start_ns) / NS_PER_S
        for i, maker in enumerate(self._makers):
            self._schedule(i, now_s + maker.delay_s())

    def _wake(self) -> None:
        """The next maker looks."""
        now_s, i = heapq.heappop(self._wakes)
        if now_s != self._next_wake[i]:
            return  # it has looked since
        maker = self._makers[i]
        self._next_wake[i] = math.inf
        self._go_to(now_s)
        maker.quote(self.floor, self._fair)
        self._best = self.floor.book.best_bid(), self.floor.book.best_ask()
        self._schedule(i, now_s + maker.period_s())
