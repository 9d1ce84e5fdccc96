"""When account and venue come to differ, people are told once, and once when they agree again."""

from __future__ import annotations

from agents.execution.account import Account
from agents.execution.drift import drift_told
from schemas.alert import Severity
from schemas.frame import NS_PER_S
from schemas.order import OrderStatus
from schemas.settings import Settings
from tests.support.live_venue import Bench
from tests.support.messages import frame_at

DIFFERS = "live: position BTC/USDT:USDT: 0 here, 1 at the venue"


def test_a_difference_is_told_once_and_so_is_its_end() -> None:
    state, told = Account(Settings()).initial(), []
    course = [(None, True), (DIFFERS, False), (DIFFERS, False), (None, False), (None, True),
              (None, True)]  # fmt: skip
    for number, (drift, agrees) in enumerate(course):
        frame = frame_at(number * NS_PER_S)
        told += drift_told(state, frame, drift, agrees=agrees, account="desk")
    assert [(a.tick_ns // NS_PER_S, a.rule, a.severity) for a in told] == [
        (1, "venue:differs", Severity.CRITICAL),
        (4, "venue:agrees", Severity.INFO),
    ]
    assert DIFFERS in told[0].text
    assert "prism resume" in told[0].text


def test_a_venue_that_was_not_looked_at_yet_differs_in_nothing() -> None:
    bench = Bench()
    assert bench.venue.unready(bench.state) is not None
    assert bench.venue.drift(bench.state) is None
    bench.shows(held="1")
    bench.step()
    drift = bench.venue.drift(bench.state)
    assert drift == bench.venue.unready(bench.state)
    assert drift is not None
    assert "position" in drift
    bench.run, bench.number = 2, 0  # a restart: it is looked at anew
    bench.says("none", OrderStatus.ACKNOWLEDGED)
    bench.step()
    assert bench.venue.drift(bench.state) is None
