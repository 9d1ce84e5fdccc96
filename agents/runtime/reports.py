"""From what a real venue reports to a tick from which it holds.

A report comes without a tick. The active account writes it into the log with one, and applies
nothing later before it has read that back; so whoever reads the log again hears it at the same
place. A process begins with a report of its own, and applies nothing at all before that is back:
what a process before it may still have written lies ahead of it in the log and counts, what comes
after it does not (:meth:`LiveVenue.hear`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from schemas.venue import VenueReport


class Reports:
    """Reports of one account: which are on their way through the log, and who writes them."""

    def __init__(self) -> None:
        self._limit_ns: dict[str, int] = {}
        self._run = 0
        self._last_run = 0

    @property
    def are_ours(self) -> bool:
        """Whether this process hears for the account: the last report in the log is its own."""
        return self._run > 0 and self._run == self._last_run

    def begin(self, now_ns: int) -> int:
        """The number of this process's run: its start in wall ns, and above all before."""
        self._run = max(now_ns, self._last_run + 1)
        return self._run

    def known(self, run: int) -> None:
        """A process has reported under this run."""
        self._last_run = max(self._last_run, run)

    def stamp(self, reports: Iterable[VenueReport], at_ns: int) -> list[VenueReport]:
        """Reports with the tick ``at_ns``; they count as on their way from here on."""
        stamped = [msgspec.structs.replace(report, effective_ns=at_ns) for report in reports]
        self._limit_ns |= {report.id: at_ns for report in stamped}
        return stamped

    def take(self, report: VenueReport) -> None:
        """Take one from the log."""
        self._limit_ns.pop(report.id, None)
        self.known(report.run)

    def limits_ns(self) -> list[int]:
        """Closes up to which steps may be applied while reports are on their way."""
        return list(self._limit_ns.values())
