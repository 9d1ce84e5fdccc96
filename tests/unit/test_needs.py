"""A missing need skips on a laptop and fails in CI, however the test came to skip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import REPOSITORY

TESTS = """
import pytest
from tests.support.needs import require_or_skip

@pytest.mark.needs_kafka
def test_that_skips_by_itself():
    pytest.skip("no java")

@pytest.mark.needs_market_data
def test_that_takes_the_fixture(market_data):
    raise AssertionError("the data is absent, so this must not run")

@pytest.mark.needs_database
@pytest.mark.skipif(True, reason="no server")
def test_that_is_skipped_by_a_mark():
    pass

@pytest.mark.needs_kafka
@pytest.mark.xfail(reason="known")
def test_that_is_expected_to_fail():
    raise AssertionError("as expected")

def test_that_requires_what_is_there():
    require_or_skip([1], "never said")

def test_that_needs_nothing_special():
    pytest.skip("not on this platform")
"""


def _run(folder: Path, *, ci: str) -> str:
    """Summary lines of pytest over ``TESTS`` with this project's conftest as a plugin."""
    (folder / "test_sample.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["-c", str(REPOSITORY / "pyproject.toml"), "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "CI": ci, "PRISM_MARKET_DATA": str(folder / "absent")}
    ran = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return ran.stdout


def test_on_a_laptop_a_missing_need_is_a_skip_that_says_why(tmp_path: Path) -> None:
    output = _run(tmp_path, ci="")
    assert "1 passed, 4 skipped, 1 xfailed" in output
    assert f"no market data in {tmp_path / 'absent'}; name the folder" in output


@pytest.mark.parametrize("ci", ["true", "1"])
def test_in_ci_every_skip_of_a_need_is_a_failure_and_other_skips_stay(
    tmp_path: Path, ci: str
) -> None:
    output = _run(tmp_path, ci=ci)
    # A skip by the test fails it; one by a mark or a fixture comes before it and is an error.
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors" in output
    for name in ("test_that_skips_by_itself", "test_that_is_skipped_by_a_mark"):
        assert f"{name}: must not be skipped in CI" in output
    assert "needed in CI: no market data in" in output
