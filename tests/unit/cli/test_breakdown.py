"""The breakdown as it is drawn: the table of the specification, in 80 columns, with or without."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from agents.dimensions import registry
from agents.interpretation.breakdown import Breakdown, breakdown, dimension_table
from agents.interpretation.interpret import interpret
from cli.breakdown import BreakdownView, gauge, in_force, smallest_flip, table
from schemas.score import (
    ComponentReading,
    ConfluenceScore,
    Contribution,
    DimensionScore,
    Flip,
    Regime,
    ThresholdMove,
)
from schemas.signal import SignalKind
from tests.support.messages import SYMBOL, VENUE

TICK_NS = 1_723_161_601_500_000_000

EXPECTED = """\
component  score  weight  impact    push   DIV  gauge
ao         55.78    0.20    11.2   +2.36  +6.0  ▓▓▓▓▓▓▓▓▓▓▓·······
macd       50.00    0.30    15.0   -0.90  -3.0  ▒▒▒▒▒▒▒▒··········
rsi        20.00    0.50    10.0  -15.00   0.0  ░░░░··············
atr           ..                                ··················
total      36.46    1.00    36.2  -13.54  +0.3  ░░░░░░░···········
"""


def technical() -> DimensionScore:
    parts = (
        ComponentReading("ao", 55.78, 0.20, 0.20 * 11.78, 6.0, (("ao_5m", 12.3),)),
        ComponentReading("macd", 50.0, 0.30, 0.30 * -3.0, -3.0),
        ComponentReading("rsi", 20.0, 0.50, 0.50 * -30.0, 0.0, (("rsi_4h", 20.0),)),
        ComponentReading("atr", None, 0.0, 0.0),
    )
    return DimensionScore(
        VENUE, SYMBOL, "technical", TICK_NS, 1, 7, 36.456, 0.75, 0.9, 61_234.5, parts
    )


def told() -> Breakdown:
    parts = (
        Contribution("technical", 36.456, 1.0, -13.544),
        Contribution("volume", None, 0.0, 0.0),
    )
    verdict = ConfluenceScore(
        VENUE, SYMBOL, TICK_NS, 1, 7, 36.456, 0.42, 61_234.5, parts, (), 68.0, 35.0
    )
    return breakdown(verdict, [technical()])


def drawn(
    what: RenderableType, *, width: int = 80, encoding: str = "utf-8", colour: bool = False
) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    console.print(what)
    file.flush()
    file.seek(0)
    return file.read()


def test_a_table_is_drawn_as_expected() -> None:
    lines = [line.rstrip() for line in drawn(table(dimension_table(technical()))).splitlines()]
    assert lines == [line.rstrip() for line in EXPECTED.splitlines()]


def test_a_gauge_has_18_cells_and_fills_by_score_and_lean() -> None:
    assert {cell_len(gauge(score).plain) for score in (None, 0.0, 33.3, 50.0, 100.0)} == {18}
    assert gauge(0.0).plain == "·" * 18
    assert gauge(100.0).plain == "▓" * 18
    assert gauge(50.0).plain == "▒" * 9 + "·" * 9
    assert gauge(25.0).plain.startswith("░░░░·")


def test_everything_fits_80_columns_with_the_longest_names() -> None:
    names = ["support_resistance", "funding_volatility"]
    parts = tuple(ComponentReading(n, 100.0, 0.5, 25.0, -10.0) for n in names)
    score = DimensionScore(
        VENUE, SYMBOL, "price_structure", TICK_NS, 1, 7, 100.0, 1.0, 1.0, 1.0, parts
    )
    for line in (drawn(table(dimension_table(score))) + drawn(BreakdownView(told()))).splitlines():
        assert cell_len(line) <= 80
        assert "…" not in line


def test_the_longest_names_of_the_components_fit() -> None:
    longest = max(
        len(spec.name) for kind in registry.dimensions().values() for spec in kind.components
    )
    assert longest <= len("support_resistance")


def test_colour_is_used_where_the_terminal_has_it_and_nowhere_else() -> None:
    assert "\x1b[" not in drawn(BreakdownView(told()))
    coloured = drawn(BreakdownView(told()), colour=True)
    assert "\x1b[32m" in coloured
    assert "\x1b[31m" in coloured


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    text = drawn(BreakdownView(told()), encoding="ascii")
    assert text.isascii()
    assert "###########......." in text


def test_the_view_shows_symbol_time_price_thresholds_reasons_and_sentences() -> None:
    text = drawn(BreakdownView(told()), width=200)
    assert f"{VENUE}:{SYMBOL}  2024-08-09 00:00:01.500 UTC" in text
    assert "price 61,234.5   long at 68, short at 35   reliability 0.42" in text
    sentences = interpret(told().confluence, [technical()])
    for line in (sentences.headline, *sentences.change, *sentences.dimensions[0].components):
        assert line in text
    assert text.index("Bullish") < text.index("Bearish") < text.index("What would change")


@pytest.mark.parametrize("name", ["technical", "volume"])
def test_the_whole_has_a_line_per_dimension_ready_or_not(name: str) -> None:
    lines = [line for line in drawn(BreakdownView(told())).splitlines() if line.startswith(name)]
    assert len(lines) == 1
    assert (".." in lines[0].split()) is (name == "volume")


def test_what_is_in_force_is_told_with_every_move() -> None:
    parts = (
        Contribution("technical", 60.0, 0.4, 4.0, 0.8),
        Contribution("price_structure", 60.0, 0.6, 6.0, 1.2),
        Contribution("volume", None, 0.0, 0.0, 1.0),
    )
    moves = (ThresholdMove("volatility", 2.0, 1.8, -1.5), ThresholdMove("volume", 2.0, -0.9, 0.75))
    flip = Flip("technical", "rsi", 60.0, 71.25, SignalKind.LONG)
    verdict = ConfluenceScore(
        VENUE, SYMBOL, TICK_NS, 1, 7, 60.0, 0.5, 9.0, parts, (), 68.9, 34.25,
        regime=Regime.TRENDING_UP, threshold_moves=moves, changes=("weights a 0.1 -> 0.2",),
        flip=flip,
    )  # fmt: skip
    assert list(in_force(verdict)) == [
        "Regime trending up; base weights by regime and skill: "
        "technical ×0.80, price structure ×1.20.",
        "Long at 68.90, 68.00 moved by +1.80 volatility at 2.00 of usual, "
        "-0.90 volume at 2.00 of usual.",
        "Short at 34.25, 35.00 moved by -1.50 volatility at 2.00 of usual, "
        "+0.75 volume at 2.00 of usual.",
        "Changed now: weights a 0.1 -> 0.2.",
    ]
    assert list(smallest_flip(verdict)) == [
        "Smallest flip: rsi (technical) at 71.25 instead of 60.00 would have given the signal long."
    ]
    drawn_whole = drawn(BreakdownView(breakdown(verdict, [technical()])), width=200)
    for line in (*in_force(verdict), *smallest_flip(verdict)):
        assert line in drawn_whole


def test_what_did_not_move_says_so() -> None:
    verdict = told().confluence
    assert list(in_force(verdict)) == [
        "Regime not known yet; base weights by regime and skill: as they are.",
        "Long at 68.00, not moved.",
        "Short at 35.00, not moved.",
    ]
    assert list(smallest_flip(verdict)) == [
        "No single component, whatever its score, would have given another signal."
    ]
