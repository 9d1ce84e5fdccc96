"""What a measurement says, and how all of them are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from agents.compiled import is_compiled


@dataclass(frozen=True)
class Row:
    """One figure. ``target`` is the least (or, with ``at_most``, the most) that is good enough."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


def table_of(rows: Iterable[tuple[str, Row]]) -> Table:
    """Rows with the module that measured them, as one table."""
    how = "machine code" if is_compiled() else "Python: `make compiled` makes them faster"
    table = Table(box=None, pad_edge=False, header_style="bold", caption=f"dimensions as {how}")
    for heading, justify in (("bench", "left"), ("what", "left"), ("value", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("unit")
    table.add_column("target", justify="right")
    table.add_column("")
    for module, row in rows:
        sign = "<=" if row.at_most else ">="
        target = "" if row.target is None else f"{sign} {row.target:,.4g}"
        verdict = {None: "", True: "met", False: "MISSED"}[row.met]
        table.add_row(module, row.name, f"{row.value:,.4g}", row.unit, target, verdict)
    return table
