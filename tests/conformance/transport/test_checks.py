"""The conformance suite, on the embedded broker and on Apache Kafka."""

from __future__ import annotations

import asyncio

import pytest

from streams.transport.conformance import CHECKS, run_checks
from streams.transport.conformance.bench import Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_holds(url: str, check: Check) -> None:
    [result] = asyncio.run(run_checks(url, checks=[check]))
    assert result.passed, f"{result.statement}: {result.reason}"
