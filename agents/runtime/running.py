"""Running roles: one per process with signals handled, or several in one event loop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import mode.loop
import structlog
from faust import Worker

from agents.runtime.roles import Role

LOG_LEVEL = logging.WARNING


def run(role: Role) -> None:
    """Run one role until SIGINT or SIGTERM; leaves the process with its exit code."""
    mode.loop.use("uvloop")
    _quiet_logs()
    Worker(role.app, quiet=True, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


def _quiet_logs() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LOG_LEVEL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(LOG_LEVEL)


async def start_together(roles: Sequence[Role]) -> None:
    """Start several roles in this event loop; each runs until its app is stopped."""
    _quiet_logs()
    for role in roles:
        role.app.finalize()
        await role.app.start()
