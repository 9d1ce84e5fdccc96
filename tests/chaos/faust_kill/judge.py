"""Says from the evidence what was lost, what was counted twice, and where it went."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.faust_kill.fold import Ranges, doubled, skipped
from tests.chaos.faust_kill.lab import Evidence

Id = tuple[str, int]


def judge_outputs(evidence: Evidence) -> dict[str, int]:
    """Counts over the outputs: inputs, repeated ids, inputs without output, wrong states."""
    seen = Counter((output.symbol, output.number) for output in evidence.outputs)
    wrong = [o for o in evidence.outputs if o.ranges != [[0, o.number]]]
    return {
        "inputs": len(_inputs(evidence)),
        "outputs repeated": sum(times - 1 for times in seen.values()),
        "inputs without output": len(_inputs(evidence) - seen.keys()),
        "outputs with a wrong state": len(wrong),
    }


def judge_plain(evidence: Evidence) -> dict[str, int]:
    """What the app did to its table, and where the skipped inputs went.

    Upstream has two places where fetched input goes: the queues that it clears, and a filter that
    drops what lies below the highest offset delivered.
    """
    last: dict[bytes, Ranges] = {}
    for _, key, value in evidence.changelog:
        last[key] = msgspec.msgpack.decode(value)
    lost = _inputs(evidence) - {(o.symbol, o.number) for o in evidence.outputs}
    cleared = set().union(*map(_cleared, evidence.traces))
    dropped = set().union(*map(_dropped, evidence.traces))
    return {
        "table: inputs counted twice": sum(len(doubled(ranges)) for ranges in last.values()),
        "table: inputs never counted": sum(len(skipped(ranges)) for ranges in last.values()),
        "inputs without output, in a cleared queue": len(lost & cleared),
        "inputs without output, dropped": len(lost & dropped),
        "inputs without output, committed past": len(lost & _committed_past(evidence)),
    }


def judge_runs(evidence: Evidence) -> dict[str, int]:
    """By start of the only worker: which of them skipped input, which processed it again."""
    runs = list(_outputs_by_run(evidence))
    before = [set().union(*runs[:number]) for number in range(len(runs))]
    jumped = [_skipped_in(ids, old) for ids, old in zip(runs, before, strict=True)]
    gone = [_cleared(trace) | _dropped(trace) for trace in evidence.traces]
    explained = [ids & out for ids, out in zip(gone, jumped, strict=True)]
    again = [ids & old for ids, old in zip(runs, before, strict=True)]
    return {
        "starts": len(runs),
        "starts that skipped input": sum(map(bool, jumped)),
        "inputs skipped in a start": sum(map(len, jumped)),
        "inputs skipped, cleared or dropped": sum(map(len, explained)),
        "starts that processed input again": sum(map(bool, again)),
    }


def _inputs(evidence: Evidence) -> set[Id]:
    return {row for rows in evidence.inputs.values() for row in rows}


def _outputs_by_run(evidence: Evidence) -> Iterator[set[Id]]:
    starts = [*evidence.first_output_of_run, len(evidence.outputs)]
    for first, last in itertools.pairwise(starts):
        yield {(o.symbol, o.number) for o in evidence.outputs[first:last]}


def _skipped_in(ids: set[Id], before: set[Id]) -> set[Id]:
    """What a run jumped over, between what was processed before it and the last that it did."""
    gone: set[Id] = set()
    for symbol in {symbol for symbol, _ in ids}:
        numbers = {number for name, number in ids if name == symbol}
        frontier = max((number for name, number in before if name == symbol), default=-1)
        absent = set(range(min(*numbers, frontier + 1), max(numbers))) - numbers
        gone |= {(symbol, number) for number in absent}
    return gone


def _dropped(trace: Path) -> set[Id]:
    return {(line["dropped"][0], line["dropped"][1]) for line in _lines(trace) if "dropped" in line}


def _committed_past(evidence: Evidence) -> set[Id]:
    """Inputs that lie below an offset that some worker committed."""
    highest = dict.fromkeys(evidence.inputs, 0)
    for trace in evidence.traces:
        for line in _lines(trace):
            for partition, offset in line.get("committed", {}).items():
                highest[int(partition)] = max(highest[int(partition)], offset)
    return {row for n, rows in evidence.inputs.items() for row in rows[: highest[n]]}


def _cleared(trace: Path) -> set[Id]:
    return {(symbol, n) for line in _lines(trace) for symbol, n in line.get("lost", ())}


def _lines(trace: Path) -> list[dict[str, Any]]:
    if not trace.exists():  # killed before its first assignment
        return []
    return [json.loads(line) for line in trace.read_text().splitlines()]
