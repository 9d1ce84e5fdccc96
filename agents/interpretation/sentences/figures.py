"""Numbers as people read them: few digits, signs and units in place, the same on any machine."""

from __future__ import annotations

import math

SIGMA = math.sqrt(math.pi / 2.0)
"""Mean absolute deviations in one standard deviation of a normal variable: 1.2533."""

_LEAST, _MOST = 1e-9, 1e15
"""What is smaller or larger in size is written with an exponent."""


def number(value: float, *, digits: int = 3, signed: bool = False) -> str:
    """A number with ``digits`` significant digits, whole ones kept whole, thousands set apart.

    Range: any float. Cost: one logarithm.

    >>> number(61_234.5), number(-0.04567), number(2.0, signed=True), number(0.0, signed=True)
    ('61,234', '−0.0457', '+2', '0')
    """
    size = abs(value)
    if size == 0.0:
        return "0"
    if not _LEAST <= size < _MOST:
        text = f"{size:.{digits - 1}e}"
    else:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{size:,.{decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    if value < 0.0:
        return f"−{text}"
    return f"+{text}" if signed else text


def whole(value: float) -> str:
    """A number without digits after the point.

    >>> whole(-20.4), whole(-0.3)
    ('−20', '0')
    """
    return number(float(round(value)), digits=15)


def price(value: float) -> str:
    """A price: eight significant digits at most.

    >>> price(61_234.05), price(0.987654321)
    ('61,234.05', '0.98765432')
    """
    return number(value, digits=8)


def points(value: float) -> str:
    """Points of a score, with sign and one digit after the point.

    >>> points(3.14159), points(-0.04)
    ('+3.1', '0.0')
    """
    if abs(value) >= _MOST:
        return number(value, signed=True)
    text = f"{abs(value):,.1f}"
    if text == "0.0":
        return text
    return f"−{text}" if value < 0.0 else f"+{text}"


def sigma(standing: float) -> str:
    """A standing (mean absolute deviations of the symbol's own past) in standard deviations.

    ``standing / sqrt(pi / 2)``: exact for a normal variable, a scale for any other.

    >>> sigma(-1.5)
    '−1.2σ'
    """
    return f"{points(standing / SIGMA)}σ"


def percent(share: float, *, signed: bool = False) -> str:
    """A share of 1 in percent.

    >>> percent(0.0415, signed=True), percent(-0.4)
    ('+4.15%', '−40%')
    """
    return f"{number(share * 100.0, signed=signed)}%"


def bps(value: float, *, signed: bool = False) -> str:
    """Basis points.

    >>> bps(0.1634)
    '0.163 bps'
    """
    return f"{number(value, signed=signed)} bps"


def times(value: float) -> str:
    """A multiple.

    >>> times(2.125)
    '2.12×'
    """
    return f"{number(value)}×"
