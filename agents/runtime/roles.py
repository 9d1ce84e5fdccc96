"""The roles: which topics they read, which state machines they run, in which consumer group."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import faust
import structlog

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from agents.runtime import live_terms
from agents.runtime.assignor import SingleActiveAssignor
from agents.runtime.emitter import Emitter
from agents.runtime.failpoints import Failpoints
from agents.runtime.fence import Fence, FencedApp, Stage
from agents.runtime.folds import AccountFold, DimensionFold, JoinFold, OrderedFold, OverviewFold
from agents.runtime.keyed_stage import KeyedStage
from agents.runtime.latency import LatencyMeter
from agents.runtime.ledger_writer import LedgerWriter
from agents.runtime.ordered_stage import OrderedStage
from agents.runtime.snapshots import Outputs
from agents.runtime.tables import PromptTables
from agents.runtime.topic_watch import TopicWatch
from agents.runtime.transport import fenced_transport, transport_name
from agents.runtime.venue_link import OpenDesk, VenueLink
from agents.runtime.watchdog import Watchdog
from schemas.clock import now_ns
from schemas.errors import SettingsError
from schemas.health import Heartbeat
from schemas.ledger_store import LedgerStore
from schemas.settings import Settings
from schemas.topics import DIMENSION_SCORES, FRAMES, TOPICS

log = structlog.get_logger()

STREAM_BUFFER = 1_000
"""Bound of an agent's queue; the consumer stops fetching long before (back-pressure)."""
FETCH_RECORDS = 200
"""Most records handed out at once; others get their turn every few milliseconds within."""
_PATIENCE_S = 0.01
"""A step waits for the frames and verdicts of all symbols: one waking for many of them."""


@dataclass(frozen=True)
class Role:
    """A Faust app with what it runs."""

    name: str
    app: FencedApp
    fence: Fence
    stages: tuple[Stage, ...]
    emitters: tuple[Emitter, ...]
    meter: LatencyMeter

    def changelogs(self) -> dict[str, int]:
        """Partitions that each table's changelog must have; Faust creates those that lack."""
        tables = self.app.tables.values()
        return {t.changelog_topic.get_topic_name(): t.partitions for t in tables}


def worker(
    settings: Settings, *, dimensions: Sequence[str] | None = None, join: bool | None = None
) -> Role:
    """Dimensions over frames and, unless they are only some, the join over all their scores.

    Workers of the same choice share one group; each choice is a group of its own, so that every
    dimension can run in workers of its own. The join then reads their scores from the broker.
    """
    enabled = tuple(sorted(settings.dimensions.enabled))
    chosen = enabled if dimensions is None else tuple(sorted(dimensions))
    for name in chosen:
        if name not in enabled:
            raise SettingsError(f"dimension {name} is not in dimensions.enabled {list(enabled)}")
    with_join = chosen == enabled if join is None else join
    name = "worker" if chosen == enabled and with_join else _group_name(chosen, with_join)
    app, meter = _app(settings, name), LatencyMeter()
    stages: list[KeyedStage] = []
    # Where every dimension runs, the join needs no way over the broker to hear them (ADR 0011).
    together = with_join and chosen == enabled
    join_fold = JoinFold(settings) if with_join else None
    if chosen:
        options = settings.dimensions.options
        folds = [
            DimensionFold(DimensionMachine(registry.create(d, options.get(d, {})))) for d in chosen
        ]
        then = join_fold if together else None
        stages.append(
            KeyedStage(
                app, settings, topic=FRAMES, folds=folds, then=then, table="symbols", meter=meter
            )
        )
    if join_fold is not None and not together:
        stages.append(
            KeyedStage(
                app, settings, topic=DIMENSION_SCORES, folds=[join_fold], table="join", meter=meter
            )
        )
    if not stages:
        raise SettingsError("neither dimensions nor join: add --join, or name dimensions")
    emitters = tuple(stage.emitter for stage in stages)
    role = Role(name, app, Fence(app, *stages), tuple(stages), emitters, meter)
    _agents(role)
    _watch_topics(role, settings)
    _health(role, settings)
    return role


def execution(
    settings: Settings, *, store: LedgerStore | None = None, open_desk: OpenDesk | None = None
) -> Role:
    """The account: one active worker of its group, the others stand by.

    With a ``store`` every decision is stored, under the account's lease, before it is sent. With
    ``live.enabled`` orders go to a real venue by way of ``open_desk``, and only then.
    """
    if settings.live.enabled:
        live_terms.check(settings)
        if store is None or open_desk is None:
            raise SettingsError(
                "live.enabled: only `prism execution` trades at a real venue; set "
                "live.enabled=false to trade on paper here"
            )
    else:
        _say_what_is_not_traded(settings)
    ledger = None
    if store is not None:
        holder, lease_ms = _component(settings.account.id), settings.store.lease_ms
        ledger = LedgerWriter(store, settings.account.id, holder=holder, lease_ms=lease_ms)
    name = f"execution-{settings.account.id}"
    desk = open_desk if settings.live.enabled else None
    role = _ordered(settings, name, AccountFold(settings), ledger=ledger, open_desk=desk)
    if ledger is not None:
        _every(role.app, settings.store.lease_s / 4, ledger.keep)
        if desk is not None:
            role.app.at_end.append(partial(_say_what_is_left, ledger))
        role.app.at_end.append(ledger.let_go)
    return role


def _say_what_is_not_traded(settings: Settings) -> None:
    """Tell once, at the start, of which symbols every signal will be refused."""
    currency = settings.paper.currency
    others = live_terms.in_other_currencies(settings.runtime.symbols, currency)
    if others:
        log.warning(
            "account.not_traded", symbols=others, currency=currency,
            action="nothing is converted: they are scored, and every signal of them is refused; "
            "set paper.currency to theirs, or give them an account of their own",
        )  # fmt: skip


