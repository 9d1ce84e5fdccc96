"""What the product needs of a broker, as checks that run against any: embedded, Kafka, Redpanda.

``prism verify --broker URL`` runs them for an operator; the tests run the same ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.errors import PrismError
from streams.transport.conformance import groups, reading, records
from streams.transport.conformance.bench import Check, bench_at
from streams.transport.log import open_log

PATIENCE_S = 30.0
"""A check that takes longer has failed."""

CHECKS: tuple[Check, ...] = (
    records.topics_are_created_once,
    records.partition_mismatch_is_refused,
    records.unknown_topic_is_an_error,
    records.deleted_topics_are_gone,
    records.keys_choose_partitions,
    records.order_is_kept,
    records.offsets_are_contiguous,
    records.records_are_kept_whole,
    records.timestamps_are_filled_in,
    records.large_records_pass,
    records.the_last_of_each_key_is_kept,
    reading.reading_starts_anywhere,
    reading.reads_do_not_mix,
    reading.bounds_are_told,
    reading.acknowledged_is_readable,
    reading.reads_wait,
    groups.commits_are_kept,
    groups.groups_share_partitions,
    groups.groups_go_on_where_they_committed,
)


@dataclass(frozen=True)
class CheckResult:
    """How one check went. ``reason`` is empty where it passed."""

    name: str
    statement: str
    passed: bool
    reason: str
    seconds: float


async def run_checks(
    url: str,
    *,
    checks: Sequence[Check] = CHECKS,
    tell: Callable[[CheckResult], None] = lambda _: None,
) -> list[CheckResult]:
    """Run checks one after the other; ``tell`` hears of each at once.

    Raises :class:`BrokerUnreachable` when there is no broker to check.
    """
    await (await open_log(url)).close()
    results = []
    for check in checks:
        result = await _run(check, url)
        tell(result)
        results.append(result)
    return results


async def _run(check: Check, url: str) -> CheckResult:
    started = time.monotonic()
    reason = ""
    try:
        async with asyncio.timeout(PATIENCE_S), bench_at(url) as bench:
            await check.run(bench)
    except TimeoutError:
        reason = f"not done within {PATIENCE_S:.0f} s"
    except PrismError as error:
        reason = " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001 - what a check stumbles over is the broker's doing
        reason = " ".join(f"{type(error).__name__}: {error}".split())
    return CheckResult(check.name, check.statement, not reason, reason, time.monotonic() - started)
