"""Large blocks go back to the system, whatever was freed before."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAPPED = """
import ctypes
from streams.feed.memory import give_large_blocks_back
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.mallinfo2.restype = type("Info", (ctypes.Structure,), {
    "_fields_": [(n, ctypes.c_size_t) for n in
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]})
if %s:
    assert give_large_blocks_back()
libc.free(libc.malloc(4 << 20))  # glibc takes this as the new threshold, if it may
before = libc.mallinfo2().hblkhd
block = libc.malloc(300 << 10)
print(libc.mallinfo2().hblkhd - before)
"""


def mapped_by_themselves(*, told: bool) -> int:
    """Bytes of a block that are mapped by themselves, in a process of its own."""
    run = [sys.executable, "-c", MAPPED % told]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_large_block_is_mapped_by_itself_also_after_a_larger_one_was_freed() -> None:
    assert mapped_by_themselves(told=True) >= 300 << 10
    assert mapped_by_themselves(told=False) == 0
