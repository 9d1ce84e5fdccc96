"""Pure incremental mathematics: one small class per file, state in the object, O(1) per update.

The modules run as machine code where ``infra/compile.py`` made it of exactly these sources, and as
Python where it did not, in half as much time again and to the same last bit (ADR 0024).
``PRISM_INTERPRETED=1`` asks for Python.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

SOURCES = Path(__file__).parent
COMPILED = SOURCES / "_compiled"
MADE_OF = COMPILED / "made-of"
"""Holds the :func:`fingerprint` of the sources that the machine code beside it was made of."""


def fingerprint() -> str:
    """What tells whether machine code is of these sources and of this interpreter."""
    found = hashlib.sha256(sys.implementation.cache_tag.encode())
    for path in sorted(SOURCES.glob("*.py")):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def is_compiled() -> bool:
    """Whether the modules of this package are taken from the machine code."""
    if os.environ.get("PRISM_INTERPRETED"):
        return False
    return MADE_OF.is_file() and MADE_OF.read_text() == fingerprint()


if is_compiled():
    __path__ = [str(COMPILED), *__path__]
