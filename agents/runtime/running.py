"""Running roles: one per process with signals handled, or several in one event loop."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Sequence

import mode.loop
import structlog
from faust import Worker

from agents.compiled import is_compiled
from agents.runtime import huge_pages, logs
from agents.runtime.roles import Role

log = structlog.get_logger()

STOP_WITHIN_S = 30.0
"""How long a role that is told to may take to stop."""
_CRASH_WITHIN_S = 10.0
"""And one that has failed."""


def run(role: Role) -> None:
    """Run one role until SIGINT or SIGTERM; leaves the process with its exit code."""
    mode.loop.use("uvloop")
    logs.to_stderr()
    huge_pages.keep()
    if not is_compiled():
        log.warning("role.interpreted", action="make compiled: a tick then costs two thirds")
    role.app.before_end.insert(0, _end_in_time(role))
    role.app.task(_end_after_crash(role))
    worker = Worker(role.app, quiet=True, loglevel="WARN", redirect_stdouts=False)
    worker.spinner = None  # it hides and shows the cursor even where there is none
    worker.execute_from_commandline()


def _end_after_crash(role: Role) -> Callable[[], Awaitable[None]]:
    """A failed role has nothing left to do; a client that cannot stop must not keep it alive."""

    async def watch() -> None:
        await role.app.failed.wait()
        _in_time(_CRASH_WITHIN_S, os._exit, 1)

    return watch


def _end_in_time(role: Role) -> Callable[[], Awaitable[None]]:
    """A broker that is away must not either: what it has not acknowledged is sent again."""

    def end() -> None:
        log.error(
            "role.cut_short", role=role.name, after_s=STOP_WITHIN_S,
            action="see whether the broker can be reached; the next start goes on as after a kill",
        )  # fmt: skip
        os._exit(1)

    async def begin() -> None:
        _in_time(STOP_WITHIN_S, end)

    return begin


def _in_time(within_s: float, end: Callable[..., object], *arguments: int) -> None:
    timer = threading.Timer(within_s, end, arguments)
    timer.daemon = True
    timer.start()


async def start_together(roles: Sequence[Role]) -> None:
    """Start several roles in this event loop; each runs until its app is stopped."""
    logs.to_stderr()
    for role in roles:
        role.app.finalize()
        await role.app.start()
