"""Stores what the account decides before any of it is sent, as the account's one writer.

The consumer group gives the account one active worker; the store's fence is the second line. A
worker that was thought dead and wakes up is refused by the store, and ends, before it sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from schemas.clock import monotonic_ns
from schemas.control import Flatten, Halt, Resume
from schemas.errors import Fenced
from schemas.execution_quality import ExecutionQuality
from schemas.frame import NS_PER_MS, Message
from schemas.ledger_store import Lease, LedgerRecord, LedgerStore
from schemas.order import Fill, Flattened, Funding, Order, Position

log = structlog.get_logger()

KEPT = Order | Fill | Funding | Position | Flattened | ExecutionQuality | Halt | Resume | Flatten
_LOOKS_PER_LEASE = 20


class LedgerWriter:
    """Writes for one account; the lease is taken when there is something to write.

    Every write is durable when it returns. Raises :class:`~schemas.errors.StoreError`, which ends
    the role: what is not stored must not be sent.
    """

    def __init__(self, store: LedgerStore, account: str, *, holder: str, lease_ms: int) -> None:
        self._store = store
        self._account = account
        self._holder = holder
        self._lease_ms = lease_ms
        self._lease: Lease | None = None
        self._term = 0
        self._turn = asyncio.Lock()
        self._noted: list[LedgerRecord] = []

    async def begin(self) -> tuple[list[Order], int]:
        """Become the writer; orders of which something may still be heard, and the tick of the last
        stored record, -1 if there is none.

        From here on nobody else stores for the account.
        """
        term = self._term
        async with self._turn:
            await self._held(term)
        return (
            await asyncio.to_thread(self._store.unsettled_orders, self._account),
            await asyncio.to_thread(self._store.last_tick_ns, self._account),
        )

    async def standing(self) -> tuple[list[Order], dict[str, str]]:
        """Orders that may still fill, and what is held by ``venue:symbol``, as stored."""
        orders = await asyncio.to_thread(self._store.working_orders, self._account)
        positions = await asyncio.to_thread(self._store.positions, self._account)
        return orders, {f"{p.venue}:{p.symbol}": str(p.qty) for p in positions if p.qty}

    def note(self, record: LedgerRecord) -> None:
        """Have a record stored with the next write."""
        self._noted.append(record)

    async def write(self, given: Iterable[Message]) -> bool:
        """Store what the ledger keeps of these records, and what was noted, before it is sent.

        ``False`` if some of it was stored before: then a process before this one may have sent it.
        """
        term, noted = self._term, list(self._noted)
        records = [record for record in given if isinstance(record, KEPT)]
        if not noted and not records:
            return True
        async with self._turn:
            lease = await self._held(term)
            if lease is None:
                raise Fenced(f"account {self._account}: another worker is the active one by now")
            if noted:
                await asyncio.to_thread(self._store.write, lease, noted)
                if term == self._term:
                    del self._noted[: len(noted)]
            new = 0
            if records:
                new = await asyncio.to_thread(self._store.write, lease, records)
        return new == len(records)

    async def keep(self) -> None:
        """Keep the lease, if there is one; call it several times within its length."""
        async with self._turn:
            if self._lease is not None:
                await asyncio.to_thread(self._store.renew, self._lease)

    def forget(self) -> None:
        """Another worker is the active one now: write and renew no more."""
        self._lease = None
        self._term += 1
        self._noted.clear()

    async def let_go(self) -> None:
        """The role ends: whoever takes over need not wait."""
        async with self._turn:
            lease, self._lease = self._lease, None
            if lease is not None:
                await asyncio.to_thread(self._store.release, lease)

    async def _held(self, term: int) -> Lease | None:
        """The lease, once that of a predecessor has lapsed; it renews no more if it is dead.

        ``None``: meanwhile another worker became the active one, and must not be kept waiting.
        """
        began_ns = monotonic_ns()
        while term == self._term:
            if self._lease is not None:
                return self._lease
            try:
                lease = await asyncio.to_thread(
                    self._store.acquire, self._account, self._holder, ttl_ms=self._lease_ms
                )
            except Fenced as error:
                if monotonic_ns() - began_ns > 3 * self._lease_ms * NS_PER_MS:
                    raise
                log.info("ledger.waits", error=str(error))
                await asyncio.sleep(self._lease_ms / 1_000 / _LOOKS_PER_LEASE)
                continue
            if term == self._term:
                self._lease = lease
            else:
                await asyncio.to_thread(self._store.release, lease)
        return None
