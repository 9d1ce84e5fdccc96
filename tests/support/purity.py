"""What pure code may not do, read off its syntax tree.

``breaches(source, path=..., rules=...)`` names every line that breaks one of the rules below. It
sees what is written, not what runs: the digests of the replay tests hold the behaviour itself.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# fmt: off
FORBIDDEN_MODULES = frozenset({
    "aiohttp", "aiokafka", "asyncio", "ccxt", "faust", "influxdb_client", "mode", "psycopg",
    "random", "secrets", "socket", "threading", "time", "uuid", "uvloop",
})
WALL_CLOCK_CALLS = frozenset({"now", "utcnow", "today", "urandom"})
# Their last bit depends on the vector width of the CPU, or on the BLAS at hand.
MACHINE_DEPENDENT_NUMPY = frozenset({
    "cbrt", "cos", "cosh", "dot", "einsum", "exp", "exp2", "expm1", "float_power", "inner",
    "linalg", "log", "log10", "log1p", "log2", "matmul", "outer", "power", "random", "sin",
    "sinh", "tan", "tanh", "tensordot", "vdot",
})
# fmt: on
INTEGER_SUM = "# ints"


@dataclass(frozen=True)
class Rule:
    """One thing that pure code does not do, why, and what it does instead."""

    name: str
    why: str
    instead: str
    broken_by: Callable[[ast.AST, str], bool]  # a node and the text of its lines


def _called_name(node: ast.AST) -> str:
    """``name`` of ``name(...)``, or the empty string."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def _imports_the_world(node: ast.AST, _: str) -> bool:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    else:
        return False
    return any(module.split(".")[0] in FORBIDDEN_MODULES for module in modules)


def _reads_a_clock(node: ast.AST, _: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return node.module == "schemas.clock" or (node.module == "schemas" and "clock" in names)
    if isinstance(node, ast.Import):
        return any(alias.name == "schemas.clock" for alias in node.names)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WALL_CLOCK_CALLS
    )


def _hashes_by_process(node: ast.AST, _: str) -> bool:
    return _called_name(node) == "hash"


def _sums_floats(node: ast.AST, text: str) -> bool:
    return _called_name(node) == "sum" and INTEGER_SUM not in text


def _computes_by_machine(node: ast.AST, _: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        deep = (node.module or "").split(".")[1:]
        return (node.module or "").split(".")[0] == "numpy" and any(
            name in MACHINE_DEPENDENT_NUMPY for name in [*deep, *(a.name for a in node.names)]
        )
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return isinstance(node.op, ast.MatMult)
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in {"np", "numpy"}
        and node.attr in MACHINE_DEPENDENT_NUMPY
    )


def _walks_a_set(node: ast.AST, _: str) -> bool:
    if not isinstance(node, ast.For | ast.comprehension):
        return False
    over = node.iter
    return isinstance(over, ast.Set | ast.SetComp) or _called_name(over) in {"set", "frozenset"}


PURE = (
    Rule(
        "no world",
        "what decides must give the same answer live, in a replay and after a crash",
        "take it as an argument, or move the code to agents/runtime or streams",
        _imports_the_world,
    ),
    Rule(
        "no wall clock",
        "time is an input, in event nanoseconds",
        "pass the time in; schemas/clock.py is read in runtime, streams and cli only",
        _reads_a_clock,
    ),
    Rule(
        "no hash()",
        "hashes of text differ between processes (PYTHONHASHSEED)",
        "schemas.ids",
        _hashes_by_process,
    ),
    Rule(
        "no walk over a set",
        "its order differs between processes",
        "sorted(...), or a dict or tuple",
        _walks_a_set,
    ),
)
DECIDING = (
    *PURE,
    Rule(
        "no sum() of floats",
        "Python 3.12 rounds it differently from 3.11",
        f"math.fsum or a loop; where all are integers say so on the line: {INTEGER_SUM}",
        _sums_floats,
    ),
    Rule(
        "no machine-dependent NumPy",
        "exp, log, power and BLAS differ in the last bit with the CPU",
        "math.exp and the like, or explicit arithmetic",
        _computes_by_machine,
    ),
)


def breaches(source: str, *, path: str, rules: Sequence[Rule]) -> Iterator[str]:
    """One line of text for every place in ``source`` that breaks one of ``rules``."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        # A comprehension's loop has no place of its own; its iterable has.
        place = node.iter if isinstance(node, ast.comprehension) else node
        if not isinstance(place, ast.stmt | ast.expr):
            continue
        text = "\n".join(lines[place.lineno - 1 : place.end_lineno])
        for rule in rules:
            if rule.broken_by(node, text):
                yield f"{path}:{place.lineno}: {rule.name}: {rule.why}; instead: {rule.instead}"
