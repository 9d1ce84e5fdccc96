"""Settings: one frozen object, read once at start.

Sources, later ones win: the defaults below (``config/default.yaml`` is written from them), a YAML
file, environment variables ``PRISM_<SECTION>__<KEY>``, ``--set section.key=value``. Unknown keys
are refused with the nearest known key named. Units stand in the names.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from schemas.algorithm_settings import AlgorithmsSettings
from schemas.confluence_settings import (
    RegimeSettings,
    SignalsSettings,
    ThresholdsSettings,
    WeightsSettings,
)
from schemas.errors import SettingsError
from schemas.execution_settings import (
    AccountSettings,
    PaperSettings,
    ProtectionsSettings,
    RiskSettings,
    SizingSettings,
    StopsSettings,
)
from schemas.ids import content_id
from schemas.live_settings import LIVE_DECIDES, LiveSettings
from schemas.monitor_settings import MonitorMode, MonitorSettings
from schemas.portfolio_settings import PortfolioSettings
from schemas.score import DIMENSIONS
from schemas.section import Section as Section  # noqa: PLC0414 - dimensions take it from here
from schemas.yaml_text import parse_yaml

ENV_PREFIX = "PRISM_"
_NESTING = "__"

S = TypeVar("S", bound=BaseModel)


class FramesSettings(Section):
    """How the tape is cut into frames."""

    interval_ms: int = Field(100, gt=0, description="Length of a frame in receive time.")
    score_interval_ms: int = Field(
        1000,
        gt=0,
        description="Distance between two scores of a symbol; a multiple of interval_ms.",
    )
    levels: int = Field(50, ge=1, le=1000, description="Book levels a side in every frame.")
    stale_after_ms: int = Field(
        5000, gt=0, description="A channel silent for longer is named stale in the frame's quality."
    )

    @model_validator(mode="after")
    def _whole_ticks(self) -> FramesSettings:
        if self.score_interval_ms % self.interval_ms:
            raise ValueError("score_interval_ms must be a multiple of interval_ms")
        return self

    @property
    def interval_ns(self) -> int:
        """Frame length in nanoseconds."""
        return self.interval_ms * 1_000_000

    @property
    def frames_per_tick(self) -> int:
        """How many frame intervals make one score interval."""
        return self.score_interval_ms // self.interval_ms


class DimensionsSettings(Section):
    """Which dimensions run, and what they are told."""

    enabled: tuple[str, ...] = Field(
        DIMENSIONS, description="Dimensions that run; the join waits for each."
    )
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Settings of a dimension by its name; its own file lists and checks them.",
    )


class OverviewSettings(Section):
    """The market overview: ranks the symbols, and compares venues."""

    enabled: bool = Field(False, description="Whether it runs.")
    interval_s: int = Field(
        10, gt=0, le=3600, description="Event time between two overviews, and of one return."
    )
    window: int = Field(
        360,
        ge=24,
        le=2000,
        description="Intervals that measures look back; returns count from a twelfth of them on.",
    )
    choose: int = Field(10, ge=1, description="The best so many symbols are chosen.")
    reference: str = Field(
        "BTC", description="Base asset that betas of a venue refer to; else the mean of the others."
    )
    sectors: dict[str, str] = Field(
        default_factory=dict, description="Sector by base asset; what is not named is in 'all'."
    )
    par: tuple[str, ...] = Field(
        ("USD", "USDT", "USDC", "FDUSD"),
        description="Quote currencies counted as one; others are converted where a pair tells how.",
    )

    @property
    def interval_ns(self) -> int:
        """Length of an interval in nanoseconds."""
        return self.interval_s * 1_000_000_000


class FeedSettings(Section):
    """How a live feed listens to a venue, and what it lets into frames."""

    keep_alive_s: float = Field(
        10.0, gt=0, description="Distance of pings; a connection silent for longer is opened anew."
    )
    reconnect_s: float = Field(
        0.5,
        gt=0,
        le=5,
        description="Most wall time before the first reconnect; it doubles from there.",
    )
    reconnect_max_s: float = Field(60.0, gt=0, description="Most wall time between two attempts.")
    quiet_channel_s: float = Field(
        30.0,
        gt=0,
        description="A channel of a symbol silent for longer, on a connection that is not, is "
        "compared with what the venue answers to requests.",
    )
    rate_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of the venue's published request limit that the feed may use; the rest "
        "is for orders.",
    )
    head_start_ms: int = Field(
        0,
        ge=0,
        description="How long other frames stand back behind ticks of the same close: signals come "
        "sooner where feed, broker and workers share cores, other frames later.",
    )
    snapshot_levels: int = Field(
        500, ge=50, le=5000, description="Levels a side that a book snapshot is asked with."
    )
    poll_s: float = Field(
        60.0, gt=0, description="Distance of two polls of what a venue has no stream of."
    )
    rules_s: float = Field(600.0, gt=0, description="Distance of two looks at the trading rules.")
    history_bars: int = Field(
        1000, ge=0, description="Bars of each timeframe fetched ahead of the first frame; 0: none."
    )
    price_band_bps: int = Field(
        2000, gt=0, description="A price further from the last mid is not believed."
    )
    max_ahead_ms: int = Field(
        5000, ge=0, description="A venue time further ahead of the receive clock is not believed."
    )
    max_behind_ms: int = Field(
        60_000, gt=0, description="A venue time further behind the receive clock is not believed."
    )
    max_backwards_ms: int = Field(
        2000, ge=0, description="A trade further before the one before it is not believed."
    )
    max_clock_off_ms: int = Field(
        10_000, gt=0, description="The feed waits while its clock and the venue's differ by more."
    )
    connect_to: str = Field(
        "", description="host:port that takes the place of every venue (a simulated exchange)."
    )
    ca_file: str = Field("", description="Certificate authority to trust instead of the system's.")


class BrokerSettings(Section):
    """Where the topics live."""

    url: str = Field(
        "embedded://", description="embedded:// (in the process) or kafka://host:port[,host:port]."
    )
    partitions: int = Field(8, ge=1, le=1024, description="Partitions of every per-symbol topic.")
    topic_prefix: str = Field("", description="Put in front of every topic name.")


class StoreSettings(Section):
    """The durable ledger."""

    url: str = Field(
        "",
        description="postgresql://user@host:port/name or sqlite://path: where the account writes "
        "orders before they are sent, fills and commands. A password belongs into the environment "
        "(PGPASSWORD, PGPASSFILE), not here. Empty: nowhere.",
    )
    lease_s: float = Field(
        10.0,
        gt=0,
        description="An account that has not written or renewed for longer may be taken over.",
    )

    @property
    def lease_ms(self) -> int:
        """Length of a lease in milliseconds."""
        return round(self.lease_s * 1_000)


class RuntimeSettings(Section):
    """How the roles run."""

    symbols: tuple[str, ...] = Field(
        (), description="Symbols (venue:symbol) that execution and overview wait for; needed there."
    )
    absent_after_s: float = Field(
        10.0, gt=0, description="Wall time after which a silent symbol no longer holds others up."
    )
    session_timeout_s: float = Field(
        10.0, gt=0, description="A worker silent for longer loses its partitions to the others."
    )
    heartbeat_s: float = Field(
        1.0, gt=0, description="Wall time between two health records of a role."
    )
    snapshot_interval_s: float = Field(
        30.0, gt=0, description="Event time between two table snapshots of a symbol."
    )

    instance: str = Field(
        "",
        description="Name of this process in its group, the same after a restart; then a restarted "
        "worker goes on at once instead of after session_timeout_s. auto: the host's name, which "
        "tells replicas in containers apart. Empty: none.",
    )

    @field_validator("symbols")
    @classmethod
    def _named_with_their_venue(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for name in symbols:
            venue, _, symbol = name.partition(":")
            if not (venue and symbol) or "/" in venue or name.split() != [name]:
                raise ValueError(f"{name!r}: write venue:symbol, as binanceusdm:BTC/USDT:USDT")
        return symbols


class Settings(Section):
    """All settings."""

    frames: FramesSettings = FramesSettings()
    dimensions: DimensionsSettings = DimensionsSettings()
    weights: WeightsSettings = WeightsSettings()
    regime: RegimeSettings = RegimeSettings()
    thresholds: ThresholdsSettings = ThresholdsSettings()
    signals: SignalsSettings = SignalsSettings()
    sizing: SizingSettings = SizingSettings()
    stops: StopsSettings = StopsSettings()
    risk: RiskSettings = RiskSettings()
    protections: ProtectionsSettings = ProtectionsSettings()
    paper: PaperSettings = PaperSettings()
    algorithms: AlgorithmsSettings = AlgorithmsSettings()
    live: LiveSettings = LiveSettings()
    account: AccountSettings = AccountSettings()
    monitor: MonitorSettings = MonitorSettings()
    portfolio: PortfolioSettings = PortfolioSettings()
    overview: OverviewSettings = OverviewSettings()
    feed: FeedSettings = FeedSettings()
    broker: BrokerSettings = BrokerSettings()
    store: StoreSettings = StoreSettings()
    runtime: RuntimeSettings = RuntimeSettings()

    @model_validator(mode="after")
    def _one_venue_live(self) -> Settings:
        if self.live.enabled and self.algorithms.routes:
            raise ValueError("algorithms.routes: a live account trades at one venue; set it false")
        return self

    @model_validator(mode="after")
    def _parts_at_one_venue(self) -> Settings:
        if self.monitor.mode is MonitorMode.FULL and self.algorithms.routes:
            raise ValueError("monitor.mode: full enters in parts at one venue; set routes false")
        return self

    def config_hash(self) -> str:
        """Hash of every setting that decides (not of where things run)."""
        return content_id("config", self.decision_json())

    def decision_json(self) -> str:
        """Canonical JSON of every setting that decides."""
        elsewhere = {"feed", "broker", "runtime", "store", "live"}
        chosen = self.model_dump(mode="json", exclude=elsewhere)
        if self.live.enabled:
            chosen["live"] = self.live.model_dump(mode="json", include=LIVE_DECIDES)
        return msgspec.json.encode(chosen, order="deterministic").decode()


def load_settings(
    path: Path | None = None,
    *,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from defaults, file, environment and ``section.key=value`` overrides.

    Raises :class:`SettingsError` with one line that names the key and what to do.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = _read_yaml(path)
    _overlay_environment(values, os.environ if environ is None else environ)
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise SettingsError(f"--set {override!r}: write it as section.key=value")
        _put(values, name.split("."), parse_yaml(text, of=f"--set {name}"))
    return settings_from(values)


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Settings from plain values; :class:`SettingsError` for what does not fit."""
    return validated(Settings, values)


