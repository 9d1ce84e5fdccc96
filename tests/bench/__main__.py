"""Runs every measurement of this folder and prints one table: ``python -m tests.bench [NAME...]``.

A measurement is a module with ``main()`` that gives rows; what it prints itself is left alone.
Exit code 1 if a target was missed.
"""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys
from types import ModuleType

from rich.console import Console

import tests.bench
from tests.bench.report import Row, table_of

NOT_BENCHES = ("__main__", "report")


def benches(chosen: list[str]) -> dict[str, ModuleType]:
    """The modules that measure, by name; all of them if none is chosen."""
    names = [found.name for found in pkgutil.iter_modules(tests.bench.__path__)]
    wanted = chosen or [name for name in names if name not in NOT_BENCHES]
    unknown = sorted({*wanted} - {*names})
    if unknown:
        sys.exit(f"no bench {', '.join(unknown)}; there are {', '.join(names)}")
    modules = {name: importlib.import_module(f"tests.bench.{name}") for name in wanted}
    return {name: module for name, module in modules.items() if hasattr(module, "main")}


def main(chosen: list[str]) -> int:
    """Run the benches; 1 if a target was missed."""
    console = Console()
    console.print(
        f"Python {platform.python_version()}, {platform.machine()}, one core", style="dim"
    )
    rows: list[tuple[str, Row]] = []
    for name, module in benches(chosen).items():
        result = module.main()
        if result is None:
            continue
        if not result:
            console.print(f"{name}: nothing measured (market data not there?)", style="yellow")
            continue
        rows.extend((name, row) for row in result if isinstance(row, Row))
    console.print(table_of(rows))
    return 1 if any(row.met is False for _, row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
