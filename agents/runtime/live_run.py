"""An account over a real venue without a broker: for drills and trials, in one event loop.

The same rules as the role's: a report gets the tick of the last step and is logged before anything
later is applied; a step is stored before anything of it is sent; what was stored before, by a
process that died, is looked for and never sent again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.execution.account import Account, AccountState
from agents.execution.sequencer import Step
from agents.runtime.ledger_writer import KEPT
from agents.venues.ccxt_live.desk import Desk
from schemas.control import Command
from schemas.frame import Instrument, Message
from schemas.ledger_store import Lease, LedgerStore
from schemas.venue import (
    AccountReport,
    FundingReport,
    OrderReport,
    TradeReport,
    VenueReport,
    VenueRequest,
)

Entry = Step | VenueReport | Command | Instrument
"""What is logged, in the order in which it is applied."""


class LiveRun:
    """One process's part; ``log`` outlives it. ``state`` is that of after ``applied`` entries."""

    def __init__(
        self,
        account: Account,
        store: LedgerStore,
        lease: Lease,
        *,
        log: list[Entry],
        state: AccountState,
        applied: int = 0,
    ) -> None:
        self.account = account
        self.state = state
        self.applied = applied
        self._store = store
        self._lease = lease
        self._log = log
        self._tick_ns = -1

    def ready(self) -> bool:
        """Whether the venue forbids nothing."""
        return self.account.unready(self.state) is None

    def catch_up(self, desk: Desk) -> None:
        """Apply what a process before has logged, and let the desk begin with what it left open."""
        while self.applied < len(self._log):
            self._apply(desk)
        desk.begin(self._store.unsettled_orders(self.account.id))

    def hear(self, desk: Desk) -> None:
        """Log and take what the desk has heard, with the tick of the last step."""
        for report in desk.drain():
            self._add(desk, msgspec.structs.replace(report, effective_ns=self._tick_ns))

    def add(self, desk: Desk, entry: Step | Command | Instrument) -> list[Message]:
        """Log and apply a step, or what a person or the feed says; what was decided."""
        self.hear(desk)
        return self._add(desk, entry)

    def _add(self, desk: Desk, entry: Entry) -> list[Message]:
        self._log.append(entry)
        return self._apply(desk)

    def _apply(self, desk: Desk) -> list[Message]:
        entry = self._log[self.applied]
        decided: list[Message] = []
        match entry:
            case Step(frame=frame, signal=signal):
                decided = self.account.step(self.state, frame, signal)
                self._tick_ns = frame.close_ns
                self._settle(desk, decided)
            case OrderReport() | TradeReport() | FundingReport() | AccountReport():
                self.account.hear(self.state, entry)
            case Instrument():
                self.account.learn(self.state, entry)
            case _:
                self.account.command(self.state, entry)
        self.applied += 1
        return decided

    def _settle(self, desk: Desk, decided: Sequence[Message]) -> None:
        """Store a step, then let its requests go."""
        kept = [record for record in decided if isinstance(record, KEPT)]
        fresh = not kept or self._store.write(self._lease, kept) == len(kept)
        for record in decided:
            if isinstance(record, VenueRequest):
                desk.take(record, fresh=fresh)
