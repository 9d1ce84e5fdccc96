"""Running the command `prism` in a process of its own, on short recordings."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schemas.frame import NS_PER_S
from tests.support.needs import REPOSITORY

PRISM = Path(sys.executable).with_name("prism")
TIMEOUT_S = 120

LIVELY = (
    "--set=signals.long_threshold=55",
    "--set=signals.short_threshold=45",
    "--set=signals.exit_band=2",
    "--set=signals.reliability_floor=0",
    "--set=signals.cooldown_s=1",
)
"""Thresholds at which a minute of market gives signals of both sides."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without the settings and the terminal of who runs the tests."""
    theirs = ("PRISM_", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return {**kept, **(extra or {})}


def prism(
    *arguments: str | Path, env: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    """Run `prism` to its end."""
    return subprocess.run(
        [PRISM, *arguments],
        env=environment(env),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Start `prism`; what is still running at the end of the block is killed."""
    with subprocess.Popen(
        [PRISM, *arguments],
        env=environment(),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_written(path: Path, running: subprocess.Popen[str]) -> None:
    """Wait until a running command has written something into a file."""
    end = time.monotonic() + TIMEOUT_S
    while not (path.exists() and path.stat().st_size):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.01)


def summary_of(folder: Path) -> dict[str, Any]:
    """The summary of a run."""
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return summary


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def first_lines(source: Path, *, seconds: float) -> list[bytes]:
    """The lines of a recording (ns) up to some time after its first."""
    kept: list[bytes] = []
    end_ns = None
    with gzip.open(source) as lines:
        for line in lines:
            receive_ns = int(line[:19])
            end_ns = end_ns or receive_ns + round(seconds * NS_PER_S)
            if receive_ns >= end_ns:
                break
            kept.append(line)
    return kept


def write_recording(path: Path, lines: list[bytes]) -> Path:
    """Write lines as a compressed recording."""
    path.write_bytes(gzip.compress(b"".join(lines), compresslevel=1))
    return path
