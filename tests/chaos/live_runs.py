"""Randomised trading on the simulated exchange with ccxt as it is: lost replies, refusals, broken
streams, and an account that is killed and started again at random points.

    python -m tests.chaos.live_runs --runs 500 --first 1 --market bybit:BTC/USDT

Each run is named by its seed. After it the faults end and the account comes to rest; then no order
was doubled, none was lost, and orders, trades, positions and what they earned are equal to the
exchange's truth.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog

from agents.execution.account import Account, AccountState
from agents.execution.ledger import Holding
from agents.execution.sequencer import Step
from agents.runtime.live_run import Entry, LiveRun
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.venues import gateway_of
from agents.venues.live_state import LiveState
from cli.drill.truth import held, in_ledger, in_truth
from schemas.frame import NS_PER_MS, ContractKind, Frame, Instrument, contract_kind
from schemas.ledger_store import Lease, LedgerRecord
from schemas.order import Fill, Order, OrderStatus, OrderType
from schemas.settings import Settings
from schemas.signal import Signal, SignalKind
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import (
    Channel,
    Double,
    Drop,
    ExpireSessions,
    Fault,
    Lose,
    LoseReply,
    Manner,
    Refuse,
    Reject,
    Slow,
)
from streams.simulator.exchange.trading.account import IncomeKind
from streams.simulator.exchange.trading.rejections import Reason
from streams.store.ledger import SqlLedger, open_ledger
from tests.support.messages import frame_at, signal_of
from tests.support.simulated import KEY, SmallMarket, rules_of, session_of, told_id
from tests.support.venue_trading import MARKET

STEPS = 60
STEP_S = 0.04
SPEED = 5.0
REST_WITHIN_S = 60.0
END_WITHIN_S = 2 * REST_WITHIN_S
PATHS = ("/fapi/v1/order", "/fapi/v1/algoOrder", "/v5/order", "/fapi", "/v5", "/")
REJECTIONS = (
    Reason.INSUFFICIENT_FUNDS, Reason.DUPLICATE_CLIENT_ID, Reason.BAD_REQUEST, Reason.OVERLOADED,
    Reason.UNKNOWN_STATE, Reason.TIMESTAMP, Reason.TOO_MANY_ORDERS, Reason.REDUCE_ONLY,
)  # fmt: skip


_CLOSED = frozenset({OrderStatus.RECONCILED, OrderStatus.REJECTED})
_RESTING = frozenset({OrderStatus.ACKNOWLEDGED, OrderStatus.PARTIAL})


_BALANCE = Decimal("1e-9")
"""Of the capital: a twenty-thousandth of a dollar."""
_TRADED = frozenset({IncomeKind.REALISED, IncomeKind.FEE})
"""No run lasts until a funding time."""
_ROUNDING = Decimal("1e-9")
"""An average price is no decimal number."""


_STOPS = {
    False: {"tight": "0.02", "wide": "0.05", "target_ratios": ["1", "2", "3"]},
    True: {"tight": "0.002", "wide": "0.004", "target_ratios": ["0.2", "0.5", "1"]},
}
"""By whether it is spot: there the account itself watches targets, so that some must be met."""


class Killed(Exception):
    """The account's process is gone."""


def settings_of(market: str) -> Settings:
    """An account that trades wildly, and waits for nothing longer than it must."""
    venue, _, symbol = market.partition(":")
    return Settings.model_validate(
        {
            "account": {"id": "paper"},
            "live": {
                "enabled": True, "venue": venue, "sandbox": False, "capital": 50_000,
                "reconcile_s": 1.0, "poll_s": 0.5, "timeout_s": 0.5, "not_found_s": 1.0,
                "dead_man_s": 0, "balance_tolerance": _BALANCE, "balance_within_s": 5.0,
                "max_decision_age_s": 12 * SPEED,
            },
            "stops": _STOPS[is_spot(symbol)],
            "risk": {
                "max_orders_per_minute": 10_000, "max_deviation_fraction": "0.5",
                "max_daily_loss_fraction": "1", "max_drawdown_fraction": "1",
            },
            "protections": {"stop_guard_trades": 1_000},
        }
    )  # fmt: skip


