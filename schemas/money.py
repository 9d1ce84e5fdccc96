"""The one conversion between floats (features) and ``Decimal`` (orders), and exact rounding."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from math import gcd, lcm

CONTEXT = Context(prec=34, rounding=ROUND_HALF_EVEN)
"""Arithmetic of money: decimal128 precision, independent of any thread's own context."""


def decimal_of(value: float) -> Decimal:
    """The shortest decimal that reads back as ``value``; the same on every machine.

    >>> decimal_of(0.1)
    Decimal('0.1')
    """
    return Decimal(repr(value))


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of ``step`` that does not exceed ``value``.

    >>> floor_to_step(Decimal("1.2399"), Decimal("0.01"))
    Decimal('1.23')
    """
    steps = CONTEXT.divide(value, step).to_integral_value(rounding=ROUND_FLOOR)
    return CONTEXT.multiply(steps, step)


def common_step(one: Decimal, two: Decimal) -> Decimal:
    """Smallest quantity that is a whole number of both steps.

    >>> common_step(Decimal("0.001"), Decimal("0.00001")), common_step(Decimal("0.2"), Decimal(3))
    (Decimal('0.001'), Decimal('3'))
    """
    (p, q), (r, s) = one.as_integer_ratio(), two.as_integer_ratio()
    return CONTEXT.divide(Decimal(lcm(p, r)), Decimal(gcd(q, s)))
