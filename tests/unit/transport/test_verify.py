"""``prism verify``: exit codes, and what is printed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.verify import verify
from streams.transport.broker import EmbeddedBroker, forget
from streams.transport.conformance import CHECKS, run_checks
from streams.transport.embedded_log import EmbeddedSubscription
from streams.transport.log import Record
from streams.transport.partition import PartitionLog

URL = "embedded://verify"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(verify)
    return app


def test_a_good_broker_passes_every_check_with_exit_code_0(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--broker", URL])
    forget(URL)
    assert result.exit_code == 0, result.output
    assert result.output.count("pass") == len(CHECKS)
    assert f"{len(CHECKS)} of {len(CHECKS)} checks hold" in result.output


def test_a_broker_that_breaks_a_promise_is_named_with_exit_code_1(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedBroker, "commit", lambda *_: None)
    result = CliRunner().invoke(app, ["--broker", URL, "--json"])
    forget(URL)
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["passed"] is False
    failed = {check["name"]: check["reason"] for check in document["checks"] if check["reason"]}
    assert "commits_are_kept" in failed
    assert "committed" in failed["commits_are_kept"]
    assert len(failed) < len(CHECKS)


def _appending(change: Callable[[Record], Record]) -> Callable[[PartitionLog, Record], None]:
    append = PartitionLog.append
    return lambda log, record: append(log, change(record))


def _committed_further(broker: EmbeddedBroker, group: str, offsets: Mapping[Any, int]) -> None:
    there = broker._committed.setdefault(group, {})
    there.update({at: max(offset, there.get(at, 0)) for at, offset in offsets.items()})


def _compacted_to_the_first(log: PartitionLog) -> list[Record]:
    first = {record.key: record for record in reversed(log._records)}
    log._records = sorted(first.values(), key=lambda record: record.offset)
    return []


async def _left_with_a_commit(member: EmbeddedSubscription) -> None:
    offsets = {at: member._reader.position(at) for at in member.assignment()}
    member._broker.commit(member._group.name, offsets)
    member._membership.cancel()
    member._group.leave(member._member)
    member._reader.close()


@pytest.mark.parametrize(
    ("broken", "name", "by", "noticed"),
    [
        (PartitionLog, "append", _appending(lambda r: r._replace(value=(r.value or b"")[:1])),
         "order_is_kept"),
        (EmbeddedBroker, "delete_topics", lambda *_: None, "deleted_topics_are_gone"),
        (PartitionLog, "_compact", _compacted_to_the_first, "the_last_of_each_key_is_kept"),
        (EmbeddedBroker, "commit", _committed_further, "commits_are_kept"),
        (EmbeddedSubscription, "close", _left_with_a_commit, "groups_go_on_where_they_committed"),
    ],
    ids=["cuts values", "deletes nothing", "compacts", "commits forward only", "commits by itself"],
)  # fmt: skip
def test_each_promise_that_is_broken_is_noticed_by_its_check(
    monkeypatch: pytest.MonkeyPatch, broken: type, name: str, by: object, noticed: str
) -> None:
    monkeypatch.setattr(broken, name, by)
    [check] = [check for check in CHECKS if check.name == noticed]
    [result] = asyncio.run(run_checks(URL, checks=[check]))
    forget(URL)
    assert not result.passed
    assert result.reason


def test_no_broker_is_one_line_with_exit_code_2(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--broker", "kafka://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "no broker answers at kafka://127.0.0.1:1" in result.output
