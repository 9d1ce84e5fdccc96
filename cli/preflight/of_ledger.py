"""Checks of the durable ledger: there, fitting, and free of another writer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli.preflight.checklist import Checklist
from schemas.errors import StoreError, UsageError
from schemas.money import CONTEXT
from schemas.order import Fill, Funding, Order, Position
from schemas.settings import Settings

if TYPE_CHECKING:
    from streams.store.ledger import SqlLedger


class Books(NamedTuple):
    """What the ledger has of the account at ``live.venue``.

    ``orders`` by client id of which something may still be heard; of each open position its
    quantity and entry cost by symbol; ``balance`` is what the account's own books come to,
    ``None`` before its first trade.
    """

    orders: dict[str, Order]
    held: dict[str, Decimal]
    cost: dict[str, Decimal]
    balance: Decimal | None = None


def check_ledger(sheet: Checklist, settings: Settings) -> Books | None:
    """Look at the ledger without changing it; what it has of the account, if it can be had."""
    from streams.store.database import shown
    from streams.store.ledger import ledger_as_it_is

    url = settings.store.url
    if not url:
        sheet.warn("ledger", "none: orders and fills are in the topics alone", "store.url")
        return None
    if url.startswith("sqlite://") and not Path(url.removeprefix("sqlite://")).exists():
        sheet.ok("ledger", f"{url}: not there yet, made at the start")
        return Books({}, {}, {})
    try:
        ledger = ledger_as_it_is(url)
    except (StoreError, UsageError) as error:
        fact, _, action = str(error).rpartition("; ")
        sheet.fail("ledger", fact, action)
        return None
    if isinstance(ledger, list):
        lacks = ", ".join(f"{version:04d}" for version in ledger)
        sheet.ok("ledger", f"{shown(url)} answers; migrations {lacks} follow at the start")
        return None
    try:
        sheet.ok("ledger", f"{shown(url)} answers, its schema fits")
        return _look(sheet, settings, ledger)
    finally:
        ledger.close()


def _look(sheet: Checklist, settings: Settings, ledger: SqlLedger) -> Books:
    account, venue = settings.account.id, settings.live.venue
    holder = ledger.holder(account)
    if holder is None:
        sheet.ok("writer", f"nobody writes for account {account}")
    else:
        said = f"{holder.name} writes for account {account}, epoch {holder.epoch}"
        sheet.warn("writer", said, "a second `prism execution` stands by until that one ends")
    orders = [order for order in ledger.unsettled_orders(account) if order.venue == venue]
    positions = [p for p in ledger.positions(account) if p.venue == venue]
    open_ = [p for p in positions if p.qty]
    return Books(
        {order.client_order_id: order for order in orders},
        {p.symbol: p.qty for p in open_},
        {p.symbol: CONTEXT.multiply(p.qty, p.average_price) for p in open_},
        _balance(positions, ledger.fills(account)),
    )


def _balance(positions: Sequence[Position], booked: Sequence[Fill | Funding]) -> Decimal | None:
    """The account's balance: at its last trade, and what was paid since."""
    if not positions:
        return None
    last = max(positions, key=lambda p: (p.tick_ns, p.venue, p.symbol))
    total = last.balance
    for record in booked:
        if isinstance(record, Funding) and record.tick_ns > last.tick_ns:
            total = CONTEXT.add(total, record.amount)
    return total
