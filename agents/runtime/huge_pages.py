"""Huge pages for what a process works on.

A tick reads and writes state all over a process' memory. With pages of 4 kB the processor keeps
looking up where they are, which on a virtual machine costs more than much of the work (ADR 0012).
The interpreter asks for none, so they are asked for here, and again as memory comes and goes.
"""

from __future__ import annotations

import ctypes
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SIZE = 2 << 20
"""Of a huge page, in bytes (x86-64 and most arm64)."""
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_FIRST_S, _MOST_S = 2.0, 60.0
_PRIVATE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.p 00000000 00:00 0 *(\[heap\]|\[anon:.*\])?$")


def keep() -> None:
    """Have a thread of its own put memory into huge pages, soon and then every minute."""
    if sys.platform.startswith("linux"):
        threading.Thread(target=_keep, name="huge-pages", daemon=True).start()


def collapse() -> int:
    """Put what this process holds into huge pages; how many there are.

    Each is moved within some milliseconds, during which whoever touches it waits. None where
    the system gives none (before Linux 6.1, or with huge pages switched off).
    """
    if not sys.platform.startswith("linux"):
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    found = 0
    for begin, end in _own_memory(Path("/proc/self/maps").read_text()):
        madvise(begin, end - begin, _MADV_HUGEPAGE)
        for at in range(begin, end, SIZE):
            found += madvise(at, SIZE, _MADV_COLLAPSE) == 0  # what is not in use is refused
    return found


def _own_memory(maps: str) -> Iterator[tuple[int, int]]:
    """Memory of the process' own, as far as it is whole huge pages.

    >>> list(_own_memory("7f0000100000-7f0000500000 rw-p 00000000 00:00 0 "))
    [(139637978824704, 139637980921856)]
    """
    for line in maps.splitlines():
        match = _PRIVATE.match(line)
        if match is None:
            continue
        begin, end = int(match[1], 16), int(match[2], 16)
        begin, end = -(-begin // SIZE) * SIZE, end // SIZE * SIZE
        if begin < end:
            yield begin, end


def _keep() -> None:
    wait_s = _FIRST_S
    while True:
        time.sleep(wait_s)
        collapse()
        wait_s = min(2 * wait_s, _MOST_S)
