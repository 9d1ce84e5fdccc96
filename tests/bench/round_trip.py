"""What the machine takes to wake its other core: a yardstick for latencies measured on it."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.report import Row

TRIPS = 300
REST_S = 0.01
"""Between two trips, so that the cores fall asleep as they do between frames."""
_ECHO = """
import os, socket, sys
os.sched_setaffinity(0, {int(sys.argv[2])})
there = socket.socket(fileno=int(sys.argv[1]))
while byte := there.recv(1):
    there.send(byte)
"""


def round_trips(core: int) -> Iterator[Row]:
    """A byte to a process on ``core`` and back, after some rest."""
    here, there = socket.socketpair()
    echo = subprocess.Popen(
        [sys.executable, "-c", _ECHO, str(there.fileno()), str(core)], pass_fds=[there.fileno()]
    )
    there.close()
    took_us = []
    for _ in range(TRIPS):
        time.sleep(REST_S)
        started_s = time.perf_counter()
        here.send(b"x")
        here.recv(1)
        took_us.append((time.perf_counter() - started_s) * 1e6)
    here.close()
    echo.wait()
    cuts = statistics.quantiles(took_us, n=100)
    yield Row("a byte to the other core and back, p50", cuts[49], "µs")
    yield Row("the same, p95", cuts[94], "µs")
