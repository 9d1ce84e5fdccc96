"""Says from the evidence what was lost, what was counted twice, and where it went."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.faust_kill.fence import Snapshot
from tests.chaos.faust_kill.fold import Ranges, doubled, skipped
from tests.chaos.faust_kill.lab import Evidence

Id = tuple[str, int]


def judge_outputs(evidence: Evidence) -> dict[str, int]:
    """Counts over the outputs: inputs, repeated ids, inputs without output, wrong states."""
    expected = {row for rows in evidence.inputs.values() for row in rows}
    seen = Counter((output.symbol, output.number) for output in evidence.outputs)
    wrong = [o for o in evidence.outputs if o.ranges != [[0, o.number]]]
    return {
        "inputs": len(expected),
        "outputs repeated": sum(times - 1 for times in seen.values()),
        "inputs without output": len(expected - seen.keys()),
        "outputs with a wrong state": len(wrong),
    }


def judge_plain(evidence: Evidence) -> dict[str, int]:
    """What the unfenced app did to its table, and which of the lost inputs sat in a queue."""
    last: dict[bytes, Ranges] = {}
    for _, key, value in evidence.changelog:
        last[key] = msgspec.msgpack.decode(value)
    missing = _missing(evidence)
    cleared = [_cleared(trace) for trace in evidence.traces]
    again = list(_processed_again(evidence))
    return {
        "table: inputs skipped": sum(len(skipped(ranges)) for ranges in last.values()),
        "table: inputs counted twice": sum(len(doubled(ranges)) for ranges in last.values()),
        "restarts that skipped input": sum(bool(lost & missing) for lost in cleared),
        "restarts that processed input again": sum(bool(ids) for ids in again),
        "starts": len(evidence.traces),
        "skipped inputs seen in a cleared queue": len(missing & set().union(*cleared)),
        "skipped inputs not explained so": len(missing - set().union(*cleared)),
    }


def judge_fenced(evidence: Evidence) -> dict[str, int]:
    """Every snapshot ever written must hold the undisturbed state at its offset."""
    wrong = sum(
        msgspec.msgpack.decode(value, type=Snapshot).ranges
        != _undisturbed(evidence, key.decode(), msgspec.msgpack.decode(value, type=Snapshot))
        for _, key, value in evidence.changelog
    )
    logs = [path.read_text(errors="replace") for path in evidence.logs]
    return {
        "snapshots": len(evidence.changelog),
        "snapshots with a wrong state": wrong,
        "inputs cleared from queues": sum(len(_cleared(trace)) for trace in evidence.traces),
        "holes met, sought back": sum(log.count("hole ") for log in logs),
        "crashes in worker logs": sum(log.count("Traceback") for log in logs),
    }


def _undisturbed(evidence: Evidence, symbol: str, snapshot: Snapshot) -> Ranges:
    before = evidence.inputs[snapshot.partition][: snapshot.next_offset]
    numbers = [number for name, number in before if name == symbol]
    return [[0, numbers[-1]]] if numbers else []


def _missing(evidence: Evidence) -> set[Id]:
    expected = {row for rows in evidence.inputs.values() for row in rows}
    return expected - {(output.symbol, output.number) for output in evidence.outputs}


def _processed_again(evidence: Evidence) -> Iterator[set[Id]]:
    seen: set[Id] = set()
    starts = [*evidence.first_output_of_run, len(evidence.outputs)]
    for first, last in zip(starts, starts[1:], strict=False):
        ids = {(o.symbol, o.number) for o in evidence.outputs[first:last]}
        yield ids & seen
        seen |= ids


def _cleared(trace: Path) -> set[Id]:
    if not trace.exists():
        return set()
    lines: list[dict[str, Any]] = [json.loads(line) for line in trace.read_text().splitlines()]
    return {(symbol, number) for line in lines for symbol, number in line.get("lost", ())}
