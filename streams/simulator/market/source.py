"""What a simulated exchange plays: the rules of one instrument, and its events in time order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from schemas.frame import ContractKind
from streams.events import Event


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Trading rules of one instrument.

    ``symbol`` is the unified name (``BTC/USDT:USDT``), ``venue_id`` the venue's own (``BTCUSDT``);
    ``settle`` is empty for spot. Sizes are in units of the quote (``tick_size``,
    ``min_notional``) and of the base (``qty_step``).
    """

    symbol: str
    venue_id: str
    base: str
    quote: str
    settle: str
    tick_size: Decimal
    qty_step: Decimal
    min_notional: Decimal
    kind: ContractKind

    @property
    def price_decimals(self) -> int:
        """Digits behind the point of a price.

        Raises ``ValueError`` if the tick is not a finite decimal.
        """
        return decimals(self.tick_size)

    @property
    def qty_decimals(self) -> int:
        """Digits behind the point of a quantity."""
        return decimals(self.qty_step)


class MarketSource(Protocol):
    """One symbol's market, told once and from its start.

    The contract of :meth:`events`, which tests hold every source to:

    - times are UTC nanoseconds of the venue's clock and never go back; an event's own
      ``exchange_ns`` or ``known_ns`` is given and not later than the time beside it;
    - the first event is a :class:`BookSnapshot` of the whole book; a further one means that the
      book starts anew from it (a recording that wraps, or that had a gap);
    - a :class:`BookDiff` continues the book event before it: ``prev_id`` is that event's last id
      (always given), and ``prev_id < first_id <= last_id``; the book is never crossed after it;
    - trade ids are a sequence that grows by one, ``first_id == last_id == id``;
    - ``symbol`` is ``rules.venue_id`` in every event; prices and quantities are decimal text;
    - a source of a recording gives what was recorded, so where it ends (if it is not looped) is
      where the recording ends; a generated one has no end.

    Best bid and ask are left to whoever keeps the book: there are no touch events.
    """

    @property
    def rules(self) -> Rules:
        """What may be traded, in which steps."""
        ...

    def events(self) -> Iterator[tuple[int, Event]]:
        """Venue time and event, in time order."""
        ...


def decimals(step: Decimal) -> int:
    """Digits behind the point that multiples of ``step`` need.

    >>> decimals(Decimal("0.10")), decimals(Decimal("5"))
    (1, 0)
    """
    exponent = step.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"a step of {step}: must be a finite number")
    return max(0, -exponent)
