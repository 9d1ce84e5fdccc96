"""Test vectors of other libraries, read from the market data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tests.support.bars import Floats


def vectors(folder: Path, head: str) -> list[Floats]:
    """Input and output columns of the first test called ``head`` in Tulip's files."""
    for name in ("untest.txt", "atoz.txt", "extra.txt"):
        text = (folder / "reference" / "tulip" / name).read_text()
        found = re.search(rf"^{head}\s*\n((?:#.*\n|\{{.*\}}\s*\n)+)", text, re.MULTILINE)
        rows = re.findall(r"\{(.*)\}", found.group(1)) if found else []
        if rows and rows[-1].strip():
            return [np.array([float(x) for x in row.split(",") if x.strip()]) for row in rows]
    raise AssertionError(f"no vector {head}")


def assert_ends_like(found: Floats, expected: Floats, *, within: float = 6e-4) -> None:
    """The last values are the expected ones, which are given with three decimals."""
    assert len(expected) > 3
    np.testing.assert_allclose(found[-len(expected) :], expected, atol=within)
