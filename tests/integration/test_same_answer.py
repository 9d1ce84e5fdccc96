"""The same answer everywhere: the pipeline, Faust on the embedded broker, Faust on Kafka.

Real market days go through all three; digests of scores, signals, orders, fills and positions must
be equal. The pipeline's answer is computed once per day.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.order import Order
from schemas.settings import Settings, settings_from
from streams.recordings import sources_from
from tests.chaos.cluster import Cluster
from tests.chaos.expected import frames_of, pipeline_outputs
from tests.chaos.inside import Inside
from tests.chaos.outputs import Outputs, digests
from tests.golden.sources import golden_paths
from tests.support.kafka import KafkaServer
from tests.support.nexo_day import NAME, VALUES, NexoDay
from tests.support.prism import first_lines, write_recording

PARTITIONS = 8
LONG_S = 900.0
"""For a day of 150,000 frames on a busy machine; a quiet core needs a tenth of it."""

pytestmark = [pytest.mark.needs_market_data, pytest.mark.timeout(LONG_S)]


class Day(NamedTuple):
    """A recorded market day and what the pipeline makes of it."""

    paths: list[Path]
    symbols: tuple[str, ...]
    expected: Outputs


def day_of(paths: list[Path], settings: Settings | None = None) -> Day:
    return day_with(paths, pipeline_outputs(paths, settings or Settings()))


def day_with(paths: list[Path], expected: Outputs) -> Day:
    assert expected["execution.fills"]
    symbols = {recording.key for recording in sources_from(paths)}
    return Day(paths, tuple(sorted(symbols)), expected)


@pytest.fixture(scope="module")
def nexo(market_data: Path, nexo_day: NexoDay) -> Day:
    return day_with(golden_paths(market_data, NAME), nexo_day.outputs())


@pytest.fixture(scope="module")
def btc_path(market_data: Path) -> Path:
    (path,) = golden_paths(market_data, "BTC_usdm_20240808")
    return path


@pytest.fixture(scope="module")
def btc(btc_path: Path) -> Day:
    return day_of([btc_path])


@pytest.fixture(scope="module")
def btc_and_eth(market_data: Path, btc_path: Path) -> Day:
    return day_of([btc_path, *golden_paths(market_data, "ETH_usdm_20240808")])


def on_embedded(
    day: Day, *names: str, **values: Mapping[str, object]
) -> dict[str, tuple[int, str]]:
    """Digests of a day on the embedded broker, its roles in this process."""
    settings = settings_from(
        {
            "broker": {"url": "embedded://day?retention_mib=1024", "partitions": PARTITIONS},
            "runtime": {"symbols": day.symbols, "absent_after_s": LONG_S},
            **values,
        }
    )
    return asyncio.run(_on_embedded(day, settings, names))


async def _on_embedded(
    day: Day, settings: Settings, names: Sequence[str]
) -> dict[str, tuple[int, str]]:
    async with Inside(settings) as roles:
        await roles.start(*names)
        await roles.play(frames_of(day.paths, settings))
        return await roles.finish(day.expected, patience_s=LONG_S)


def on_kafka(
    day: Day, kafka: KafkaServer, folder: Path, *names: str, overrides: Sequence[str] = ()
) -> dict[str, tuple[int, str]]:
    """Digests of a day on Kafka, its feed and roles each a process."""
    broker, prefix = f"kafka://{kafka.bootstrap}", f"{folder.name}."
    with Cluster(
        broker, prefix, folder, day.symbols, partitions=PARTITIONS, overrides=overrides
    ) as cluster:
        cluster.start(*names)
        cluster.play(day.paths, speed="max")
        return cluster.finish(day.expected, patience_s=LONG_S)


def test_btc_on_the_embedded_broker(btc: Day) -> None:
    assert on_embedded(btc, "worker", "execution") == digests(btc.expected)


def test_btc_with_ten_scores_a_second(btc_path: Path, tmp_path: Path) -> None:
    short = write_recording(tmp_path / "btc.gz", first_lines(btc_path, seconds=60))
    frames = {"score_interval_ms": 100}
    signals = {"long_threshold": 55, "short_threshold": 45, "exit_band": 2, "cooldown_s": 1}
    day = day_of([short], settings_from({"frames": frames, "signals": signals}))
    assert len(day.expected["confluence.scores"]) > 500
    found = on_embedded(day, "worker", "execution", frames=frames, signals=signals)
    assert found == digests(day.expected)


def test_btc_with_orders_that_are_worked_over_time(btc_path: Path, tmp_path: Path) -> None:
    short = write_recording(tmp_path / "btc.gz", first_lines(btc_path, seconds=150))
    chosen: dict[str, Mapping[str, object]] = {
        "algorithms": {
            "entry": "vwap", "exit": "adaptive", "horizon_s": 10, "slice_s": 2, "sweep_s": 2,
        },
        "dimensions": {"enabled": ["orderbook", "orderflow"]},
        "signals": {"long_threshold": 55, "short_threshold": 45, "exit_band": 2, "cooldown_s": 1},
        "sizing": {"policy": "threshold"},
    }  # fmt: skip
    day = day_of([short], settings_from(chosen))
    orders = [order for order in day.expected["execution.orders"] if isinstance(order, Order)]
    assert max(order.attempt for order in orders if order.leg == "open") > 2
    assert max(order.attempt for order in orders if order.leg == "close") > 2
    assert on_embedded(day, "worker", "execution", **chosen) == digests(day.expected)


def test_btc_with_a_monitor_that_does_everything(btc_path: Path, tmp_path: Path) -> None:
    short = write_recording(tmp_path / "btc.gz", first_lines(btc_path, seconds=240))
    chosen: dict[str, Mapping[str, object]] = {
        "dimensions": {"enabled": ["orderbook", "orderflow"]},
        "signals": {"exit_band": 0, "cooldown_s": 1},
        "monitor": {
            "mode": "full", "confirm_s": 1, "tighten_after_s": 1, "exit_confidence": 0.4,
            "medium_risk": 0.4, "add_gain_ratio": 0, "add_confidence": 0.8,
        },
    }  # fmt: skip
    day = day_of([short], settings_from(chosen))
    orders = [order for order in day.expected["execution.orders"] if isinstance(order, Order)]
    assert {order.leg for order in orders} >= {"monitor", "reduce1", "open2"}
    assert on_embedded(day, "worker", "execution", **chosen) == digests(day.expected)


def test_two_symbols_and_two_workers_on_the_embedded_broker(btc_and_eth: Day) -> None:
    found = on_embedded(btc_and_eth, "worker1", "worker2", "execution")
    assert found == digests(btc_and_eth.expected)


def test_the_nexo_day_on_the_embedded_broker(nexo: Day) -> None:
    found = on_embedded(nexo, "worker", "execution", **VALUES)
    assert found == digests(nexo.expected)


@pytest.mark.needs_kafka
def test_btc_on_kafka(btc: Day, kafka: KafkaServer, tmp_path: Path) -> None:
    found = on_kafka(btc, kafka, tmp_path, "worker", "execution")
    assert found == digests(btc.expected)


@pytest.mark.needs_kafka
def test_two_symbols_and_two_workers_on_kafka(
    btc_and_eth: Day, kafka: KafkaServer, tmp_path: Path
) -> None:
    found = on_kafka(btc_and_eth, kafka, tmp_path, "worker1", "worker2", "execution")
    assert found == digests(btc_and_eth.expected)


@pytest.mark.needs_kafka
@pytest.mark.chaos
def test_the_nexo_day_on_kafka(nexo: Day, kafka: KafkaServer, tmp_path: Path) -> None:
    chosen = [
        f"{section}.{name}={json.dumps(value)}"
        for section, values in VALUES.items()
        for name, value in values.items()
    ]
    found = on_kafka(nexo, kafka, tmp_path, "worker", "execution", overrides=chosen)
    assert found == digests(nexo.expected)
