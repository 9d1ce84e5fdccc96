"""An account that trades on the simulated exchange by way of a broker: its market, its truth, and
what a replay of its topics makes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from agents.execution.account import Account, AccountState
from agents.execution.sequencer import Sequencer
from agents.runtime import live_terms
from cli.drill.truth import held, in_ledger, in_truth
from schemas.codec import encode
from schemas.control import Absent, Flatten, Halt, Resume, Resumed
from schemas.frame import NS_PER_MS, ContractKind, Frame, Instrument, Message, contract_kind
from schemas.ledger_store import LedgerStore
from schemas.order import Fill, OrderStatus, OrderType
from schemas.score import ConfluenceScore
from schemas.settings import Settings, settings_from
from schemas.signal import Signal, SignalKind
from schemas.topics import CONFLUENCE_SCORES, CONTROL, FRAMES, SIGNALS, VENUE_REPORTS, topic_of
from schemas.venue import AccountReport, FundingReport, OrderReport, TradeReport
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.transport.log import Log, TopicPartition
from tests.support.messages import frame_at, signal_of
from tests.support.simulated import KEY, rules_of, told_id

MARKET = "binanceusdm:BTC/USDT:USDT"
"""Where nothing else is said: venue and symbol, as `runtime.symbols` has them."""
VENUE, _, SYMBOL = MARKET.partition(":")
ACCOUNT = "desk"

_ENDED = frozenset({OrderStatus.RECONCILED, OrderStatus.REJECTED})
_RESTING = frozenset({OrderStatus.ACKNOWLEDGED, OrderStatus.PARTIAL})
_STOPS = {
    ContractKind.LINEAR: {"tight": "0.02", "wide": "0.05", "target_ratios": ["1", "2", "3"]},
    ContractKind.SPOT: {"tight": "0.002", "wide": "0.004", "target_ratios": ["0.2", "0.5", "1"]},
}
"""On spot the account itself watches targets: some must be met within a test."""


def live_settings(
    exchange: SimulatedExchange,
    *,
    store: str,
    broker: Mapping[str, object],
    market: str = MARKET,
    **live: Any,
) -> Settings:
    """Settings of an account that trades wildly at the exchange, confirmed."""
    venue, _, symbol = market.partition(":")
    values: dict[str, Any] = {
        "account": {"id": ACCOUNT},
        "store": {"url": store, "lease_s": 3.0},
        "broker": {"partitions": 1, **broker},
        "runtime": {
            "symbols": [market], "session_timeout_s": 2,
            "snapshot_interval_s": 1, "absent_after_s": 600, "heartbeat_s": 600,
        },
        "live": {
            "enabled": True, "venue": venue, "sandbox": False, "capital": 50_000,
            "connect_to": f"127.0.0.1:{exchange.port}", "ca_file": str(exchange.ca_file),
            "reconcile_s": 3.0, "rate_share": 1.0, "poll_s": 0.5, "timeout_s": 1.0,
            "not_found_s": 2.0, "recv_window_ms": 1_500, "dead_man_s": 0,
            "max_clock_off_ms": 5_000, **live,
        },
        "stops": _STOPS[contract_kind(symbol)],
        "risk": {
            "max_orders_per_minute": 10_000, "max_deviation_fraction": "0.5",
            "max_daily_loss_fraction": "1", "max_drawdown_fraction": "1",
        },
        "protections": {"stop_guard_trades": 1_000},
    }  # fmt: skip
    values["live"]["confirm"] = live_terms.code(settings_from(values))
    return settings_from(values)


class Writer:
    """Writes what feed and worker would: the exchange's book as frames, verdicts, signals."""

    def __init__(self, exchange: SimulatedExchange, log: Log, settings: Settings) -> None:
        self._exchange = exchange
        self._log = log
        self._prefix = settings.broker.topic_prefix
        self._venue, _, self._symbol = settings.runtime.symbols[0].partition(":")
        self._seq = 0
        self._last_ns = 0
        self.behind_ns = 0
        """How old frames are when they are written."""

    async def rules(self) -> None:
        """The symbol's trading rules."""
        rules = rules_of(self._symbol)
        await self._write(
            Instrument(
                venue=self._venue, symbol=self._symbol, effective_ns=0, kind=rules.kind,
                base=rules.base, quote=rules.quote, settle=rules.settle, tick_size=rules.tick_size,
                qty_step=rules.qty_step, min_notional=rules.min_notional,
            )
        )  # fmt: skip

    async def frame(self, kind: SignalKind | None = None) -> Frame:
        """The book as it is now; a tick with a signal if there is one."""
        book = self._exchange.listing(self._venue, self._symbol).book
        self._seq += 1
        now_ns = self._exchange.clock.now_ns() - self.behind_ns
        self._last_ns = max(now_ns, self._last_ns + NS_PER_MS)
        bids, asks = (
            tuple((int(Decimal(p) * 100), int(Decimal(q) * 1_000)) for p, q in side.top(20))
            for side in (book.bids, book.asks)
        )
        frame = frame_at(
            self._last_ns, bids=bids, asks=asks, seq=self._seq, symbol=self._symbol,
            venue=self._venue, is_tick=kind is not None,
        )  # fmt: skip
        if kind is not None:
            await self._verdict(frame, kind, bids[0][0] / 100)
        await self._write(frame)
        return frame

    async def _verdict(self, frame: Frame, kind: SignalKind, price: float) -> None:
        score = 30.0 if kind is SignalKind.SHORT else 70.0
        signal = signal_of(
            kind, score=score, price=price, tick_ns=frame.close_ns, id_=f"s{self._seq}"
        )
        signal = msgspec.structs.replace(
            signal, account=ACCOUNT, venue=frame.venue, symbol=frame.symbol
        )
        at = (frame.venue, frame.symbol, frame.close_ns, frame.epoch, frame.seq)
        await self._write(
            ConfluenceScore(*at, score, 1.0, price, (), (), 68.0, 35.0, signal_id=signal.id)
        )
        await self._write(signal)

    async def _write(self, message: Any) -> None:
        topic = self._prefix + topic_of(message).name
        await self._log.produce(topic, message.key.encode(), encode(message), partition=0)


