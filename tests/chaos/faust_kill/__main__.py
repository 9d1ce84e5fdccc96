"""``python -m tests.chaos.faust_kill --kills 20 --workers 2``: run the lab, print a table."""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

from tests.chaos.faust_kill.judge import (
    judge_outputs,
    judge_plain,
    judge_runs,
)
from tests.chaos.faust_kill.lab import Evidence, Lab, Plan
from tests.support.kafka import KafkaServer


def main() -> int:
    """Run one experiment and say what upstream lost and counted twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.faust_kill")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rate", type=int, default=500, help="messages per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep logs and traces in this folder")
    given = parser.parse_args()
    plan = Plan(kills=given.kills, workers=given.workers, rate=given.rate, seed=given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        results = run(plan, folder)
    print(f"{plan}")
    for name, value in results.items():
        print(f"  {name:<42} {value:>10}")
    return 0


def run(plan: Plan, folder: Path) -> dict[str, int | str]:
    """Run the experiment on a broker of its own and judge it."""
    with KafkaServer(folder / "broker") as kafka:
        lab = Lab(kafka, folder, plan)
        kafka.create_topics({f"{lab.app_id}-in": 4, f"{lab.app_id}-out": 4})
        try:
            evidence = asyncio.run(lab.run())
        finally:
            lab.abandon()
    by_run = judge_runs(evidence) if plan.workers == 1 else {}
    return {**judge_outputs(evidence), **judge_plain(evidence), **by_run, **_restarts(evidence)}


def _restarts(evidence: Evidence) -> dict[str, str]:
    if not evidence.restart_s:
        return {}
    slowest, median = max(evidence.restart_s), statistics.median(evidence.restart_s)
    return {"restart to first output, s": f"{median:.1f} (max {slowest:.1f})"}


if __name__ == "__main__":
    raise SystemExit(main())
