"""`prism up` with its roles over a broker outside of the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kafka import KafkaServer
from tests.support.prism import LIVELY, first_lines, prism, summary_of, write_recording

BTC = "recordings/btc-eth-20240808/usdm/btcusdt_20240808.gz"


@pytest.mark.needs_kafka
@pytest.mark.needs_market_data
def test_the_same_files_come_out_over_kafka(
    kafka: KafkaServer, market_data: Path, tmp_path: Path
) -> None:
    recording = write_recording(tmp_path / "btc.gz", first_lines(market_data / BTC, seconds=90))
    play = ("up", "--headless", "--source", recording, "--speed", "max", *LIVELY)
    outside = (
        f"--broker=kafka://{kafka.bootstrap}",
        "--set=broker.partitions=1",
        "--set=broker.topic_prefix=up.",
    )
    folders = {"kafka": tmp_path / "kafka", "inside": tmp_path / "inside"}
    for name, more in (("kafka", outside), ("inside", ())):
        done = prism(*play, "--out", folders[name], *more)
        assert done.returncode == 0, done.stderr
    assert summary_of(folders["inside"])["fills"] > 0
    # Outputs may come again after a rebalance, the same to the letter.
    for name in ("signals.jsonl", "orders.jsonl", "fills.jsonl"):
        lines = {where: set((f / name).read_text().splitlines()) for where, f in folders.items()}
        assert lines["kafka"] == lines["inside"]
