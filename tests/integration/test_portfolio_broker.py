"""`prism portfolio --broker`: what a running account last said, off the topics of a real broker."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from schemas.portfolio import Portfolio
from schemas.settings import Settings
from schemas.topics import PORTFOLIO
from streams.commands import CommandLine
from streams.publish import FramePublisher
from streams.transport.log import open_log
from tests.chaos.cluster import Cluster, short_cluster
from tests.chaos.market import Market, short_market, short_settings
from tests.support.kafka import KafkaServer
from tests.support.prism import prism

PATIENCE_S = 120.0


def test_a_broker_that_is_away_is_told_in_one_line() -> None:
    away = prism("portfolio", "--broker=kafka://127.0.0.1:1")
    assert (away.returncode, away.stdout, away.stderr.count("\n")) == (1, "", 1)
    assert "127.0.0.1:1" in away.stderr
    assert prism("portfolio", "out", "--broker=kafka://127.0.0.1:1").returncode == 2


@pytest.mark.needs_kafka
def test_a_running_account_is_shown_by_its_own_last_record(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    settings = short_settings(url=f"kafka://{kafka.bootstrap}", topic_prefix=f"{tmp_path.name}.")
    where = (f"--broker={settings.broker.url}", f"--set=broker.topic_prefix={tmp_path.name}.")
    early = prism("portfolio", *where)
    assert early.returncode == 2
    assert "start `prism execution`, or set broker.topic_prefix" in early.stderr
    market = short_market()
    expected = [r for r in market.expected[PORTFOLIO.name] if isinstance(r, Portfolio)]
    assert len(expected) > 1
    with short_cluster(settings, tmp_path) as cluster:
        cluster.start("worker", "execution")
        asyncio.run(_play(cluster, settings, market, len(expected)))
        shown = prism("portfolio", *where, "--json")
        assert shown.returncode == 0, shown.stderr
        told = json.loads(shown.stdout)
        last = expected[-1]
        assert (told["tick_ns"], told["trades"]) == (last.tick_ns, last.trades)
        assert (told["equity"], told["net_pnl"]) == (f"{last.equity:f}", f"{last.net_pnl:f}")
        assert told["equity_curve"] == [[r.tick_ns, f"{r.equity:f}"] for r in expected]
        table = prism("portfolio", *where).stdout
        assert f"{last.net_pnl:,.2f}" in table
        other = prism("portfolio", *where, "--account=other")
        assert other.returncode == 2
        assert "account other has not traded yet" in other.stderr


async def _play(cluster: Cluster, settings: Settings, market: Market, count: int) -> None:
    """The whole market, until the account has said so much of itself."""
    log = await open_log(settings.broker.url)
    try:
        publisher = FramePublisher(log, settings)
        for frame in market.frames:
            await publisher.publish(frame)
        await publisher.settle()
        line, end_s = CommandLine(log, settings.broker), time.monotonic() + PATIENCE_S
        while len(await line.all_of(PORTFOLIO, Portfolio, account="paper")) < count:
            cluster.look()
            assert time.monotonic() < end_s
            await asyncio.sleep(0.05)
    finally:
        await log.close()
