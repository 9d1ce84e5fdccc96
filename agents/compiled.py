"""Which modules run as machine code, and where it is.

The modules of :data:`PACKAGES` run compiled where ``infra/compile.py`` made machine code of exactly
these sources, and as Python where it did not: the same answers to the last bit, more slowly
(ADR 0024). ``PRISM_INTERPRETED=1`` asks for Python. A module that holds settings stays Python.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGES = ("indicators", "dimensions", "confluence")
AGENTS = Path(__file__).parent
COMPILED = AGENTS / "_compiled"
"""A folder for each package, and beside them ``made-of``: the fingerprint of their sources."""


def sources() -> list[Path]:
    """The modules that machine code is made of, and what decides which these are."""
    return [path for name in PACKAGES for path in sorted((AGENTS / name).glob("*.py"))]


def fingerprint() -> str:
    """What tells whether machine code is of these sources and of this interpreter."""
    found = hashlib.sha256(sys.implementation.cache_tag.encode())
    for path in sources():
        found.update(f"{path.parent.name}/{path.name}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def is_made() -> bool:
    """Whether there is machine code of exactly these sources."""
    made_of = COMPILED / "made-of"
    return made_of.is_file() and made_of.read_text() == fingerprint()


def is_compiled() -> bool:
    """Whether the packages are taken from the machine code."""
    return not os.environ.get("PRISM_INTERPRETED") and is_made()


def searched(package: str, path: Iterable[str]) -> list[str]:
    """Where the modules of a package are looked for: what is compiled comes first."""
    name = package.rpartition(".")[2]
    return [str(COMPILED / name), *path] if _IN_USE else list(path)


_IN_USE = is_compiled()
