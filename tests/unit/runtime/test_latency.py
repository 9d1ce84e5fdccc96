"""Latencies are counted by stage, and only where they mean something."""

from __future__ import annotations

import msgspec

from agents.runtime.latency import BOUNDS_US, LatencyMeter
from schemas.clock import now_ns
from schemas.frame import NS_PER_MS, NS_PER_S, Trades
from schemas.position_assessment import MonitorAction, PositionAssessment
from tests.support.messages import frame_at, score_of
from tests.unit.execution.test_monitor import Desk


def counted(meter: LatencyMeter) -> dict[str, dict[int | None, int]]:
    """Non-empty buckets by stage and upper bound; ``None``: beyond all bounds."""
    return {
        h.stage: {b: n for b, n in zip([*BOUNDS_US, None], h.counts, strict=True) if n}
        for h in meter.histograms()
    }


def traded(close_ns: int, *, delay_ns: int) -> Trades:
    """One trade, received some time after the venue made it."""
    return Trades((close_ns - delay_ns,), (close_ns,), (1,), (1,), (1,), (1,), (0,))


def test_a_live_frame_tells_of_its_way_here() -> None:
    meter, close_ns = LatencyMeter(), 1_000 * NS_PER_S
    frame = msgspec.structs.replace(
        frame_at(close_ns), trades=traded(close_ns, delay_ns=30 * NS_PER_MS)
    )
    meter.observe_input(frame, (close_ns + 3 * NS_PER_MS) / NS_PER_S)
    assert counted(meter) == {"frame": {4_000: 1}, "ingest": {50_000: 1}}


def test_the_age_of_a_recorded_frame_is_not_counted() -> None:
    meter = LatencyMeter()
    meter.observe_input(frame_at(NS_PER_S), 1e9)
    assert counted(meter) == {}


def test_a_score_is_counted_from_its_frames_publication() -> None:
    meter = LatencyMeter()
    meter.observe(score_of("orderbook", 50.0), now_ns() / NS_PER_S - 10.0)
    assert counted(meter) == {"dimension": {None: 1}}


def test_what_the_monitor_did_is_counted_and_what_it_only_said_is_not() -> None:
    meter, desk = LatencyMeter(), Desk()
    desk.open()
    desk.run(15, lean=1.0)
    told = [r for r in desk.records if isinstance(r, PositionAssessment)]
    assert [r.action for r in told].count(MonitorAction.HOLD) > 1
    for record in desk.records:
        meter.observe(record, None)
    assert meter.counters() == (("monitor_exit", 1), ("monitor_tighten", 1))
