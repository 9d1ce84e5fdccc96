"""The durable ledger: idempotent writes by one fenced writer per account, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from schemas.codec import Decoder, encode
from schemas.control import Command, Flatten, Halt, Resume
from schemas.errors import Fenced, SourceMissing, StoreConflict, StoreError
from schemas.execution_quality import ExecutionQuality
from schemas.ledger_store import Lease, LedgerRecord
from schemas.order import Fill, Flattened, Funding, Order, OrderStatus, Position
from schemas.plain import plain
from streams.store.database import Database, Transaction, open_database, shown
from streams.store.migrations import migrate, pending


class _Table(NamedTuple):
    """Where records of a type go: the columns that name one, and those to be asked for."""

    name: str
    identity: tuple[str, ...]
    columns: tuple[str, ...]

    def insert(self) -> str:
        """SQL that inserts one record, if its identity is new."""
        names = [*self.identity, *self.columns, "epoch", "number", "body"]
        return (
            f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT ({', '.join(self.identity)}) DO NOTHING"
        )

    def select(self) -> str:
        """SQL that reads the record of an identity."""
        where = " AND ".join(f"{name} = ?" for name in self.identity)
        return f"SELECT body FROM {self.name} WHERE {where}"


class Holder(NamedTuple):
    """Who may write for an account, and for how much longer."""

    name: str
    epoch: int
    left_ms: int


_MARKET = ("account", "venue", "symbol")
_ORDERS = _Table(
    "orders",
    ("account", "client_order_id", "version"),
    (
        "venue", "symbol", "tick_ns", "status", "side", "type", "qty", "filled_qty", "reduce_only",
        "signal_id", "leg", "attempt", "reason",
    ),
)  # fmt: skip
_FILLS = _Table(
    "fills",
    (*_MARKET, "trade_id"),
    ("client_order_id", "tick_ns", "side", "price", "qty", "fee", "fee_currency", "maker"),
)
_FUNDING = _Table("funding", (*_MARKET, "payment_id"), ("tick_ns", "amount", "currency"))
_POSITIONS = _Table(
    "positions",
    (*_MARKET, "tick_ns"),
    ("qty", "average_price", "realised_pnl", "fees", "balance"),
)
_FLATTENED = _Table("flattened", ("account", "command_id"), ("scope", "tick_ns"))
_QUALITY = _Table(
    "execution_quality",
    ("account", "parent_id"),
    (
        "venue", "symbol", "tick_ns", "signal_id", "leg", "side", "algorithm", "outcome", "qty",
        "filled_qty", "fees", "shortfall", "shortfall_bps",
    ),
)  # fmt: skip
_COMMANDS = _Table(
    "commands",
    ("account", "id"),
    ("kind", "scope", "given_by", "reason", "given_ns", "effective_ns"),
)
_TABLE_OF: dict[type, _Table] = {
    Order: _ORDERS,
    Fill: _FILLS,
    Funding: _FUNDING,
    Position: _POSITIONS,
    Flattened: _FLATTENED,
    ExecutionQuality: _QUALITY,
    Halt: _COMMANDS,
    Resume: _COMMANDS,
    Flatten: _COMMANDS,
}
_DONE = (
    OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.RECONCILED,
)  # fmt: skip
_decode = Decoder(*_TABLE_OF).decode


def open_ledger(url: str) -> SqlLedger:
    """The ledger at ``postgresql://...`` or ``sqlite://path``, its schema brought up to date.

    Raises :class:`StoreError`, :class:`UsageError`.
    """
    database = open_database(url)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return SqlLedger(database)


def ledger_as_it_is(url: str) -> SqlLedger | list[int]:
    """The ledger at a URL without changing it, or the migrations that it lacks.

    Raises :class:`StoreError`, :class:`UsageError`.
    """
    database = open_database(url)
    try:
        due = pending(database)
    except BaseException:
        database.close()
        raise
    if due:
        database.close()
        return due
    return SqlLedger(database)


def ledger_to_read(url: str) -> SqlLedger:
    """The ledger at a URL for who only looks: nothing is made, and nothing is changed.

    Raises :class:`SourceMissing` if there is none, or not as this version knows it, and
    :class:`StoreError`, :class:`UsageError`.
    """
    if url.startswith("sqlite://") and not Path(url.removeprefix("sqlite://")).exists():
        raise SourceMissing(f"{url}: no ledger is there; check the path")
    found = ledger_as_it_is(url)
    if isinstance(found, SqlLedger):
        return found
    lacks = ", ".join(f"{version:04d}" for version in found)
    raise SourceMissing(
        f"{shown(url)}: no ledger, or an older one: it lacks migrations {lacks}; check the name, "
        "or start `prism execution` on it, which brings it up to date"
    )


class SqlLedger:
    """A :class:`~schemas.ledger_store.LedgerStore` in SQL. Time is the database's own clock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = database.now_ms

    def acquire(self, account: str, holder: str, *, ttl_ms: int) -> Lease:
        """See :class:`LedgerStore`."""
        sql = f"""
            INSERT INTO writer_leases (account, epoch, holder, expires_ms, records)
            VALUES (?, 1, ?, {self._now} + ?, 0)
            ON CONFLICT (account) DO UPDATE SET
                epoch = writer_leases.epoch + 1,
                holder = excluded.holder,
                expires_ms = excluded.expires_ms
            WHERE writer_leases.expires_ms <= {self._now}
            RETURNING epoch
        """
        with self._database.transaction() as transaction:
            row = transaction.execute(sql, (account, holder, ttl_ms)).fetchone()
            if row is None:
                raise Fenced(f"{self._holder_of(transaction, account)}; wait until it lapses")
        return Lease(account, row[0], holder, ttl_ms)

    def renew(self, lease: Lease) -> None:
        """See :class:`LedgerStore`. A lease that lapsed may be renewed if none took over."""
        with self._database.transaction() as transaction:
            sql = f"""
                UPDATE writer_leases SET expires_ms = {self._now} + ?
                WHERE account = ? AND epoch = ?
            """
            if transaction.execute(sql, (lease.ttl_ms, lease.account, lease.epoch)).rowcount != 1:
                raise self._fenced(transaction, lease)

    def release(self, lease: Lease) -> None:
        """See :class:`LedgerStore`."""
        with self._database.transaction() as transaction:
            transaction.execute(
                "UPDATE writer_leases SET expires_ms = 0 WHERE account = ? AND epoch = ?",
                (lease.account, lease.epoch),
            )

    def write(self, lease: Lease, records: Sequence[LedgerRecord]) -> int:
        """See :class:`LedgerStore`."""
        new = 0
        with self._database.transaction() as transaction:
            # It locks the lease until the end: a takeover waits, or came before and is seen here.
            sql = f"""
                UPDATE writer_leases SET expires_ms = {self._now} + ?, records = records + ?
                WHERE account = ? AND epoch = ? AND expires_ms > {self._now}
                RETURNING records
            """
            given = (lease.ttl_ms, len(records), lease.account, lease.epoch)
            row = transaction.execute(sql, given).fetchone()
            if row is None:
                raise self._fenced(transaction, lease)
            for number, record in enumerate(records, start=row[0] - len(records) + 1):
                new += _put(transaction, record, lease, number)
        return new

    def holder(self, account: str) -> Holder | None:
        """Who holds an account now; ``None`` if its lease lapsed, was let go or never was."""
        with self._database.transaction() as transaction:
            found = self._holder(transaction, account)
        return None if found is None or found.left_ms <= 0 else found

    def working_orders(self, account: str) -> list[Order]:
        """See :class:`LedgerStore`."""
        return self._latest_but(account, _DONE)

    def unsettled_orders(self, account: str) -> list[Order]:
        """See :class:`LedgerStore`."""
        return self._latest_but(account, (OrderStatus.REJECTED, OrderStatus.RECONCILED))

    def _latest_but(self, account: str, statuses: Sequence[OrderStatus]) -> list[Order]:
        left_out = ", ".join(f"'{status.value}'" for status in statuses)
        return self._read(
            f"""
            SELECT body FROM orders AS latest
            WHERE account = ? AND status NOT IN ({left_out}) AND version = (
                SELECT max(version) FROM orders
                WHERE account = latest.account AND client_order_id = latest.client_order_id)
            ORDER BY number
            """,
            account,
        )

    def order_versions(self, account: str) -> list[Order]:
        """See :class:`LedgerStore`."""
        return self._read("SELECT body FROM orders WHERE account = ? ORDER BY number", account)

    def fills(self, account: str) -> list[Fill | Funding]:
        """See :class:`LedgerStore`."""
        return self._read(
            """
            SELECT body, number FROM fills WHERE account = ?
            UNION ALL
            SELECT body, number FROM funding WHERE account = ?
            ORDER BY number
            """,
            account,
            account,
        )

    def last_tick_ns(self, account: str) -> int:
        """See :class:`LedgerStore`."""
        tables = [table for table in _TABLE_OF.values() if "tick_ns" in table.columns]
        union = " UNION ALL ".join(
            f"SELECT max(tick_ns) AS tick_ns FROM {table.name} WHERE account = ?"
            for table in {table.name: table for table in [*tables, _POSITIONS]}.values()
        )
        with self._database.transaction() as transaction:
            row = transaction.execute(
                f"SELECT max(tick_ns) FROM ({union}) AS ticks", (account,) * union.count("?")
            ).fetchone()
        return -1 if row is None or row[0] is None else int(row[0])

    def positions(self, account: str) -> list[Position]:
        """See :class:`LedgerStore`."""
        return self._read(
            """
            SELECT body FROM positions AS latest
            WHERE account = ? AND tick_ns = (
                SELECT max(tick_ns) FROM positions WHERE account = latest.account
                AND venue = latest.venue AND symbol = latest.symbol)
            ORDER BY venue, symbol
            """,
            account,
        )

    def quality(self, account: str) -> list[ExecutionQuality]:
        """See :class:`LedgerStore`."""
        return self._read(
            "SELECT body FROM execution_quality WHERE account = ? ORDER BY number", account
        )

    def commands(self, account: str) -> list[Command]:
        """See :class:`LedgerStore`."""
        return self._read(
            "SELECT body FROM commands WHERE account = ? ORDER BY effective_ns, given_ns, id",
            account,
        )

    def close(self) -> None:
        """See :class:`LedgerStore`."""
        self._database.close()

    def _read(self, sql: str, *parameters: str) -> list[Any]:
        with self._database.transaction() as transaction:
            return [
                _decode(bytes(row[0])) for row in transaction.execute(sql, parameters).fetchall()
            ]

    def _fenced(self, transaction: Transaction, lease: Lease) -> Fenced:
        return Fenced(
            f"{lease.holder} may not write for account {lease.account} with epoch {lease.epoch}: "
            f"{self._holder_of(transaction, lease.account)}; stop this one"
        )

    def _holder(self, transaction: Transaction, account: str) -> Holder | None:
        row = transaction.execute(
            f"SELECT holder, epoch, expires_ms - {self._now} FROM writer_leases WHERE account = ?",
            (account,),
        ).fetchone()
        return None if row is None else Holder(*row)

    def _holder_of(self, transaction: Transaction, account: str) -> str:
        found = self._holder(transaction, account)
        if found is None:
            return "nobody ever held it"
        name, epoch, left_ms = found
        return f"{name} holds it with epoch {epoch}, its lease ends in {left_ms} ms"


def _put(transaction: Transaction, record: LedgerRecord, lease: Lease, number: int) -> int:
    """Insert one record; 1 if it was new."""
    if record.account != lease.account:
        raise StoreError(f"a record of account {record.account} under a lease of {lease.account}")
    table = _TABLE_OF[type(record)]
    identity = [_value(record, name) for name in table.identity]
    values = [_value(record, name) for name in table.columns]
    row = [*identity, *values, lease.epoch, number, encode(record)]
    if transaction.execute(table.insert(), row).rowcount == 1:
        return 1
    stored = transaction.execute(table.select(), identity).fetchone()
    # Compared as messages: a newer build writes more fields than an older one did.
    if _decode(bytes(stored[0])) != record:
        raise StoreConflict(
            f"{table.name} {identity}: stored before with other content; halt, and find out who "
            "wrote it"
        )
    return 0


def _value(record: LedgerRecord, column: str) -> Any:
    """What a column holds of a record."""
    match column:
        case "kind":
            return type(record).__name__.lower()
        case "given_by":
            return record.by if isinstance(record, Command) else ""
        case _:
            return plain(getattr(record, column))
