"""The account's writer: stored before it is sent, by one worker, and by no other that wakes up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.ledger_writer import LedgerWriter
from schemas.control import Halt
from schemas.errors import Fenced
from schemas.frame import Side
from schemas.ledger_store import Lease
from schemas.order import Fill, Funding
from streams.store.ledger import SqlLedger, open_ledger
from tests.support.messages import fill_of, frame_at

LEASE_MS = 300


def fill(number: int) -> Fill:
    return fill_of(Side.BUY, "1", "1", trade_id=str(number))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[SqlLedger, SqlLedger]]:
    opened = [open_ledger(f"sqlite://{tmp_path / 'ledger.db'}") for _ in range(2)]
    yield opened[0], opened[1]
    for store in opened:
        store.close()


def writer(store: SqlLedger, name: str, *, lease_ms: int = LEASE_MS) -> LedgerWriter:
    return LedgerWriter(store, "paper", holder=name, lease_ms=lease_ms)


def test_a_successor_waits_for_the_lease_and_the_one_that_wakes_up_is_refused(
    stores: tuple[SqlLedger, SqlLedger],
) -> None:
    async def course() -> None:
        first, second = writer(stores[0], "first"), writer(stores[1], "second")
        await first.write([fill(1)])
        await second.write([fill(2)])  # first keeps its lease no more
        with pytest.raises(Fenced, match="second holds it with epoch 2"):
            await first.write([fill(3)])
        with pytest.raises(Fenced):
            await first.keep()
        await second.write([fill(4)])

    asyncio.run(course())
    assert stores[0].fills("paper") == [fill(1), fill(2), fill(4)]


def test_while_the_lease_is_kept_nobody_takes_over(stores: tuple[SqlLedger, SqlLedger]) -> None:
    async def keep(first: LedgerWriter) -> None:
        while True:
            await asyncio.sleep(LEASE_MS / 1_000 / 4)
            await first.keep()

    async def course() -> None:
        first, second = writer(stores[0], "first"), writer(stores[1], "second", lease_ms=100)
        await first.write([fill(1)])
        keeping = asyncio.create_task(keep(first))
        with pytest.raises(Fenced, match="first holds it with epoch 1"):
            await second.write([fill(2)])  # after three of its own leases
        keeping.cancel()

    asyncio.run(course())


def test_a_lease_that_was_let_go_is_taken_at_once_and_a_forgotten_one_is_not_renewed(
    stores: tuple[SqlLedger, SqlLedger],
) -> None:
    async def course() -> None:
        first = writer(stores[0], "first", lease_ms=600_000)
        second = writer(stores[1], "second", lease_ms=600_000)
        await first.write([fill(1)])
        await first.let_go()
        await second.write([fill(2)])
        second.forget()
        await second.keep()
        await second.let_go()
        with pytest.raises(Fenced):  # it was not let go either
            stores[0].acquire("paper", "third", ttl_ms=1)

    asyncio.run(course())


def test_only_what_the_ledger_keeps_is_stored_and_what_was_noted_comes_first(
    stores: tuple[SqlLedger, SqlLedger],
) -> None:
    halt = Halt("paper", 5, "r", id="h")
    paid = Funding("p", "paper", "v", "s", 1, Decimal(1), "USDT")

    async def course() -> None:
        first = writer(stores[0], "first")
        await first.write([frame_at(1)])
        first.note(halt)
        await first.write([frame_at(1), paid])
        await first.write([])

    asyncio.run(course())
    assert stores[0].commands("paper") == [halt]
    assert stores[0].fills("paper") == [paid]


def test_who_was_replaced_while_it_waited_for_the_lease_does_not_take_it(
    stores: tuple[SqlLedger, SqlLedger],
) -> None:
    async def course() -> None:
        lease = stores[0].acquire("paper", "dead", ttl_ms=600_000)
        standby = writer(stores[1], "standby")
        refused = asyncio.Event()
        acquire, loop = stores[1].acquire, asyncio.get_running_loop()

        def tried(*given: Any, **more: Any) -> Lease:
            try:
                return acquire(*given, **more)
            except Fenced:
                loop.call_soon_threadsafe(refused.set)
                raise

        standby._store.acquire = tried  # type: ignore[method-assign]
        beginning = asyncio.create_task(standby.begin())
        await refused.wait()
        standby.forget()
        stores[0].release(lease)
        await beginning
        stores[0].acquire("paper", "active", ttl_ms=1)

    asyncio.run(course())


def test_who_was_replaced_before_its_turn_to_write_stores_nothing(
    stores: tuple[SqlLedger, SqlLedger],
) -> None:
    async def course() -> None:
        first = writer(stores[0], "first")
        await first.write([fill(1)])
        async with first._turn:
            writing = asyncio.create_task(first.write([fill(2)]))
            await asyncio.sleep(0)
            first.forget()
        with pytest.raises(Fenced, match="another worker is the active one"):
            await writing

    asyncio.run(course())
    assert stores[0].fills("paper") == [fill(1)]
