"""Stopping: the first signal is a request that wakes a sleeper, the second one is not caught."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from cli.stop import Stop


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    """Ctrl-C means something; a job in the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_becomes_a_request_and_wakes_who_waits() -> None:
    with Stop() as stop:
        assert not stop.requested
        assert not stop.wait(0.001)
        sender = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        before = time.monotonic()
        sender.start()
        assert stop.wait(60)
        assert time.monotonic() - before < 30
        sender.join()
        assert stop.by is signal.SIGTERM
        assert stop.wait(60)


def test_the_second_ctrl_c_ends_what_does_not_listen() -> None:
    with Stop() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.by is signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Stop():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
