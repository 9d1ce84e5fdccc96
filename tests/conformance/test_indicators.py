"""Every indicator of the folder: its state survives the codec, resumes exactly, and stays small.

An indicator is a class with ``update``; what a market gives it is chosen by the names of the
parameters. One that takes something new needs that name in ``INPUTS``.
"""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import inspect
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import msgspec
import pytest

import agents.dimensions
import agents.indicators
from agents.indicators.bar import PRICE_SCALE, Bar
from agents.indicators.quotes import aggressor_volumes, twice_mid
from schemas.frame import NS_PER_S, Frame
from tests.support.markets import INTERVAL_NS, random_market
from tests.support.needs import REPOSITORY

LARGEST_INDICATOR = 10_000
"""Bytes; the largest keeps two books' worth of levels."""


def mid(frame: Frame) -> float:
    twice = twice_mid(frame)
    assert twice is not None
    return twice * frame.price_unit / 2


def volumes(frame: Frame) -> tuple[float, float]:
    bought, sold = aggressor_volumes(frame.trades)
    return bought / 10**frame.qty_exponent, sold / 10**frame.qty_exponent


def bar(frame: Frame) -> Bar:
    """The frame as one bar: its trades, around the mid at its close."""
    close = mid(frame) * PRICE_SCALE
    prices = [p * frame.price_unit * PRICE_SCALE for p in frame.trades.price] or [close]
    bought, sold = volumes(frame)
    high, low = max(*prices, close), min(*prices, close)
    return Bar(frame.open_ns, prices[0], high, low, close, bought + sold, bought, len(frame.trades))


INPUTS: dict[str, Callable[[Frame], Any]] = {
    "frame": lambda frame: frame,
    "bar": bar,
    "price": mid,
    "volume": lambda frame: sum(volumes(frame)),
    "close_ns": lambda frame: frame.close_ns,
    "at_ns": lambda frame: frame.close_ns,
    "part": lambda frame: volumes(frame)[0] - volumes(frame)[1],
    "whole": lambda frame: sum(volumes(frame)),
    "quality": lambda frame: frame.quality,
    "value": mid,
    "values": lambda frame: [float(qty) for qty in frame.trades.qty],
    "bought": lambda frame: volumes(frame)[0],
    "sold": lambda frame: volumes(frame)[1],
    "stretch": lambda frame: 1.0 + frame.seq % 3 / 10,
    "delta": lambda frame: volumes(frame)[0] - volumes(frame)[1],
}


def modules_of(package: ModuleType) -> list[ModuleType]:
    folder = REPOSITORY.joinpath(*package.__name__.split("."))
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def indicators() -> list[type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in modules_of(agents.indicators):
        for name, value in vars(module).items():
            is_state = isinstance(value, type) and dataclasses.is_dataclass(value)
            if is_state and hasattr(value, "update"):
                found[f"{value.__module__}.{name}"] = value
    return [found[key] for key in sorted(found)]


every_indicator = pytest.mark.parametrize("kind", indicators(), ids=lambda kind: kind.__name__)


def feed(indicator: Any, frames: list[Frame]) -> None:
    wanted = inspect.signature(indicator.update).parameters
    unknown = [name for name in wanted if name not in INPUTS]
    assert not unknown, f"{type(indicator).__name__}.update takes {unknown}: add it to INPUTS"
    for frame in frames:
        indicator.update(**{name: INPUTS[name](frame) for name in wanted})


SLOW_MOTION = {"MarketBars": 600 * NS_PER_S}
"""Interval of a frame for what needs hours, not seconds, to fill its windows."""


@cache
def long_market(interval_ns: int) -> list[Frame]:
    return random_market(3, 14_000, interval_ns=interval_ns)


def encoded(indicator: Any) -> bytes:
    return msgspec.msgpack.encode(indicator)


def test_the_folder_is_scanned() -> None:
    assert {kind.__name__ for kind in indicators()} >= {"Ewma", "Vpin", "KyleLambda", "Fitness"}


@every_indicator
def test_a_state_survives_the_codec_at_any_time(kind: type[Any]) -> None:
    indicator = kind()
    frames = random_market(1, 600)
    for start in range(0, 600, 100):
        revived = msgspec.msgpack.decode(encoded(indicator), type=kind)
        assert revived == indicator
        assert encoded(revived) == encoded(indicator)
        feed(indicator, frames[start : start + 100])


@every_indicator
@pytest.mark.parametrize("cut", [1, 37, 500])
def test_resumed_in_mid_stream_it_ends_in_the_same_bytes(kind: type[Any], cut: int) -> None:
    frames = random_market(2, 900)
    whole, first = kind(), kind()
    feed(whole, frames)
    feed(first, frames[:cut])
    second = msgspec.msgpack.decode(encoded(first), type=kind)
    feed(second, frames[cut:])
    assert encoded(second) == encoded(whole)


@every_indicator
def test_its_state_does_not_grow_with_time(kind: type[Any]) -> None:
    frames = long_market(SLOW_MOTION.get(kind.__name__, INTERVAL_NS))
    indicator = kind()
    feed(indicator, frames[:3_500])  # every window of the defaults is full by then
    early = len(encoded(indicator))
    feed(indicator, frames[3_500:])
    late = len(encoded(indicator))
    assert late <= 1.25 * early + 200
    assert late <= LARGEST_INDICATOR


@pytest.mark.parametrize(
    "module",
    [*modules_of(agents.indicators), *modules_of(agents.dimensions)],
    ids=lambda module: module.__name__.removeprefix("agents."),
)
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    runner = doctest.DocTestRunner()
    for name, docstring in docstrings(module).items():
        example = doctest.DocTestParser().get_doctest(docstring, vars(module), name, None, 0)
        runner.run(example)
    assert runner.failures == 0


@every_indicator
def test_the_docstring_shows_an_example(kind: type[Any]) -> None:
    assert ">>>" in docstrings(importlib.import_module(kind.__module__))[kind.__name__]


@cache
def docstrings(module: ModuleType) -> dict[str, str]:
    """What the source tells of its classes, methods and functions; machine code forgets it."""
    path = REPOSITORY.joinpath(*module.__name__.split(".")).with_suffix(".py")
    documented = (ast.ClassDef, ast.FunctionDef)
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, documented)
    }
