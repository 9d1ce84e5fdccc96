"""What a test needs of the machine: a skip on a laptop, a failure in CI.

A test that needs a compiler, a server or the recorded data carries ``needs_compiler``,
``needs_kafka``, ``needs_database`` or ``needs_market_data``. Where the thing is absent the test
skips, with the reason; under ``CI=true`` a skip of such a test would hide that nothing was tested,
so it fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NEEDS = ("needs_compiler", "needs_kafka", "needs_database", "needs_market_data")


def in_ci() -> bool:
    """Whether the environment says that this is a CI run."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def require_or_skip(condition: object, reason: str) -> None:
    """Go on when ``condition`` holds; otherwise skip with ``reason``, and in CI fail with it."""
    if condition:
        return
    if in_ci():
        pytest.fail(f"needed in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def market_data_dir() -> Path:
    """``$PRISM_MARKET_DATA``, or else ``shared/market-data`` beside the repository."""
    named = os.environ.get("PRISM_MARKET_DATA")
    return Path(named) if named else REPOSITORY.parent / "shared" / "market-data"


def skip_that_must_fail(item: pytest.Item, report: pytest.TestReport) -> bool:
    """Whether ``report`` is a skip in CI of a test that needs something CI has to provide.

    An expected failure is reported as skipped too; it did run, so it stays.
    """
    needs = any(item.get_closest_marker(name) for name in NEEDS)
    return in_ci() and needs and report.skipped and not hasattr(report, "wasxfail")