class Mortal:
    """A store at which the process may die: just before a step is stored, or just after."""

    def __init__(self, store: SqlLedger) -> None:
        self.store = store
        self.dies_in = -1
        self.after = False

    def write(self, lease: Lease, records: Sequence[LedgerRecord]) -> int:
        self.dies_in -= 1
        dies = self.dies_in == 0
        if dies and not self.after:
            raise Killed
        new = self.store.write(lease, records)
        if dies:
            raise Killed
        return new

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Trial:
    """One run."""

    def __init__(self, seed: int, exchange: SimulatedExchange, market: str, folder: Path) -> None:
        self.rng = Random(seed)
        self.exchange = exchange
        self.venue, _, symbol = market.partition(":")
        self.symbols = pair_of(symbol)
        self.settings = settings_of(market)
        self.account = Account(self.settings)
        self.store = Mortal(open_ledger(f"sqlite://{folder}/ledger.db"))
        self.lease = self.store.acquire("paper", "trial", ttl_ms=3_600_000)
        self.log: list[Entry] = []
        self.snapshots: list[tuple[int, bytes]] = []
        self.started = 0
        self.kills = 0
        self.seq = 0
        self.last_ns = 0
        self.counts: Counter[str] = Counter()
        self.difference = "none was looked for"
        self.keep(self.account.initial(), 0)

    def keep(self, state: AccountState, applied: int) -> None:
        self.snapshots.append((applied, self.account.encode(state)))

    async def start(self, session: Any) -> tuple[LiveRun, Desk]:
        """A process: from one of the last snapshots, over what was logged since."""
        applied, data = self.rng.choice(self.snapshots[-3:])
        self.snapshots = [kept for kept in self.snapshots if kept[0] <= applied]
        run = LiveRun(
            self.account, self.store, self.lease, log=self.log, state=self.account.decode(data),
            applied=applied,
        )  # fmt: skip
        credentials = Credentials(KEY.key, KEY.secret)
        gateway = gateway_of(self.settings.live, credentials, session, adjusts_clock=False)
        self.started += 1
        desk = Desk(
            gateway, self.settings.live, account="paper", symbols=self.symbols, run=self.started,
            ready=run.ready, clock=self.exchange.clock.now_ns,
        )  # fmt: skip
        run.catch_up(desk)
        if not self.log:
            for symbol in self.symbols:
                run.add(desk, self.rules(symbol))
        return run, desk

    def rules(self, symbol: str) -> Instrument:
        rules = rules_of(symbol)
        return Instrument(
            venue=self.venue, symbol=symbol, effective_ns=0, kind=rules.kind,
            base=rules.base, quote="USDT", settle="USDT", tick_size=rules.tick_size,
            qty_step=rules.qty_step, min_notional=rules.min_notional,
        )  # fmt: skip

    def frame(self) -> Frame:
        """The exchange's book now, of one symbol after another."""
        symbol = self.symbols[self.seq % len(self.symbols)]
        book = self.exchange.listing(self.venue, symbol).book
        self.seq += 1
        self.last_ns = max(self.exchange.clock.now_ns(), self.last_ns + NS_PER_MS)
        sides = [
            tuple((int(Decimal(p) * 100), int(Decimal(q) * 1_000)) for p, q in side.top(20))
            for side in (book.bids, book.asks)
        ]
        return frame_at(
            self.last_ns, bids=sides[0], asks=sides[1], seq=self.seq, symbol=symbol,
            venue=self.venue,
        )  # fmt: skip

    def signal(self, frame: Frame) -> Signal | None:
        if self.rng.random() > 0.25 or frame.book is None:
            return None
        kinds = [SignalKind.LONG, SignalKind.SHORT, SignalKind.EXIT]
        if is_spot(frame.symbol):  # where what is not held cannot be sold
            kinds += [SignalKind.LONG, SignalKind.LONG]
        kind = self.rng.choice(kinds)
        price = float(frame.price(frame.book.bid_price[0]))
        made = signal_of(
            kind, score=30.0 if kind is SignalKind.SHORT else 70.0, price=price,
            tick_ns=frame.close_ns, id_=f"s{self.seq}",
        )  # fmt: skip
        return msgspec.structs.replace(made, venue=self.venue, symbol=frame.symbol)

    def fault(self) -> Fault:
        rng, count = self.rng, self.rng.randint(1, 3)
        path = rng.choice(PATHS)
        return rng.choice(
            (
                LoseReply(manner=rng.choice(list(Manner)), path=path, count=count, seconds=1.0),
                LoseReply(manner=rng.choice(list(Manner)), method="POST", count=count, seconds=1.0),
                Reject(reason=rng.choice(REJECTIONS), method="POST", count=count, seconds=1.0),
                Refuse(status=rng.choice((429, 500, 502, 503)), path=path, count=count,
                       seconds=1.0, retry_after_s=1),
                Slow(delay_s=rng.choice((0.1, 0.7)), path=path, count=count, seconds=1.0),
                Drop(venue=self.venue),
                Lose(venue=self.venue, channel=Channel.ORDERS, count=count),
                Double(venue=self.venue, channel=Channel.ORDERS, count=count),
                ExpireSessions(venue=self.venue),
            )
        )  # fmt: skip

    async def trade(self) -> LiveRun:
        """Trade with faults and kills, then without, until the account has come to rest and is
        equal to the truth. The market goes on: what it has just done may not be heard of yet.
        """
        async with session_of(self.exchange) as session:
            run, desk = await self.start(session)
            steps, deadline = 0, time.monotonic() + REST_WITHIN_S
            while steps < STEPS or not self.rests(run) or self.differs(run):
                await asyncio.sleep(STEP_S)
                if steps == STEPS:
                    self.exchange.faults.mend()
                wild = steps < STEPS
                if wild and self.rng.random() < 0.15:
                    self.exchange.faults.inflict(self.fault())
                if wild and self.rng.random() < 0.04:
                    self.store.dies_in, self.store.after = 1, self.rng.random() < 0.6
                try:
                    frame = self.frame()
                    run.add(desk, Step(frame, self.signal(frame) if wild else None))
                except Killed:
                    self.kills += 1
                    desk.stop_now()
                    await desk.close()
                    run, desk = await self.start(session)
                if self.rng.random() < 0.2:
                    self.keep(run.state, run.applied)
                if time.monotonic() > deadline:
                    raise AssertionError(self.restless(run, desk))
                steps += run.ready() or not wild or self.rng.random() < 0.2
            await desk.close()
            return run

    def open_orders(self, run: LiveRun) -> list[Order]:
        """What has not ended, but for what rests at the venue as it should."""
        return [
            order
            for order in live(run).book.orders.values()
            if order.status not in _CLOSED
            and (order.type is OrderType.MARKET or order.status not in _RESTING)
        ]

    def rests(self, run: LiveRun) -> bool:
        state = live(run)
        done = not self.open_orders(run) and not state.asked and not state.waiting
        return run.ready() and done and self.balances(run)

    def balances(self, run: LiveRun) -> bool:
        """Whether the last look showed the balance that the account expects: one that was taken
        amid a trade does not, the next one must.
        """
        watch = run.state.balance
        if watch.base is None or watch.last is None:
            return False
        return abs(watch.last - watch.base) <= _BALANCE * self.settings.live.capital

    def restless(self, run: LiveRun, desk: Desk) -> str:
        """What keeps it from rest."""
        state = live(run)
        tracked = [vars(t) for t in desk._orders.all()]
        return (
            f"no rest: {run.account.unready(run.state)}; open {self.open_orders(run)}; "
            f"{run.state.balance}; asked {state.asked}; waiting {state.waiting}; "
            f"tracked {tracked}; difference: {self.difference}"
        )

    def differs(self, run: LiveRun) -> bool:
        """Whether the account and the truth differ now."""
        try:
            self.check(run)
        except AssertionError as error:
            self.difference = str(error)
            return True
        return False

    def check(self, run: LiveRun) -> None:
        """Compare orders, trades and positions with the truth."""
        state = live(run)
        truth = self.exchange.account(self.venue, KEY.name)
        for kind, ids in (
            ("order", [o.client_id for o in truth.orders.values()]),
            ("conditional", [c.client_id for c in truth.conditionals.values()]),
        ):
            doubled = [id_ for id_, count in Counter(ids).items() if count > 1]
            assert not doubled, f"{kind} doubled: {doubled}"
        latest = {o.client_order_id: o for o in self.store.order_versions("paper")}
        there = {o.client_id: o.filled for o in truth.orders.values()}
        waiting = {c.client_id for c in truth.conditionals.values()}
        for id_, filled in there.items():
            assert id_ in latest, f"order {id_} at the venue is not in the ledger"
            assert latest[id_].filled_qty == filled, f"order {id_}: {latest[id_]} against {filled}"
        for id_, order in latest.items():
            taken = order.status is not OrderStatus.REJECTED
            assert not taken or id_ in there or id_ in waiting, f"order {id_} is lost: {order}"
        told = {in_ledger(f) for f in self.store.fills("paper") if isinstance(f, Fill)}
        true = {
            trade
            for fill in truth.fills
            for trade in in_truth(fill, told_id(self.exchange, self.venue, fill))
        }
        assert told == true, f"trades: {told ^ true}"
        earned = sum((i.amount for i in truth.incomes if i.kind in _TRADED), Decimal(0))
        if is_spot(self.symbols[0]):
            earned = truth.wallet["USDT"] - KEY.balances["USDT"]
        booked = run.state.ledger.balance - self.account.initial().ledger.balance
        for symbol in self.symbols:
            coins = held(truth, self.exchange.listing(self.venue, symbol))
            holding = run.state.ledger.holdings.get(f"{self.venue}:{symbol}", Holding())
            assert state.held.get(symbol, Decimal(0)) == coins
            assert holding.qty == coins
            # Where trades were told in another order, more is realised here and less is open, or
            # the reverse: together with what is open at one price, here none, it is the same.
            booked -= holding.cost.copy_sign(holding.qty)
            position = truth.positions.get(symbol)
            if position is not None:
                earned -= position.entry * position.qty
        assert abs(booked - earned) < _ROUNDING, f"profit less fees: {booked} against {earned}"
        assert run.state.balance.told is None, f"balance: {run.state.balance}"
        self.counts.update(
            runs=1, kills=self.kills, orders=len(there), conditionals=len(waiting),
            trades=len(true), rejected=len(latest) - len(there.keys() | waiting),
        )  # fmt: skip


