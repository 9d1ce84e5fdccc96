"""The faces of the prism: pure state machines that fold frames and score at ticks."""

from agents.compiled import searched

__path__ = searched(__name__, __path__)
