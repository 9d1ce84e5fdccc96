"""The steps of a drill, each proven by the simulated exchange's own books."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from agents.runtime import live_terms
from cli.drill.lines import Command, Told, Want
from cli.drill.process import TraderEnded, TraderProcess
from cli.drill.truth import closable, held, in_ledger, in_truth
from schemas.clock import monotonic_ns, now_ns
from schemas.errors import PrismError, UsageError
from schemas.frame import NS_PER_S
from schemas.order import Fill
from schemas.settings import Settings, settings_from
from schemas.signal import SignalKind
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.offer import generated_markets
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.keys import ApiKey, made_key
from streams.store.ledger import open_ledger

ACCOUNT = "drill"

_LOOK_S = 0.05


class Course(NamedTuple):
    """What is to be ``opened``, and what is asked for in vain while the halt is in force."""

    opened: dict[str, SignalKind]
    refused: dict[str, SignalKind]

    @property
    def symbols(self) -> list[str]:
        """All that is traded."""
        return [*self.opened, *self.refused]


_PERPETUALS = Course(
    {"BTC/USDT:USDT": SignalKind.LONG, "ETH/USDT:USDT": SignalKind.SHORT},
    {"SOL/USDT:USDT": SignalKind.LONG},
)
_SPOT = Course({"BTC/USDT": SignalKind.LONG}, {"ETH/USDT": SignalKind.LONG})
COURSES = {
    "binanceusdm": (_PERPETUALS,),
    "bybit": (_PERPETUALS, _SPOT),
    "binance": (_SPOT,),
}
"""By the protocol in which the simulated exchange can be drilled; the first where none is named."""


class StepFailed(PrismError):
    """A step did not come to its end."""


class Step(msgspec.Struct, frozen=True):
    """A step that is over. ``at_s`` is its end, from the start of the drill."""

    name: str
    passed: bool
    at_s: float
    took_s: float
    fact: str


class Drill:
    """One drill in ``folder``, which is the caller's; ``within_s`` bounds each step."""

    def __init__(
        self,
        folder: Path,
        *,
        venue: str,
        spot: bool = False,
        seed: int,
        within_s: float,
        tell: Callable[[Step], None],
    ) -> None:
        if venue not in COURSES:
            raise UsageError(f"venue {venue!r}: a drill is on one of {', '.join(COURSES)}")
        if spot and _SPOT not in COURSES[venue]:
            raise UsageError(f"--spot: {venue} has perpetuals alone; name binance or bybit")
        self._venue = venue
        self._course = _SPOT if spot else COURSES[venue][0]
        self._folder = folder
        self._within_s = within_s
        self._tell = tell
        self._key = made_key("drill")
        self._exchange = SimulatedExchange()
        coins = [symbol.partition("/")[0] for symbol in self._course.symbols]
        for market in generated_markets(venue, coins=coins, seed=seed, start_ns=now_ns()):
            if market.rules.symbol in self._course.symbols:
                self._exchange.add(venue, market)
        self._trader = TraderProcess(folder / "settings.yaml", folder / "trader.log")
        self._settings = Settings()
        self._began_ns = monotonic_ns()
        self.steps: list[Step] = []

    async def run(self) -> bool:
        """Every step until one fails; whether all passed."""
        steps: tuple[tuple[str, Callable[[], Awaitable[str]]], ...] = (
            ("exchange", self._open_exchange),
            ("start", self._start),
            ("open", self._open),
            ("halt", self._halt),
            ("kill", self._kill),
            ("start again", self._start),
            ("halt survives", self._still_halted),
            ("flatten", self._flatten),
            ("venue", self._venue_has_none),
            ("books", self._books),
        )
        try:
            for name, step in steps:
                if not await self._take(name, step):
                    return False
        finally:
            await self._trader.kill()
            await self._exchange.stop()
        return True

    async def _take(self, name: str, step: Callable[[], Awaitable[str]]) -> bool:
        began_ns, passed = monotonic_ns(), True
        try:
            fact = await step()
        except (StepFailed, TraderEnded) as error:
            fact, passed = str(error), False
        end_ns = monotonic_ns()
        self.steps.append(
            Step(
                name, passed, round((end_ns - self._began_ns) / NS_PER_S, 2),
                round((end_ns - began_ns) / NS_PER_S, 2), fact,
            )
        )  # fmt: skip
        self._tell(self.steps[-1])
        return passed

    async def _open_exchange(self) -> str:
        self._exchange.open_accounts(self._key)
        await self._exchange.start()
        self._settings = _settings(
            self._folder, self._exchange, self._key, venue=self._venue, symbols=self._course.symbols
        )
        told = self._settings.model_dump(mode="json", exclude_unset=True)
        (self._folder / "settings.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
        return f"{self._venue} simulated at 127.0.0.1:{self._exchange.port}; {self._standing()}"

    async def _start(self) -> str:
        pid = await self._trader.start()
        await self._until(lambda: self._told("agrees"), "account and venue do not agree")
        return f"process {pid}: broker, feed, ledger, execution; account and venue agree"

    async def _open(self) -> str:
        await self._trader.ask(Want(self._course.opened))

        def is_open() -> bool:
            guarded = {each.symbol for each in self._truth().waiting()}
            return self._held().keys() == self._course.opened.keys() == guarded

        await self._until(is_open, "positions and their stops are not there")
        await self._trader.ask(Want({}))
        return self._standing()

    async def _halt(self) -> str:
        await self._trader.ask(Command("halt"))
        await self._until(lambda: self._told("halted"), "the account does not answer the halt")
        return "taken by the account, through the topic control"

    async def _kill(self) -> str:
        await self._trader.kill()
        return f"SIGKILL; at the venue still {self._standing()}"

    async def _still_halted(self) -> str:
        refused = self._course.refused
        await self._trader.ask(Want(refused))
        await self._until(
            lambda: any(t.text.startswith("halt:") for t in self._heard("refused")),
            "no signal was refused by the halt",
        )
        await self._trader.ask(Want({}))
        if any(order.symbol in refused for order in self._truth().orders.values()):
            raise StepFailed("an order was sent in spite of the halt")
        refusal = next(t.text for t in self._heard("refused") if t.text.startswith("halt:"))
        return f"a signal was refused: {refusal}"

    async def _flatten(self) -> str:
        await self._trader.ask(Command("flatten"))
        await self._until(lambda: self._told("flat"), "the account is not flat")
        return "the account says that its venue reports no orders and no positions"

    async def _venue_has_none(self) -> str:
        truth = self._truth()
        left = [
            *(f"{qty} {symbol}" for symbol, qty in self._held().items()),
            *(f"order {order.client_id}" for order in truth.open_orders()),
            *(f"conditional order {each.client_id}" for each in truth.waiting()),
        ]
        if left:
            raise StepFailed(f"the exchange's own books have {', '.join(left)}")
        return f"the exchange's own books: {self._standing()}"

    async def _books(self) -> str:
        """The ledger, read by another process than the one that wrote it."""
        await self._trader.end()
        ledger = open_ledger(self._settings.store.url)
        try:
            fills = [fill for fill in ledger.fills(ACCOUNT) if isinstance(fill, Fill)]
            held = {p.symbol: p.qty for p in ledger.positions(ACCOUNT) if p.qty}
        finally:
            ledger.close()
        # By which id a trade is told is the venue's affair.
        ours = sorted(in_ledger(fill)._replace(trade_id="") for fill in fills)
        theirs = sorted(
            trade._replace(trade_id="") for fill in self._truth().fills for trade in in_truth(fill)
        )
        if ours != theirs:
            raise StepFailed(f"the ledger has {len(ours)} fills, the exchange {len(theirs)} others")
        if held != self._held(whole=True):
            raise StepFailed(f"the ledger still holds {held}")
        return f"the ledger has the exchange's {len(ours)} fills to the last decimal, and is flat"

    def _truth(self) -> Account:
        return self._exchange.account(self._venue, self._key.name)

    def _held(self, *, whole: bool = False) -> dict[str, Decimal]:
        """What can be closed, by symbol; with the ``whole`` of it dust, too."""
        truth, measure = self._truth(), held if whole else closable
        listings = (self._exchange.listing(self._venue, s) for s in self._course.symbols)
        found = {listing.symbol: measure(truth, listing) for listing in listings}
        return {symbol: qty for symbol, qty in found.items() if qty}

    def _standing(self) -> str:
        truth = self._truth()
        held = [f"{qty} {symbol}" for symbol, qty in self._held().items()]
        orders = len(list(truth.open_orders())) + len(list(truth.waiting()))
        return f"positions: {', '.join(held) or 'none'}; resting orders: {orders or 'none'}"

    def _heard(self, event: str) -> list[Told]:
        return [told for told in self._trader.heard if told.event == event]

    def _told(self, event: str) -> bool:
        return bool(self._heard(event))

    async def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        end_ns = monotonic_ns() + round(self._within_s * NS_PER_S)
        while not holds():
            self._exchange.check()
            self._trader.check()
            if monotonic_ns() > end_ns:
                refused = [told.text for told in self._heard("refused")][-1:]
                raise StepFailed(
                    f"{otherwise} within {self._within_s:g} s; {self._standing()}"
                    + "".join(f"; last refusal: {text}" for text in refused)
                )
            await asyncio.sleep(_LOOK_S)


def _settings(
    folder: Path, exchange: SimulatedExchange, key: ApiKey, *, venue: str, symbols: Sequence[str]
) -> Settings:
    """A live account at the exchange; its keys are in files for their owner only."""
    there = {"connect_to": f"127.0.0.1:{exchange.port}", "ca_file": str(exchange.ca_file)}
    values: dict[str, Any] = {
        "account": {"id": ACCOUNT},
        "broker": {"url": f"embedded://{folder / 'broker'}", "partitions": 1},
        "store": {"url": f"sqlite://{folder / 'ledger.db'}", "lease_s": 2.0},
        "runtime": {
            "symbols": [f"{venue}:{symbol}" for symbol in symbols], "session_timeout_s": 2.0,
            "snapshot_interval_s": 5.0,
        },
        "feed": {**there, "history_bars": 0},
        "live": {
            **there, "enabled": True, "venue": venue, "sandbox": False, "capital": Decimal(50_000),
            "reconcile_s": 3.0, "max_clock_off_ms": 10_000,
            "key_file": str(_secret(folder / "key", key.key)),
            "secret_file": str(_secret(folder / "secret", key.secret)),
        },
    }  # fmt: skip
    values["live"]["confirm"] = live_terms.code(settings_from(values))
    return settings_from(values)


def _secret(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, for the mode
        file.write(text)
    return path
