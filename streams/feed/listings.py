"""What the venue lists of a feed's symbols, and what follows when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec
import structlog

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S, Instrument
from streams.exchanges.venue import Contract
from streams.feed.lines import Link, Told
from streams.feed.receiver import Receiver
from streams.feed.recovery import Recovery
from streams.feed.symbol_feed import SymbolFeed

log = structlog.get_logger()

_SOON_S = 10.0
"""Least time between two looks at the rules because of what does not fit them."""
_MISFITS = ("rejected.off_grid", "rejected.wrong_clock", "refused_requests")
"""Counters that grow when the venue has other rules than those that are known."""


class Listings:
    """The symbols of one feed as their venue lists them."""

    def __init__(
        self,
        receiver: Receiver,
        recovery: Recovery,
        *,
        rules_s: float,
        link: Callable[[str], Link],
        why: dict[str, str],
    ) -> None:
        self._receiver = receiver
        self._recovery = recovery
        self._rules_s = rules_s
        self._link = link
        self._why = why
        self._known: dict[str, Contract] = {}
        self._delisted: set[str] = set()

    def begin(self, name: str, contract: Contract) -> None:
        """Remember by which rules a symbol is traded from the start."""
        self._known[name] = contract

    def listed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those that the venue trades now."""
        return tuple(name for name in names if name not in self._delisted)

    async def look_is_due(self) -> None:
        """Wait for ``rules_s``, or less if what comes does not fit what is known of the venue."""
        looked_ns, misfits = monotonic_ns(), self._misfits()
        while (passed_s := (monotonic_ns() - looked_ns) / NS_PER_S) < self._rules_s:
            if self._misfits() > misfits and passed_s >= min(_SOON_S, self._rules_s):
                return
            await asyncio.sleep(min(1.0, self._rules_s - passed_s))

    def compare(self, contracts: Mapping[str, Contract]) -> None:
        """Tell each symbol what has changed for it."""
        for name, known in list(self._known.items()):
            feed, now = self._receiver.feeds[name], contracts.get(name)
            if now is None or not now.active:
                self._gone(feed, name)
                continue
            if name in self._delisted:
                self._back(feed, name)
            if _without_time(now.rules) != _without_time(known.rules):
                self._changed(feed, name, now)

    def _gone(self, feed: SymbolFeed, name: str) -> None:
        self._why[name] = "delisted, or not traded now"
        if name not in self._delisted:
            log.error("feed.delisted", symbol=feed.key)
            self._delisted.add(name)
            self._tell(feed, name, trading=False)
            self._receiver.tell(feed, self._link(name))

    def _back(self, feed: SymbolFeed, name: str) -> None:
        log.warning("feed.listed_again", symbol=feed.key)
        self._delisted.discard(name)
        del self._why[name]
        self._tell(feed, name, trading=True)
        self._recovery.begin_anew(name)

    def _changed(self, feed: SymbolFeed, name: str, now: Contract) -> None:
        log.warning("feed.rules_changed", symbol=feed.key, tick=str(now.rules.tick_size))
        self._receiver.counters.add("rules_changed")
        self._known[name] = now
        self._tell(feed, name, trading=True)

    def _tell(self, feed: SymbolFeed, name: str, *, trading: bool) -> None:
        """Publish the rules that are known, from now on."""
        told = msgspec.structs.replace(
            self._known[name].rules, effective_ns=self._receiver.now(), trading=trading
        )
        self._receiver.tell(feed, Told(told))

    def _misfits(self) -> int:
        counts = self._receiver.counters.counts
        return sum(counts[name] for name in _MISFITS)


def _without_time(rules: Instrument) -> Instrument:
    return msgspec.structs.replace(rules, effective_ns=0)
