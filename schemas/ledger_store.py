"""What execution asks of durable storage. Who implements it lives in ``streams/store``.

The account has one writer at a time. It holds a lease with an epoch, the fencing token: each
takeover raises it, and the store refuses, within the transaction, what comes with an older one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.control import Command
from schemas.execution_quality import ExecutionQuality
from schemas.order import Fill, Flattened, Funding, Order, Position

LedgerRecord = Order | Fill | Funding | Position | Flattened | ExecutionQuality | Command
"""What the ledger keeps."""


class Lease(NamedTuple):
    """The right to write for an account, as long as it is renewed. Every write renews it."""

    account: str
    epoch: int
    holder: str
    ttl_ms: int


class LedgerStore(Protocol):
    """Orders in all their versions, fills, funding, positions, quality, commands of accounts.

    Every method may raise :class:`~schemas.errors.StoreUnreachable`.
    """

    def acquire(self, account: str, holder: str, *, ttl_ms: int) -> Lease:
        """Become the writer of an account, under a new epoch.

        Raises :class:`~schemas.errors.Fenced` while another lease has not lapsed.
        """
        ...

    def renew(self, lease: Lease) -> None:
        """Keep a lease. Raises :class:`~schemas.errors.Fenced` once another has taken over."""
        ...

    def release(self, lease: Lease) -> None:
        """Let the next writer take over at once; nothing happens if one did already."""
        ...

    def write(self, lease: Lease, records: Sequence[LedgerRecord]) -> int:
        """Store all of them or none, durably; how many were new.

        What is there already is passed over; what contradicts it is
        :class:`~schemas.errors.StoreConflict`. Raises :class:`~schemas.errors.Fenced` if the lease
        lapsed or is another's: then nothing was stored.
        """
        ...

    def working_orders(self, account: str) -> list[Order]:
        """The latest version of each order that may still fill, intents among them."""
        ...

    def unsettled_orders(self, account: str) -> list[Order]:
        """The latest version of each order at a real venue of which something may still be heard:
        all but rejected and reconciled ones.
        """
        ...

    def order_versions(self, account: str) -> list[Order]:
        """Every version of every order, in the order in which they were stored."""
        ...

    def fills(self, account: str) -> list[Fill | Funding]:
        """Every fill and funding payment, in the order in which they were stored."""
        ...

    def last_tick_ns(self, account: str) -> int:
        """Tick of the last step of which anything is stored, -1 if there is none."""
        ...

    def positions(self, account: str) -> list[Position]:
        """The latest position of each symbol."""
        ...

    def quality(self, account: str) -> list[ExecutionQuality]:
        """How well each order was executed, in the order in which they ended."""
        ...

    def commands(self, account: str) -> list[Command]:
        """Commands with the tick from which they hold, in the order in which they were stored."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
