"""What is computed once for all processes of a test run."""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


def once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """The folder, filled by whoever comes first; others wait until it is whole.

    It gets its name only when it is filled: where ``fill`` raises, the next one tries anew.
    """
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".filling-") as scratch:
                fill(Path(scratch) / "whole")
                (Path(scratch) / "whole").rename(folder)
    return folder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; it ends with the process at the latest."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