async def _say_what_is_left(ledger: LedgerWriter) -> None:
    """Tell who ended the account what stays at the venue."""
    orders, held = await ledger.standing()
    log.warning(
        "live.ended", working_orders=len(orders), held=held,
        action="they stay at the venue; start again to go on, or flatten before the end, which "
        "leaves of coins what is less than the venue takes",
    )  # fmt: skip


def overview(settings: Settings) -> Role:
    """The market overview: one active worker of its group, the others stand by."""
    if not settings.overview.enabled:
        raise SettingsError(
            "overview.enabled is false: set it to true, for the feed too, which tells the overview "
            "when a market ends"
        )
    return _ordered(settings, "overview", OverviewFold(settings))


def _ordered(
    settings: Settings,
    name: str,
    fold: OrderedFold,
    *,
    ledger: LedgerWriter | None = None,
    open_desk: OpenDesk | None = None,
) -> Role:
    """One state machine over all symbols, in one active worker."""
    keys = settings.runtime.symbols
    if not keys:
        raise SettingsError(
            "runtime.symbols is empty: name the symbols that are waited for, "
            "such as binanceusdm:BTC/USDT:USDT"
        )
    app, meter = _app(settings, name, PartitionAssignor=SingleActiveAssignor), LatencyMeter()
    app.patience_s = _PATIENCE_S
    venue = None
    if open_desk is not None:
        venue = VenueLink(open_desk, crash=app.crash)
        app.before_end.append(venue.close)
    stage = OrderedStage(app, fold, settings, keys=keys, meter=meter, ledger=ledger, venue=venue)
    role = Role(name, app, Fence(app, stage), (stage,), (stage.emitter,), meter)
    _agents(role)
    _watch_topics(role, settings)
    _health(role, settings)
    watchdog = Watchdog(
        stage,
        patience_s=settings.runtime.absent_after_s,
        unanswered_ns=app.outputs.unanswered_ns,
    )
    _every(app, min(1.0, settings.runtime.absent_after_s / 4), watchdog.look)
    return role


def _group_name(chosen: Sequence[str], join: bool) -> str:
    return "-".join(["worker", *chosen, *(["join"] if join else [])])


def _app(settings: Settings, name: str, **more: Any) -> FencedApp:
    url = settings.broker.url
    id_ = f"{settings.broker.topic_prefix}prism-{name}"
    runtime = settings.runtime
    instance = socket.gethostname() if runtime.instance == "auto" else runtime.instance
    app = FencedApp(
        id_,
        broker=url.replace(",", ";"),
        store="memory://",
        key_serializer="raw",
        value_serializer="raw",
        topic_replication_factor=1,
        topic_partitions=settings.broker.partitions,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        broker_session_timeout=runtime.session_timeout_s,
        broker_heartbeat_interval=runtime.session_timeout_s / 5,
        broker_rebalance_timeout=max(runtime.session_timeout_s, 10.0),
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=STREAM_BUFFER,
        broker_max_poll_records=FETCH_RECORDS,
        # Nothing is gained by waiting: what comes while a request is on its way shares the next.
        producer_linger=0.0,
        TableManager=PromptTables,
        consumer_group_instance_id=f"{id_}-{instance}" if instance else None,
        **more,
    )
    transport = fenced_transport(transport_name(url))
    app.outputs = Outputs()
    app.failpoints = Failpoints.from_environment()
    app.make_transport = lambda app: transport(app.conf.broker_consumer, app)
    return app


def _watch_topics(role: Role, settings: Settings) -> None:
    prefix, count = settings.broker.topic_prefix, settings.broker.partitions
    named = {prefix + topic.name: topic.partition_count(count) for topic in TOPICS}
    wanted = {topic: named[topic] for topic in role.fence.sources()} | role.changelogs()

    def partitions_of(topic: str) -> int | None:
        return role.app.consumer.topic_partitions(topic)  # there is no consumer before the start

    watch = TopicWatch(wanted, partitions_of)

    async def look() -> None:
        wrong = watch.look()
        if wrong is not None:
            log.error("role.failed", error=str(wrong))
            await role.app.crash(wrong)

    role.app.timer(interval=1.0)(look)


def _agents(role: Role) -> None:
    """One Faust agent per input topic; the fence, not Faust, accounts for what was processed."""
    for topic in role.fence.sources():
        source = role.app.topic(topic, key_serializer="raw", value_serializer="raw", acks=False)
        role.app.agent(source, name=f"{role.app.conf.id}.{topic}")(_reader(role.fence))


def _reader(fence: Fence) -> Callable[[Any], Awaitable[None]]:
    async def read(stream: Any) -> None:
        async for event in stream.events():
            await fence.take_or_stop(event.message.value)

    return read


def _health(role: Role, settings: Settings) -> None:
    component = _component(role.name)

    async def beat() -> None:
        beat = Heartbeat(
            component=component,
            wall_ns=now_ns(),
            messages=role.fence.taken,
            lag=role.fence.lag(),
            dead_letters=sum(emitter.dead for emitter in role.emitters),  # ints
            histograms=role.meter.histograms(),
            counters=role.meter.counters(),
        )
        await role.emitters[0].emit(beat, partition=0, timestamp_s=None)

    _every(role.app, settings.runtime.heartbeat_s, beat)


def _component(name: str) -> str:
    return f"{name}@{socket.gethostname()}:{os.getpid()}"


def _every(app: faust.App, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Run an action every so often while the app runs and is not rebalancing."""

    async def tick() -> None:
        if not app.rebalancing:
            await action()

    app.timer(interval=seconds)(tick)
