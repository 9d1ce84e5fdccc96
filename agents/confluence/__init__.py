"""What six scores mean together: weights, reliability, crossings, the join."""

from agents.compiled import searched

__path__ = searched(__name__, __path__)
