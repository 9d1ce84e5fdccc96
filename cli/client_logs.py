"""What the broker's client has to say, but not the same thing over and over."""

from __future__ import annotations

import logging

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S

EVERY_S = 10.0


class Seldom(logging.Filter):
    """Passes each kind of message of a logger at most once in ``EVERY_S``.

    A client whose broker is away says so hundreds of times a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last_ns: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is the first of its kind for a while."""
        kind, now_ns = (record.name, str(record.msg)), monotonic_ns()
        last_ns = self._last_ns.get(kind)
        if last_ns is not None and now_ns - last_ns < EVERY_S * NS_PER_S:
            return False
        self._last_ns[kind] = now_ns
        return True


def quiet_client() -> None:
    """Have every logger of aiokafka repeat itself seldom."""
    import aiokafka  # noqa: F401 - its modules make their loggers when they are imported

    seldom = Seldom()
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("aiokafka"):
            logging.getLogger(name).addFilter(seldom)
