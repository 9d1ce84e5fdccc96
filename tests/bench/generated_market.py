"""How many times real time the generated market runs, one symbol on one core.

Run it alone with ``python -m tests.bench.generated_market``.
"""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console

from schemas.frame import NS_PER_S
from streams.simulator.market import CATALOGUE, generated
from tests.bench.report import Row, table_of

TARGET = 50.0
SECONDS = 300
SEED = 1


def main() -> list[Row]:
    """Speed of each instrument, by CPU time: the cores are shared."""
    rows: list[Row] = []
    for symbol in CATALOGUE:
        started_s = time.process_time()
        kinds: Counter[str] = Counter()
        for now_ns, event in generated(symbol, seed=SEED, start_ns=0).events():
            if now_ns > SECONDS * NS_PER_S:
                break
            kinds[type(event).__name__] += 1
        used_s = time.process_time() - started_s
        rows.append(Row(f"{symbol} generated", SECONDS / used_s, "x real time", TARGET))
        rows.append(Row(f"{symbol} trades", kinds["TradeEvent"] / SECONDS, "/s of market time"))
        rows.append(Row(f"{symbol} diffs", kinds["BookDiff"] / SECONDS, "/s of market time"))
    return rows


if __name__ == "__main__":
    Console().print(table_of(("generated_market", row) for row in main()))
