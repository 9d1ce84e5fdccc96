"""Where log lines go, and which."""

from __future__ import annotations

import logging
import sys

import structlog

LEVEL = logging.WARNING


def to_stderr() -> None:
    """Warnings and worse, a line of keys and values each, on stderr: stdout is for results."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVEL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(LEVEL)
