"""Memory goes into huge pages where the system gives them, and what is in it stays as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agents.runtime import huge_pages

MAPS = """\
55d0c0000000-55d0c0600000 rw-p 00000000 00:00 0                          [heap]
7f0000100000-7f0000500000 rw-p 00000000 00:00 0
7f0000600000-7f0000700000 rw-p 00000000 00:00 0
7f0000800000-7f0001000000 r-xp 00000000 00:00 0
7f0001000000-7f0001800000 rw-p 00000000 fd:00 42                         /usr/lib/libfoo.so
7f0002000000-7f0002800000 rw-s 00000000 00:05 7                          /dev/zero (deleted)
7ffd00000000-7ffd00800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_only_private_memory_that_is_whole_huge_pages_is_taken() -> None:
    taken = list(huge_pages._own_memory(MAPS))
    assert taken == [
        (0x55D0C0000000, 0x55D0C0600000),
        (0x7F0000200000, 0x7F0000400000),
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_what_is_in_memory_stays_as_it_was() -> None:
    before = bytearray(range(256)) * (4 * huge_pages.SIZE // 256)
    numbers = [float(number) for number in range(200_000)]
    held = huge_pages.collapse()
    assert before == bytearray(range(256)) * (4 * huge_pages.SIZE // 256)
    assert sum(numbers) == 199_999 * 100_000
    enabled = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not enabled.exists() or "[never]" in enabled.read_text():
        assert held == 0