def validated(model: type[S], values: Mapping[str, Any], *, at: str = "") -> S:
    """A settings model from plain values, its errors as one :class:`SettingsError` line."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(model, e, at) for e in error.errors())) from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: no text in UTF-8; check the path") from error
    loaded = parse_yaml(text, of=str(path))
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{path}: expected sections with keys, found {type(loaded).__name__}")
    return loaded


def _overlay_environment(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX) and _NESTING in name:
            path = name.removeprefix(ENV_PREFIX).lower().split(_NESTING)
            _put(values, path, parse_yaml(environ[name], of=name))


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{'.'.join(path)}: {key} is a value, not a section")
        values = inner
    values[path[-1]] = value


def _explain(model: type[BaseModel], error: Any, at: str) -> str:
    location = [str(part) for part in error["loc"]]
    name = ".".join([at, *location] if at else location)
    if error["type"] != "extra_forbidden":
        return f"setting {name}: {error['msg']} (given: {error['input']!r})"
    known = _keys_at(model, location[:-1])
    near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.0)
    parent = name.rpartition(".")[0]
    nearest = f"{parent}.{near[0]}" if parent and near else "".join(near)
    return f"unknown setting {name}; the nearest known one is {nearest}"


def _keys_at(model: type[BaseModel], path: list[str]) -> list[str]:
    for key in path:
        field = model.model_fields.get(key)
        if field is None or not isinstance(field.annotation, type):
            break
        if not issubclass(field.annotation, BaseModel):
            break
        model = field.annotation
    return sorted(model.model_fields)