def live(run: LiveRun) -> LiveState:
    state = run.state.venue
    assert isinstance(state, LiveState)
    return state


def is_spot(symbol: str) -> bool:
    return contract_kind(symbol) is ContractKind.SPOT


def pair_of(symbol: str) -> tuple[str, str]:
    """What is traded."""
    return symbol, symbol.replace("BTC", "ETH")


async def one_run(seed: int, market: str = MARKET) -> Counter[str]:
    """One run in ``venue:symbol``; what happened in it. Raises :class:`AssertionError` where it
    differs.
    """
    exchange = SimulatedExchange(speed=SPEED)
    venue, _, traded = market.partition(":")
    for symbol in pair_of(traded):
        exchange.add(venue, SmallMarket(symbol, seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        async with exchange:
            exchange.open_accounts(KEY)
            trial = Trial(seed, exchange, market, Path(folder))
            try:
                async with asyncio.timeout(END_WITHIN_S):
                    await trial.trade()
            finally:
                trial.store.close()
    return trial.counts


def main() -> int:
    """Run many; print what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--market", default=MARKET, help="venue:symbol, of BTC")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    total: Counter[str] = Counter()
    failed: dict[int, str] = {}
    for seed in range(given.first, given.first + given.runs):
        with suppress(KeyboardInterrupt):
            try:
                total += asyncio.run(one_run(seed, given.market))
            except Exception as error:  # noqa: BLE001 - each run is told
                failed[seed] = f"{type(error).__name__}: {error}"
                print(f"seed {seed}: {failed[seed]}"[:20_000], flush=True)
    print(", ".join(f"{name} {count}" for name, count in total.items()), flush=True)
    print(f"{given.runs - len(failed)} of {given.runs} runs equal to the truth")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
