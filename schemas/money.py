"""The one conversion between floats (features) and ``Decimal`` (orders), and exact rounding."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

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