async def all_of(log: Log, settings: Settings, name: str, decoder: Any) -> list[Message]:
    """Every message of a topic of one partition."""
    at = TopicPartition(settings.broker.topic_prefix + name, 0)
    offset, end = (await log.begin_offsets([at]))[at], (await log.end_offsets([at]))[at]
    found: list[Message] = []
    while offset < end:
        for record in await log.read(at.topic, 0, offset, max_records=2_000, wait_ms=1_000):
            offset = record.offset + 1
            found.append(decoder.decode(record.value or b""))
    return found


async def replayed(  # noqa: C901 - a case for each type
    log: Log, settings: Settings
) -> tuple[list[Message], AccountState]:
    """What an account without a venue decides by the topics alone, and what it knows then."""
    account = Account(settings)
    state = account.initial()
    sequencer = Sequencer(settings.runtime.symbols)
    decided: list[Message] = []
    for topic in (CONTROL, VENUE_REPORTS, CONFLUENCE_SCORES, SIGNALS, FRAMES):
        for message in await all_of(log, settings, topic.name, topic.decoder()):
            match message:
                case Halt() | Resume() | Flatten():
                    account.command(state, message)
                case Absent():
                    sequencer.absent(message)
                case Resumed():
                    sequencer.resumed(message)
                case OrderReport() | TradeReport() | FundingReport() | AccountReport():
                    account.hear(state, message)
                case ConfluenceScore():
                    sequencer.add_score(message)
                case Signal():
                    sequencer.add_signal(message)
                case Instrument():
                    account.learn(state, message)
                case Frame():
                    sequencer.add_frame(message)
                case _:
                    pass
    for step in sequencer.steps():
        decided.extend(account.step(state, step.frame, step.signal, step.score))
    return decided, state


def differences(store: LedgerStore, exchange: SimulatedExchange, market: str = MARKET) -> list[str]:
    """How the ledger's orders, trades and position differ from the exchange's truth; on spot the
    position is what is held of the coin, dust as well.
    """
    venue, _, symbol = market.partition(":")
    truth = exchange.account(venue, KEY.name)
    found: list[str] = []
    for ids in (
        [order.client_id for order in truth.orders.values()],
        [order.client_id for order in truth.conditionals.values()],
    ):
        found += [f"{id_} is doubled" for id_, count in Counter(ids).items() if count > 1]
    latest = {order.client_order_id: order for order in store.order_versions(ACCOUNT)}
    there = {order.client_id: order.filled for order in truth.orders.values()}
    waiting = {order.client_id for order in truth.conditionals.values()}
    for id_, filled in there.items():
        if id_ not in latest:
            found.append(f"{id_} is not in the ledger")
        elif latest[id_].filled_qty != filled:
            found.append(f"{id_}: {latest[id_].filled_qty} here, {filled} there")
    for id_, order in latest.items():
        if order.status is not OrderStatus.REJECTED and id_ not in there.keys() | waiting:
            found.append(f"{id_}: {order.status.value} here, unknown there")
        rests = order.type is not OrderType.MARKET and order.status in _RESTING
        if order.status not in _ENDED and not rests:
            found.append(f"{id_}: still {order.status.value}")
    fills = [fill for fill in store.fills(ACCOUNT) if isinstance(fill, Fill)]
    told = {in_ledger(fill) for fill in fills}
    true = {
        trade for fill in truth.fills for trade in in_truth(fill, told_id(exchange, venue, fill))
    }
    found += [f"trade {trade}" for trade in sorted(told ^ true, key=str)]
    here = sum((fill.qty * fill.side.value for fill in fills), Decimal(0))
    position = held(truth, exchange.listing(venue, symbol))
    if here != position:
        found.append(f"position: {here} here, {position} there")
    return found
