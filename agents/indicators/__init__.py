"""Pure incremental mathematics: one small class per file, state in the object, O(1) per update."""

from agents.compiled import searched

__path__ = searched(__name__, __path__)
