"""Parameters of Binance requests, and the errors for those that are wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from schemas.frame import NS_PER_MS
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.venues.base import Refusal, Reply

_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
"""As the venue says it in its error -1100: no sign, no exponent."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def refuse(code: int, text: str, *, status: int = 400) -> Refusal:
    """An error as Binance answers it."""
    return Refusal(Reply({"code": code, "msg": text}, status))


class Query:
    """Reads parameters; those that are missing or wrong raise :class:`Refusal`."""

    def __init__(self, values: Mapping[str, str], listings: Mapping[str, Listing]) -> None:
        self._values = values
        self._listings = listings

    def like(self, values: Mapping[str, str]) -> Query:
        """Other parameters about the same symbols."""
        return Query(values, self._listings)

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        value = self._values.get(name)
        if not value:
            raise refuse(
                -1102,
                f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
            )
        return value

    def whole(self, name: str, default: int | None = None) -> int | None:
        """A whole number."""
        value = self._values.get(name)
        if value is None:
            return default
        if not _WHOLE.fullmatch(value):
            raise refuse(-1100, f"Illegal characters found in parameter '{name}'.")
        return int(value)

    def unwanted(self, *names: str) -> None:
        """Refuse parameters that a request of its kind does not take."""
        for name in names:
            if self._values.get(name):
                raise refuse(-1106, f"Parameter '{name}' sent when not required.")

    def optional(self, name: str) -> str | None:
        """A text that may be missing."""
        return self._values.get(name) or None

    def flag(self, name: str) -> bool:
        """``true`` or ``false``, which is also what is missing."""
        return self._values.get(name, "false").lower() == "true"

    def number(self, name: str) -> Decimal | None:
        """A decimal, exactly; ``None`` where it is missing."""
        value = self._values.get(name)
        if not value:
            return None
        if not _DECIMAL.fullmatch(value):
            raise refuse(
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is "
                f"'^{_DECIMAL.pattern}$'.",
            )
        return Decimal(value)

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted; more than the venue gives are cut to that."""
        wanted = self.whole("limit", default)
        if wanted is None or wanted < 1:
            raise refuse(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(wanted, most)

    def time_ns(self, name: str) -> int | None:
        """A time that is sent in milliseconds."""
        value = self.whole(name)
        return None if value is None else value * NS_PER_MS

    def within(self, at_ns: int) -> bool:
        """Whether a time lies between ``startTime`` and ``endTime``, as far as they are given."""
        first_ns, last_ns = self.time_ns("startTime"), self.time_ns("endTime")
        return (first_ns is None or at_ns >= first_ns) and (
            last_ns is None or at_ns < last_ns + NS_PER_MS
        )

    def listing(self) -> Listing:
        """The symbol that is asked for."""
        found = self._listings.get(self.text("symbol").lower())
        if found is None or not found.active:
            raise refuse(-1121, "Invalid symbol.")
        return found

    def listings(self) -> list[Listing] | None:
        """All symbols; ``None`` where one is named."""
        if "symbol" in self._values:
            return None
        return [listing for listing in self._listings.values() if listing.active]
