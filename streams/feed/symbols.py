"""Which symbols of a venue are meant: by name, by list, or ``top:N`` by turnover."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from schemas.errors import UsageError
from schemas.settings import FeedSettings
from streams.exchanges.venue import Contract, Transport, Venue
from streams.feed.counters import Counters
from streams.feed.receiver import Receiver
from streams.feed.session import open_session

MAX_SYMBOLS = 100
"""Symbols of one process."""
TOP = "top:"
"""What stands before a number of symbols instead of names."""


async def chosen(asked: str, transport: Transport, contracts: Mapping[str, Contract]) -> list[str]:
    """Unified symbols that ``asked`` means, in its order, each once.

    Raises :class:`UsageError` for a symbol that the venue does not list, with the nearest one that
    it does, for one that is not traded any more, and for too many.
    """
    if asked.startswith(TOP):
        count = asked.removeprefix(TOP)
        if not count.isdigit() or not 1 <= int(count) <= MAX_SYMBOLS:
            raise UsageError(f"--symbols {asked}: write top:N with N from 1 to {MAX_SYMBOLS}")
        return await transport.top(int(count))
    names = named(asked)
    for name in names:
        _refuse_unlisted(name, contracts)
    return names


def named(asked: str) -> list[str]:
    """The names of a list, each once. Raises :class:`UsageError` for none and for too many."""
    names = list(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
    if not names:
        raise UsageError("--symbols names none: give BTC/USDT:USDT,... or top:N")
    if len(names) > MAX_SYMBOLS:
        raise UsageError(f"{len(names)} symbols: one feed takes {MAX_SYMBOLS}; start another one")
    return names


async def names_at(venue: Venue, asked: str, settings: FeedSettings) -> list[str]:
    """Unified symbols that ``asked`` means at a venue now, for who must know them before a feed.

    Raises as :func:`chosen` does, and :class:`VenueUnavailable` when the venue does not answer.
    """
    async with open_session(settings) as session:
        listener = Receiver(venue, counters=Counters(venue.id), on_dead_letter=lambda _letter: None)
        transport = venue.open(settings, session, listener)
        try:
            return await chosen(asked, transport, await transport.load())
        finally:
            await transport.close()


def _refuse_unlisted(name: str, contracts: Mapping[str, Contract]) -> None:
    if name not in contracts:
        upper = {symbol.upper(): symbol for symbol in contracts}
        near = difflib.get_close_matches(name.upper(), upper, n=1, cutoff=0.0)
        nearest = f"; the nearest known one is {upper[near[0]]}" if near else ""
        raise UsageError(f"unknown symbol {name}{nearest}")
    if not contracts[name].active:
        raise UsageError(f"{name} is delisted or not traded now; leave it out")
