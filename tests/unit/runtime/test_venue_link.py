"""The account's stage with a real venue, without a broker and without a venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from faust.types import TP, ConsumerMessage

from agents.runtime import live_terms, roles, venue_link
from agents.runtime.ordered_stage import OrderedStage
from agents.runtime.venue_link import VenueLink
from agents.venues.live_state import LiveState
from schemas.codec import encode
from schemas.control import Halt
from schemas.errors import VenueUnavailable
from schemas.frame import NS_PER_S, Message
from schemas.order import Order, OrderStatus
from schemas.settings import settings_from
from schemas.topics import topic_of
from schemas.venue import AccountReport, VenueReport, VenueRequest
from streams.store.ledger import SqlLedger, open_ledger
from tests.support.live_venue import Bench as VenueBench
from tests.support.messages import SYMBOL, VENUE, frame_at

KEY = f"{VENUE}:{SYMBOL}"
DESK = "desk"


class Desk:
    """Notes what it is told; its reports are made by the test."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.heard = asyncio.Event()
        self.unsettled: list[Order] = []
        self.taken: list[tuple[str, bool]] = []
        self.closed = False
        self._reports: list[VenueReport] = []
        self._number = 0

    def begin(self, unsettled: Iterable[Order]) -> None:
        self.unsettled = list(unsettled)
        self.report()

    def report(self) -> None:
        self._number += 1
        self._reports.append(account_report(self.run, self._number))
        self.heard.set()

    def drain(self) -> list[VenueReport]:
        reports, self._reports = self._reports, []
        self.heard.clear()
        return reports

    def take(self, request: VenueRequest, *, fresh: bool) -> None:
        self.taken.append((request.id, fresh))


def account_report(run: int, number: int, effective_ns: int | None = None) -> AccountReport:
    return AccountReport(
        account=DESK, venue=VENUE, symbol="", run=run, number=number, effective_ns=effective_ns
    )


