"""Decimal text to integers with one exponent, exactly."""

from __future__ import annotations

from schemas.errors import MalformedMessage, OffGrid
from schemas.frame import Known

MAX_MANTISSA = 10**16
"""Bound of one value; leaves room for a sum over 900 levels of this size within 64 bits."""
MAX_EXPONENT = 16
_CACHE_SIZE = 8_192


class FinerValue(Exception):
    """A value needs more decimals than the scale has.

    Not an error but a request: :meth:`Scale.grow`, rescale what was scaled before, look up again.
    """

    def __init__(self, scale: Scale, text: str) -> None:
        super().__init__(text)
        self.scale = scale
        self.text = text


class Scale(dict[str, int]):
    """``scale[text]`` is ``value * 10**exponent`` as an integer.

    The exponent is the smallest that shows every value seen so far without loss, trailing zeros
    stripped, and only grows. A text that was seen before costs one dict lookup; memory is bounded
    by forgetting all texts when there are too many.

    Raises :class:`FinerValue` when the exponent must grow first, so that the caller can rescale
    what it holds, :class:`MalformedMessage` for what is no plain decimal of at most 16 digits, and
    :class:`OffGrid` for what lies between two steps.

    >>> price = Scale()
    >>> price.grow("1.21400000")
    1000
    >>> price["1.21400000"], price["7"], price.exponent
    (1214, 7000, 3)
    """

    def __init__(self) -> None:
        super().__init__()
        self.exponent = 0
        self._largest = 0
        self._step: tuple[int, int] | None = None

    def set_step(self, step: str) -> None:
        """From here on only multiples of ``step`` (decimal text, above zero) are values."""
        self._step = exact(step)
        self.clear()  # so that every text is looked at again

    def __missing__(self, text: str) -> int:
        scaled = self.between_steps(text)
        if self._step is not None:
            # Only a text that was not seen before costs this.
            step, exponent = self._step
            finest = max(exponent, self.exponent)
            value: int = scaled * 10 ** (finest - self.exponent)
            if value % (step * 10 ** (finest - exponent)):
                raise OffGrid(f"{text} is no multiple of the venue's step {step}e-{exponent}")
        if len(self) >= _CACHE_SIZE:
            self.clear()
        self._largest = max(self._largest, scaled)
        self[text] = scaled
        return scaled

    def between_steps(self, text: str) -> int:
        """``value * 10**exponent`` of a value that need not lie on a step, such as an average."""
        mantissa, exponent = exact(text)
        if exponent > self.exponent:
            raise FinerValue(self, text)
        scaled: int = mantissa * 10 ** (self.exponent - exponent)
        if not 0 <= scaled < MAX_MANTISSA:
            raise MalformedMessage(f"{text!r} does not fit {self.exponent} decimals in 16 digits")
        return scaled

    def grow(self, text: str) -> int:
        """Let the exponent grow so that ``text`` fits; the factor by which older integers grow."""
        _, exponent = exact(text)
        factor = int(10 ** (exponent - self.exponent)) if exponent > self.exponent else 1
        if self._largest * factor >= MAX_MANTISSA:
            raise MalformedMessage(
                f"{text!r} has more decimals than fit beside a value of {self._largest} units"
            )
        self._largest *= factor
        self.exponent = max(exponent, self.exponent)
        self.clear()
        return factor


def exact(text: str) -> tuple[int, int]:
    """Mantissa and smallest exponent of a plain decimal text.

    Raises :class:`MalformedMessage`.

    >>> exact("-0.00010000")
    (-1, 4)
    """
    whole, _, fraction = text.removeprefix("-").partition(".")
    digits = whole + fraction
    if not (whole and digits.isascii() and digits.isdigit() and len(digits) <= 2 * MAX_EXPONENT):
        raise MalformedMessage(f"{text[:40]!r} is no decimal number")
    fraction = fraction.rstrip("0")
    if len(fraction) > MAX_EXPONENT:
        raise MalformedMessage(f"{text!r} has more than {MAX_EXPONENT} decimals")
    mantissa = int(whole + fraction)
    return (-mantissa if text.startswith("-") else mantissa), len(fraction)


def known(text: str, known_ns: int) -> Known:
    """An exact value with its own exponent. Raises :class:`MalformedMessage`."""
    mantissa, exponent = exact(text)
    if abs(mantissa) >= MAX_MANTISSA:
        raise MalformedMessage(f"{text!r} has more than 16 digits")
    return Known(mantissa, exponent, known_ns)
