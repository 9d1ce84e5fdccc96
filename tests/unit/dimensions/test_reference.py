"""docs/dimensions.md names exactly what the code has: components, declarations, raw values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from agents.dimensions import registry
from agents.dimensions.base import ComponentSpec
from agents.indicators.bars import TIMEFRAMES
from agents.pipeline import Pipeline
from schemas.score import DIMENSIONS, DimensionScore
from tests.support.bundle import bundle
from tests.support.six import all_six, recorded, scores_of

ROOT = Path(__file__).parents[3]
BY_TIMEFRAME = tuple(name for name, _ in TIMEFRAMES)


def documented() -> dict[str, dict[str, list[str]]]:
    """Cells of each component's row, by dimension and component."""
    found: dict[str, dict[str, list[str]]] = {}
    dimension = ""
    for line in (ROOT / "docs" / "dimensions.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            dimension = line[3:]
            found[dimension] = {}
        elif line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 8, line
            found[dimension][cells[0].strip("` ")] = cells
    return found


def raw_names(cells: list[str]) -> set[str]:
    names = re.findall(r"`([^`]+)`", cells[7])
    assert len(names) == len(set(names)), names
    return {
        f"{name[:-2]}_{timeframe}" if name.endswith("_*") else name
        for name in names
        for timeframe in (BY_TIMEFRAME if name.endswith("_*") else ("",))
    }


def declared(spec: ComponentSpec) -> str:
    pushes = [f"; {push.value} {sign:+d}" for push, sign in spec.monotone.items()]
    return f"{spec.mirror.value}, ±{spec.tolerance:g}{''.join(pushes)}"


def test_the_page_names_the_components_their_weights_and_what_they_declare() -> None:
    told = documented()
    assert tuple(told) == DIMENSIONS
    for name in DIMENSIONS:
        components = registry.create(name, {}).components
        assert list(told[name]) == [spec.name for spec in components]
        for spec in components:
            cells = told[name][spec.name]
            assert cells[1] == f"{spec.weight:.2f}", spec.name
            assert cells[6] == declared(spec), spec.name
            assert all(cells), spec.name


def in_code() -> Iterator[str]:
    """Names of raw values as the sources write them; what is put in is a ``*``."""
    for path in sorted((ROOT / "agents" / "dimensions").glob("*.py")):
        yield from _written_in(path)
    yield from _written_in(ROOT / "agents" / "indicators" / "conditions.py")
    for name in _written_in(ROOT / "agents" / "indicators" / "candles.py"):
        yield f"{name}_*"


def _written_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="_names"), args=[ast.Constant(value=str(stem))]):
                yield f"{stem}_*"
            case ast.Tuple(elts=[ast.Constant(value=str(name)), value]):
                # Sides of a book, weights of components, names of timeframes are no raw values.
                if name not in {"bid", "ask"} and not isinstance(value, ast.Constant):
                    yield name
            case ast.Tuple(elts=[ast.JoinedStr() as written, _]):
                yield _pattern(written)
            case ast.GeneratorExp(elt=ast.JoinedStr() as written):
                yield _pattern(written)
            case _:
                pass


def _pattern(written: ast.JoinedStr) -> str:
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "*" for part in written.values
    )


def test_the_page_names_the_raw_values_that_the_sources_write() -> None:
    told = {
        name
        for components in documented().values()
        for cells in components.values()
        for name in raw_names(cells)
    }
    written = {name for name in in_code() if name.strip("*_")}
    assert len(written) > 100
    untold = {p for p in written if not any(fnmatchcase(name, p) for name in told)}
    assert not untold, f"in the code, not on the page: {sorted(untold)}"
    unwritten = {name for name in told if not any(fnmatchcase(name, p) for p in written)}
    assert not unwritten, f"on the page, not in the code: {sorted(unwritten)}"


@pytest.mark.needs_market_data
def test_every_raw_value_that_real_markets_show_stands_at_its_component(market_data: Path) -> None:
    told, seen = documented(), set()
    markets = (bundle(market_data), recorded(market_data, "BTC_usdm_20240808"))
    for messages in markets:
        pipeline = Pipeline(all_six())
        for score in scores_of(pipeline, messages):
            if isinstance(score, DimensionScore):
                seen |= {
                    (score.dimension, part.name, name)
                    for part in score.components
                    for name, _ in part.raw
                }
    assert len(seen) > 200
    strangers = {
        (dimension, component, name)
        for dimension, component, name in seen
        if name not in raw_names(told[dimension][component])
    }
    assert not strangers
