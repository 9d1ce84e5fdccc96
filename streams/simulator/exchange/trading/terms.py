"""What venues differ in beyond their wire protocols: fees, limits, rules of client ids."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from schemas.money import CONTEXT
from streams.simulator.exchange.trading.rejections import Reason


@dataclass(frozen=True, kw_only=True)
class Fees:
    """Shares of a fill's value."""

    maker: Decimal
    taker: Decimal

    def of(self, value: Decimal, *, maker: bool) -> Decimal:
        """The fee of a fill of this value."""
        return CONTEXT.multiply(value, self.maker if maker else self.taker)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """One venue's terms. Fees are those of its lowest tier.

    ``client_ids_for_ever`` says that a client id may never come again, not even when its order is
    over; else it must be unlike those of open orders. ``contract_lapses`` and ``spot_lapses`` are
    the reasons (post-only would take, fill-or-kill finds too little) for which an order is not
    refused: it is accepted, and ends at once. ``spot_stops_lock`` says that a conditional order of
    spot locks what it would spend while it waits. A fee is taken in whole steps of ``fee_step``,
    where its wire format knows no smaller ones; they are rounded down.
    """

    contract_fees: Fees
    spot_fees: Fees
    leverage: int
    client_ids_for_ever: bool
    contract_lapses: frozenset[Reason] = frozenset()
    spot_lapses: frozenset[Reason] = frozenset()
    most_orders: int = 200
    most_conditionals: int = 10
    spot_stops_lock: bool = False
    fee_step: Decimal | None = None


BINANCE = Terms(
    contract_fees=Fees(maker=Decimal("0.0002"), taker=Decimal("0.0005")),
    spot_fees=Fees(maker=Decimal("0.001"), taker=Decimal("0.001")),
    leverage=20,
    client_ids_for_ever=False,
    spot_lapses=frozenset({Reason.FILL_OR_KILL}),
    spot_stops_lock=True,
    fee_step=Decimal("1E-8"),
)
BYBIT = Terms(
    contract_fees=Fees(maker=Decimal("0.0002"), taker=Decimal("0.00055")),
    spot_fees=Fees(maker=Decimal("0.001"), taker=Decimal("0.001")),
    leverage=10,
    client_ids_for_ever=True,
    contract_lapses=frozenset({Reason.FILL_OR_KILL, Reason.POST_ONLY}),
    spot_lapses=frozenset({Reason.FILL_OR_KILL}),
    most_orders=500,
)
