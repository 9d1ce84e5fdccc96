"""What is computed once is whole for everybody, and a failure is nobody's result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from threading import Barrier

import pytest

from tests.support.once import once

PROCESSES = 4


def test_of_many_that_ask_at_once_one_computes_and_all_get_it_whole(tmp_path: Path) -> None:
    filled = []
    together = Barrier(PROCESSES)

    def fill(folder: Path) -> None:
        filled.append(folder)
        with (tmp_path / "day.lock").open() as lock, pytest.raises(BlockingIOError):
            flock(lock, LOCK_EX | LOCK_NB)
        folder.mkdir()
        (folder / "result").write_text("whole")

    def ask() -> str:
        together.wait()
        return (once(tmp_path / "day", fill) / "result").read_text()

    with ThreadPoolExecutor(PROCESSES) as pool:
        found = [asked.result() for asked in [pool.submit(ask) for _ in range(PROCESSES)]]
    assert found == ["whole"] * PROCESSES
    assert len(filled) == 1


def test_what_failed_is_computed_anew_by_the_next(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        folder.mkdir()
        raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        once(tmp_path / "day", fail)
    assert not (tmp_path / "day").exists()
    assert list(once(tmp_path / "day", Path.mkdir).iterdir()) == []
