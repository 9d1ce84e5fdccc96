"""Lets faults happen: to connections and symbols at once, to messages and requests as they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from schemas.errors import UsageError
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import Connection
from streams.simulator.exchange.faults import (
    Delist,
    Drop,
    ExpireSessions,
    Fault,
    FaultTable,
    Maintenance,
    MessageFault,
    RequestFault,
    Retick,
    Silence,
    SkewClock,
)
from streams.simulator.exchange.venues.base import Venue

_GOING_AWAY = 1001


class Faults:
    """The faults of one exchange.

    ::

        exchange.faults.inflict(Lose(venue="bybit", channel=Channel.BOOK, symbol="BTC/USDT:USDT"))
    """

    def __init__(self, venues: Mapping[str, Venue], clock: MarketClock, table: FaultTable) -> None:
        self._venues = venues
        self._clock = clock
        self._table = table

    def inflict(self, fault: Fault) -> int:
        """Let something go wrong, now or from now on; how many connections or symbols it met.

        Raises :class:`UsageError` for a venue or symbol that is not here.
        """
        if fault.venue is not None and fault.venue not in self._venues:
            raise UsageError(f"{fault.venue} is not simulated here")
        match fault:
            case Drop():
                return self._drop(fault)
            case Silence():
                return self._silence(fault)
            case ExpireSessions():
                return sum(venue.expire_sessions() for venue in self._each(fault.venue))
            case Maintenance():
                return self._maintain(fault)
            case SkewClock():
                self._clock.skew_ms = fault.ms
                return 0
            case Delist() | Retick():
                return self._change_listing(fault)
            case _:  # what messages and requests meet as they come
                self._table.add(fault)
                return 0

    def in_force(self) -> list[MessageFault | RequestFault]:
        """Faults of messages and requests that are not used up."""
        return self._table.in_force()

    def mend(self) -> None:
        """End faults of messages and requests, maintenance, and the clock's skew."""
        self._table.clear()
        self._clock.skew_ms = 0
        for venue in self._venues.values():
            venue.in_maintenance = False

    def _drop(self, fault: Drop) -> int:
        connections = self._connections(fault.venue, fault.path)[: fault.connections]
        for connection in connections:
            if fault.close_code is None:
                connection.cut()
            else:
                connection.close(fault.close_code)
        return len(connections)

    def _maintain(self, fault: Maintenance) -> int:
        met = 0
        for venue in self._each(fault.venue):
            venue.in_maintenance = fault.on
            for connection in list(venue.hub.connections) if fault.on else ():
                connection.close(_GOING_AWAY)
                met += 1
        return met

    def _silence(self, fault: Silence) -> int:
        connections = self._connections(fault.venue, fault.path)
        for connection in connections:
            connection.hush(seconds=fault.seconds, pong=fault.pong)
        return len(connections)

    def _change_listing(self, fault: Delist | Retick) -> int:
        symbol = fault.symbol
        met = [each.listings[symbol] for each in self._each(fault.venue) if symbol in each.listings]
        if not met:
            raise UsageError(f"{symbol} is not listed here")
        for listing in met:
            if isinstance(fault, Delist):
                listing.active = not fault.on
            else:
                listing.retick(Decimal(fault.tick))
        return len(met)

    def _connections(self, venue: str | None, path: str | None) -> list[Connection]:
        return [
            connection
            for each in self._each(venue)
            for connection in each.hub.connections
            if path is None or connection.path.startswith(path)
        ]

    def _each(self, venue: str | None) -> Iterable[Venue]:
        return self._venues.values() if venue is None else [self._venues[venue]]
