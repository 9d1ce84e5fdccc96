"""The lab's own measures, and whether upstream still does what the fence is there for."""

from pathlib import Path

import pytest

from tests.chaos.faust_kill.__main__ import run
from tests.chaos.faust_kill.fold import Ranges, doubled, fold, skipped
from tests.chaos.faust_kill.lab import Plan
from tests.support.kafka import KafkaServer


def folded(numbers: list[int]) -> Ranges:
    ranges: Ranges = []
    for number in numbers:
        ranges = fold(ranges, number)
    return ranges


def test_an_undisturbed_state_is_one_range() -> None:
    assert folded([0, 1, 2, 3]) == [[0, 3]]


def test_the_state_names_what_was_skipped() -> None:
    assert skipped(folded([0, 1, 4, 5])) == {2, 3}
    assert not doubled(folded([0, 1, 4, 5]))


def test_the_state_names_what_was_taken_twice() -> None:
    assert doubled(folded([0, 1, 2, 1, 2, 3])) == {1, 2}
    assert not skipped(folded([0, 1, 2, 1, 2, 3]))


@pytest.mark.needs_kafka
def test_a_killed_broker_keeps_its_data_and_its_port(tmp_path: Path) -> None:
    with KafkaServer(tmp_path / "broker") as kafka:
        kafka.create_topics({"kept": 3})
        before = kafka.bootstrap
        kafka.kill()
        kafka.start()
        assert kafka.bootstrap == before
        assert kafka.topics() == {"kept": 3}


@pytest.mark.chaos
@pytest.mark.needs_kafka
@pytest.mark.timeout(900)
def test_upstream_still_counts_input_twice_after_a_kill(tmp_path: Path) -> None:
    results = run(Plan(kills=8, workers=1, rate=500, seed=1), tmp_path)
    assert int(results["table: inputs counted twice"]) > 0, results
