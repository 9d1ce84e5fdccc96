"""What a process that runs for weeks asks of the C library's allocator."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 64 << 10


def give_large_blocks_back() -> bool:
    """Have each large block mapped by itself, so that it goes back to the system when it is freed.

    glibc raises its threshold to the largest block that was ever freed. From then on tables of the
    caches of texts, emptied and grown anew all the time, lie among the log's records in one heap,
    which is never left and only grows (ADR 0015). Gives whether there was glibc to be told.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES))
