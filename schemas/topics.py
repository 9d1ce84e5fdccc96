"""THE table of topics: name, key, types, partitions, retention, who writes, who reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.alert import Alert
from schemas.codec import Decoder
from schemas.control import (
    Absent,
    FeedStale,
    Flatten,
    Halt,
    Resume,
    Resumed,
    SettingsInForce,
)
from schemas.execution_quality import ExecutionQuality
from schemas.frame import Backfill, Frame, Instrument, Message, RawMessage
from schemas.health import Checkpoint, DeadLetter, Heartbeat
from schemas.order import Fill, Flattened, Funding, Order, Position
from schemas.overview import MarketOverview
from schemas.portfolio import Portfolio
from schemas.position_assessment import PositionAssessment
from schemas.score import ConfluenceScore, DimensionScore
from schemas.series import Series
from schemas.signal import Signal
from schemas.trade_alert import TradeAlert
from schemas.venue import AccountReport, FundingReport, OrderReport, TradeReport, VenueRequest

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class KeyedBy(StrEnum):
    """What a topic's messages are keyed, and so partitioned, by."""

    SYMBOL = "venue:symbol"
    ACCOUNT = "account"
    COMPONENT = "component"
    STATE = "role:key"
    OVERVIEW = "overview"
    SOURCE = "source"


@dataclass(frozen=True)
class Topic:
    """One topic. ``partitions`` ``None`` means: as many as the settings give per-symbol topics.

    Topics keyed by account and operational ones have one partition: a total order matters more
    there than width. ``retention_ms`` ``None`` keeps everything. ``optional`` topics are made only
    where a role is told to write them.
    """

    name: str
    keyed_by: KeyedBy
    types: tuple[type[Message], ...]
    written_by: str
    read_by: str
    partitions: int | None = 1
    retention_ms: int | None = DAY_MS
    compression: str = "producer"
    optional: bool = False

    def decoder(self) -> Decoder:
        """A new decoder for this topic's messages."""
        return Decoder(*self.types)

    def partition_count(self, per_symbol: int) -> int:
        """Partitions, where per-symbol topics have ``per_symbol``."""
        return per_symbol if self.partitions is None else self.partitions


FRAMES = Topic(
    "market.frames", KeyedBy.SYMBOL, (Frame, Instrument, Backfill, Series), "feed",
    "dimension agents, execution, overview, sinks", partitions=None, compression="snappy",
)  # fmt: skip
RAW = Topic(
    "market.raw", KeyedBy.SYMBOL, (RawMessage,), "feed (where told to)", "recorders",
    partitions=None, compression="zstd", optional=True,
)  # fmt: skip
DIMENSION_SCORES = Topic(
    "dimension.scores", KeyedBy.SYMBOL, (DimensionScore,), "dimension agents", "join, sinks",
    partitions=None,
)  # fmt: skip
CONFLUENCE_SCORES = Topic(
    "confluence.scores", KeyedBy.SYMBOL, (ConfluenceScore,), "join", "execution, sinks, api",
    partitions=None,
)  # fmt: skip
SIGNALS = Topic("confluence.signals", KeyedBy.ACCOUNT, (Signal,), "join", "execution, sinks, api")
ORDERS = Topic("execution.orders", KeyedBy.ACCOUNT, (Order,), "execution", "sinks, api")
FILLS = Topic("execution.fills", KeyedBy.ACCOUNT, (Fill, Funding), "execution", "sinks, api")
POSITIONS = Topic(
    "execution.positions", KeyedBy.ACCOUNT, (Position, Flattened), "execution", "sinks, api"
)
QUALITY = Topic(
    "execution.quality", KeyedBy.ACCOUNT, (ExecutionQuality,), "execution", "sinks, api"
)
PORTFOLIO = Topic("execution.portfolio", KeyedBy.ACCOUNT, (Portfolio,), "execution", "sinks, api")
MONITOR = Topic(
    "execution.monitor", KeyedBy.ACCOUNT, (PositionAssessment,), "execution", "sinks, api"
)
TRADE_ALERTS = Topic(
    "execution.trade_alerts", KeyedBy.ACCOUNT, (TradeAlert,), "execution", "api, notifiers, sinks"
)
VENUE_REQUESTS = Topic("venue.requests", KeyedBy.ACCOUNT, (VenueRequest,), "execution", "operators")
VENUE_REPORTS = Topic(
    "venue.reports", KeyedBy.ACCOUNT, (OrderReport, TradeReport, FundingReport, AccountReport),
    "execution", "execution", retention_ms=None,
)  # fmt: skip
OVERVIEW = Topic("market.overview", KeyedBy.OVERVIEW, (MarketOverview,), "overview", "sinks, api")
CHECKPOINTS = Topic(
    "state.checkpoints", KeyedBy.STATE, (Checkpoint,), "every role", "capsules, shadow workers"
)
ALERTS = Topic(
    "alerts", KeyedBy.SYMBOL, (Alert,), "monitors", "api, notifiers, sinks", partitions=None
)
CONTROL = Topic(
    "control",
    KeyedBy.ACCOUNT,
    (Halt, Resume, Flatten, FeedStale, Absent, Resumed, SettingsInForce),
    "operators, watchdogs",
    "execution, join, overview",
    retention_ms=None,
)
HEALTH = Topic("system.health", KeyedBy.COMPONENT, (Heartbeat,), "all", "api, sinks")
DEAD_LETTERS = Topic(
    "dead.letters", KeyedBy.SOURCE, (DeadLetter,), "all", "operators", retention_ms=7 * DAY_MS
)

TOPICS: tuple[Topic, ...] = (
    FRAMES,
    RAW,
    DIMENSION_SCORES,
    CONFLUENCE_SCORES,
    SIGNALS,
    ORDERS,
    FILLS,
    POSITIONS,
    QUALITY,
    PORTFOLIO,
    MONITOR,
    TRADE_ALERTS,
    VENUE_REQUESTS,
    VENUE_REPORTS,
    OVERVIEW,
    CHECKPOINTS,
    ALERTS,
    CONTROL,
    HEALTH,
    DEAD_LETTERS,
)
"""All of them, in the order of the flow."""

BY_NAME = {topic.name: topic for topic in TOPICS}

_OF_TYPE = {type_: topic for topic in TOPICS for type_ in topic.types}


def topic_of(message: Message) -> Topic:
    """The topic that a message belongs to."""
    return _OF_TYPE[type(message)]
