"""Numbers in sentences: short, signed where asked, never misleading."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.interpretation.sentences.figures import (
    bps,
    number,
    percent,
    points,
    price,
    sigma,
    times,
    whole,
)

finite = st.floats(allow_nan=False, allow_infinity=False)


def read_back(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


@given(value=st.floats(-1e307, 1e307), digits=st.integers(1, 8))
def test_a_number_reads_back_to_its_digits(value: float, digits: int) -> None:
    given_back = read_back(number(value, digits=digits))
    assert given_back == pytest.approx(value, rel=0.51 * 10 ** (1 - digits), abs=1e-300)


@given(value=finite)
def test_a_sign_is_told_when_asked_for_and_never_of_zero(value: float) -> None:
    for text in (number(value, signed=True), points(value), sigma(value)):
        if read_back(text.rstrip("σ")) == 0.0:
            assert text[0] == "0"
        else:
            assert text[0] == ("−" if value < 0.0 else "+")


@given(value=finite)
def test_every_figure_is_short(value: float) -> None:
    for text in (number(value), price(value), points(value), sigma(value), whole(value)):
        assert len(text) <= 25, text
        assert "-0" not in text.replace("e-0", "")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(1_782_923.4), "1,782,923"),
        (number(0.001234), "0.00123"),
        (number(999.96), "1,000"),
        (number(-5e-12), "−5.00e-12"),
        (price(61_700.05), "61,700.05"),
        (price(0.00002345), "0.00002345"),
        (percent(0.0051, signed=True), "+0.51%"),
        (bps(-0.694, signed=True), "−0.694 bps"),
        (times(1.26), "1.26×"),
        (whole(-19.6), "−20"),
        (points(1_234.56), "+1,234.6"),
    ],
)
def test_worked_figures(written: str, expected: str) -> None:
    assert written == expected


def test_a_standing_of_one_deviation_of_a_normal_variable_is_one_sigma() -> None:
    mean_absolute_deviation = math.sqrt(2.0 / math.pi)
    assert sigma(1.0 / mean_absolute_deviation) == "+1.0σ"