class Stage:
    """The stage; what it sends is kept, and comes back only if told."""

    def __init__(self, store: SqlLedger) -> None:
        given = {
            "account": {"id": DESK}, "runtime": {"symbols": [KEY]}, "store": {"url": "sqlite://x"},
            "live": {"enabled": True, "venue": VENUE},
        }  # fmt: skip
        given["live"]["confirm"] = live_terms.code(settings_from(given))  # type: ignore[index]
        self.desks: list[Desk] = []
        open_desk: Any = self._open
        role = roles.execution(settings_from(given), store=store, open_desk=open_desk)
        (stage,) = role.stages
        assert isinstance(stage, OrderedStage)
        self.stage, self.role = stage, role
        self.sent: list[Message] = []
        self.stage.emitter.emit = self._emit  # type: ignore[method-assign]
        role.app.fence.next_offset = lambda tp: 0  # type: ignore[method-assign]

    def _open(self, run: int, ready: Callable[[], bool]) -> AbstractAsyncContextManager[Desk]:
        del ready

        @asynccontextmanager
        async def opened() -> AsyncIterator[Desk]:
            desk = Desk(run)
            self.desks.append(desk)
            try:
                yield desk
            finally:
                desk.closed = True

        return opened()

    async def _emit(self, message: Message, **_: Any) -> None:
        self.sent.append(message)

    async def ready(self) -> None:
        """The log is read; the watchdog makes its round."""
        for topic in self.stage.read_first:
            self.stage.caught_up(topic)
        await self.stage.answer_commands()

    async def take(self, message: Message) -> None:
        topic = topic_of(message).name
        body = encode(message)
        given = ConsumerMessage(topic, 0, 0, 0.0, 0, [], b"k", body, None, tp=TP(topic, 0))
        await self.stage.take(given)

    async def frame(self, number: int) -> int:
        """Frame ``number``; close of the last frame that is applied after it."""
        await self.take(frame_at(number * NS_PER_S, seq=number, is_tick=False))
        return self.stage.steps_applied.get(KEY, 0) // NS_PER_S

    async def reported(self, count: int = 1) -> list[Any]:
        """The reports that were sent, once there are so many."""
        async with asyncio.timeout(10):
            while len(reports := [m for m in self.sent if isinstance(m, AccountReport)]) < count:
                await asyncio.sleep(0.001)
        return reports

    async def begun(self) -> None:
        """Its first report has come back."""
        await self.ready()
        await self.take((await self.reported())[0])

    async def end(self) -> None:
        for action in [*self.role.app.before_end, *self.role.app.at_end]:
            await action()


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = open_ledger(f"sqlite://{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def intent(tick_ns: int) -> Order:
    return msgspec.structs.replace(
        VenueBench().order(), account=DESK, tick_ns=tick_ns, status=OrderStatus.INTENT
    )


def stored(store: SqlLedger, *records: Any) -> None:
    """What a process before has stored."""
    lease = store.acquire(DESK, "before", ttl_ms=60_000)
    store.write(lease, records)
    store.release(lease)


def test_nothing_is_applied_before_its_own_first_report_has_come_back(store: SqlLedger) -> None:
    async def course() -> None:
        stage = Stage(store)
        assert await stage.frame(1) == 0
        await stage.ready()
        (first,) = await stage.reported()
        assert first.effective_ns == -1
        assert await stage.frame(2) == 0
        await stage.take(first)
        assert await stage.frame(3) == 3
        await stage.end()
        assert stage.desks[0].closed

    asyncio.run(course())


def test_a_report_holds_from_the_last_step_and_nothing_later_is_applied_until_it_is_back(
    store: SqlLedger,
) -> None:
    async def course() -> None:
        stage = Stage(store)
        await stage.begun()
        assert await stage.frame(1) == 1
        stage.desks[0].report()
        second = (await stage.reported(2))[1]
        assert second.effective_ns == NS_PER_S
        assert await stage.frame(2) == 1
        await stage.take(second)
        assert await stage.frame(3) == 3
        await stage.end()

    asyncio.run(course())


def test_what_a_dead_process_stored_and_did_not_log_comes_before_reports_and_commands(
    store: SqlLedger,
) -> None:
    stored(store, intent(2 * NS_PER_S))

    async def course() -> None:
        stage = Stage(store)
        await stage.take(Halt(DESK, None, "rumour", id="h", by="ada"))
        await stage.ready()
        (first,) = await stage.reported()
        assert first.effective_ns == 2 * NS_PER_S
        assert [order.client_order_id for order in stage.desks[0].unsettled] == ["o1"]
        await stage.take(first)
        answers = [m.effective_ns for m in stage.sent if isinstance(m, Halt)]
        assert answers == [2 * NS_PER_S]
        await stage.end()

    asyncio.run(course())


def test_once_another_process_hears_for_the_account_this_one_decides_nothing(
    store: SqlLedger,
) -> None:
    async def course() -> None:
        stage = Stage(store)
        await stage.begun()
        assert await stage.frame(1) == 1
        await stage.take(account_report(stage.desks[0].run + 1, 1, NS_PER_S))
        assert await stage.frame(2) == 1
        await stage.end()

    asyncio.run(course())


def test_a_report_of_a_process_that_was_succeeded_does_not_count(store: SqlLedger) -> None:
    async def course() -> None:
        stage = Stage(store)
        await stage.begun()
        run = stage.desks[0].run
        await stage.take(account_report(run - 1, 7, 0))
        venue = stage.stage._state.venue
        assert isinstance(venue, LiveState)
        assert [report.run for report in venue.waiting] == [run]
        await stage.end()

    asyncio.run(course())


def test_a_run_is_numbered_above_those_before_it_whatever_the_clock_says(
    store: SqlLedger,
) -> None:
    async def course() -> None:
        stage = Stage(store)
        await stage.take(account_report(1 << 62, 1, 0))
        await stage.ready()
        (first,) = await stage.reported()
        assert first.run == (1 << 62) + 1
        await stage.end()

    asyncio.run(course())


def test_a_desk_that_does_not_end_is_not_waited_for_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two must never hear at a time, and an account that waits for ever decides nothing."""
    monkeypatch.setattr(venue_link, "END_WITHIN_S", 0.01)
    failed: list[BaseException] = []
    opened: list[int] = []

    @asynccontextmanager
    async def open_desk(run: int, _: Callable[[], bool]) -> AsyncIterator[Any]:
        opened.append(run)
        try:
            yield Desk(run)
        finally:
            await asyncio.Event().wait()  # the venue answers nothing any more

    async def crash(error: BaseException) -> None:
        failed.append(error)

    async def log_report(_: VenueReport) -> None:
        """Nothing is sent."""

    async def course() -> None:
        link = VenueLink(open_desk, crash=crash)
        stage: Any = SimpleNamespace(
            agrees=lambda: False, report_tick_ns=lambda: 0, log_report=log_report
        )
        link.begin(stage, [])
        while not opened:
            await asyncio.sleep(0)
        link.stop()
        link.begin(stage, [])
        async with asyncio.timeout(10):
            while not failed:
                await asyncio.sleep(0.001)
            await link.close()

    asyncio.run(course())
    assert len(opened) == 1
    assert isinstance(failed[0], VenueUnavailable)
    assert "start the role again" in str(failed[0])
