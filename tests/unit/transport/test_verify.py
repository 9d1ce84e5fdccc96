"""``prism verify``: exit codes, and what is printed."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from cli.verify import verify
from streams.transport.broker import EmbeddedBroker, forget
from streams.transport.conformance import CHECKS

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


def test_no_broker_is_one_line_with_exit_code_2(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--broker", "kafka://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "no broker answers at kafka://127.0.0.1:1" in result.output
