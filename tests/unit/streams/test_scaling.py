"""Decimal text to integers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import MalformedMessage
from streams.scaling import MAX_MANTISSA, FinerValue, Scale, exact, known

decimals = st.builds(
    lambda mantissa, exponent, zeros: (
        f"{Decimal(mantissa).scaleb(-exponent):f}"
        + ("0" * zeros if exponent else "." + "0" * zeros if zeros else "")
    ),
    st.integers(0, 10**9),
    st.integers(0, 6),
    st.integers(0, 4),
)


def look_up(scale: Scale, text: str) -> tuple[int, int]:
    """The scaled value and the factor by which older ones grew."""
    try:
        return scale[text], 1
    except FinerValue as finer:
        factor = finer.scale.grow(finer.text)
        return scale[text], factor


@given(st.lists(decimals, min_size=1))
def test_scaled_integers_equal_the_decimals_however_the_exponent_grows(texts: list[str]) -> None:
    scale = Scale()
    scaled: list[int] = []
    for text in texts:
        value, factor = look_up(scale, text)
        scaled = [*(old * factor for old in scaled), value]
    assert [Decimal(v).scaleb(-scale.exponent) for v in scaled] == [Decimal(t) for t in texts]
    assert [scale[text] for text in texts] == scaled


@given(st.lists(decimals, min_size=1))
def test_exponent_is_the_smallest_that_loses_nothing(texts: list[str]) -> None:
    scale = Scale()
    for text in texts:
        look_up(scale, text)
    needed = max(-int(Decimal(text).normalize().as_tuple().exponent) for text in texts)
    assert scale.exponent == max(0, needed)


@given(decimals, st.sampled_from(["", "-"]))
def test_exact_keeps_sign_and_value(text: str, sign: str) -> None:
    mantissa, exponent = exact(sign + text)
    assert Decimal(mantissa).scaleb(-exponent) == Decimal(sign + text)
    assert exponent == 0 or mantissa % 10 != 0


@pytest.mark.parametrize(
    "text",
    ["", ".", "-", "abc", "1.2.3", "1e5", "NaN", "Infinity", " 1", "1_0", "+1", "٣", "--1", ".5"],
)
def test_text_that_is_no_plain_decimal_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        Scale()[text]


def test_negative_price_is_malformed_but_a_negative_rate_is_known() -> None:
    with pytest.raises(MalformedMessage):
        Scale()["-1"]
    rate = known("-0.00012500", 7)
    assert (rate.mantissa, rate.exponent, rate.known_ns) == (-125, 6, 7)


def test_large_quantities_of_cheap_coins_fit() -> None:
    scale = Scale()
    assert scale["300000000000"] == 300_000_000_000
    look_up(scale, "0.01")
    assert scale["300000000000.00"] == 30_000_000_000_000


def test_value_that_would_overflow_is_malformed() -> None:
    scale = Scale()
    with pytest.raises(MalformedMessage):
        scale[str(MAX_MANTISSA)]
    look_up(scale, "0.0001")
    with pytest.raises(MalformedMessage):
        scale[str(MAX_MANTISSA // 10**4)]
    with pytest.raises(MalformedMessage):
        known(str(MAX_MANTISSA), 0)


def test_finer_value_that_would_overflow_an_older_one_is_malformed_and_changes_nothing() -> None:
    scale = Scale()
    large = str(MAX_MANTISSA // 10 - 1)
    held = scale[large]
    with pytest.raises(MalformedMessage):
        look_up(scale, "0.01")
    assert scale.exponent == 0
    assert scale[large] == held


def test_room_that_is_left_shrinks_with_every_growth() -> None:
    scale = Scale()
    assert scale[str(MAX_MANTISSA // 100 - 1)] > 0
    look_up(scale, "0.1")
    look_up(scale, "0.01")
    with pytest.raises(MalformedMessage):
        look_up(scale, "0.001")


def test_number_of_absurdly_many_decimals_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        exact("0." + "0" * 16 + "1")
    with pytest.raises(MalformedMessage):
        exact("9" * 5000)
