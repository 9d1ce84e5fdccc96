"""One writer per account: what a paused, killed or outvoted writer sends is not stored."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from schemas.errors import Fenced, StoreUnreachable
from schemas.ledger_store import Lease
from schemas.order import Funding
from streams.store import database
from streams.store.ledger import SqlLedger, open_ledger
from tests.support.needs import REPOSITORY
from tests.support.postgres import PostgresServer

Connect = Callable[[], SqlLedger]
LONG_MS = 600_000
PATIENCE_S = 60.0

# Writes pairs of payments under a short lease, and says so after each pair is stored; for ever, or
# one for each line that it is given.
WRITER = """
import itertools
import sys
from decimal import Decimal
from schemas.order import Funding
from streams.store.ledger import open_ledger

ledger = open_ledger(sys.argv[1])
lease = ledger.acquire("paper", "first", ttl_ms=3_000)
for number in map(int, sys.stdin) if "asked" in sys.argv else itertools.count():
    pair = [
        Funding(f"{number}{half}", "paper", "v", "s", number, Decimal(number), "USDT")
        for half in "ab"
    ]
    ledger.write(lease, pair)
    print(number, flush=True)
"""


def payment(name: str, account: str = "paper") -> Funding:
    return Funding(name, account, "v", "s", 1, Decimal(1), "USDT")


def names(ledger: SqlLedger, account: str = "paper") -> list[str]:
    return [record.id for record in ledger.fills(account)]


def acquire_when_lapsed(ledger: SqlLedger, *, ttl_ms: int = LONG_MS) -> Lease:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ledger.acquire("paper", "second", ttl_ms=ttl_ms)
        except Fenced:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_second_writer_waits_until_the_lease_lapses_and_then_fences_the_first(
    connect: Connect,
) -> None:
    first, second = connect(), connect()
    old = first.acquire("paper", "first", ttl_ms=LONG_MS)
    first.write(old, [payment("a")])
    with pytest.raises(
        Fenced, match=r"first holds it with epoch 1, its lease ends in \d+ ms; wait"
    ):
        second.acquire("paper", "second", ttl_ms=LONG_MS)
    first.renew(old._replace(ttl_ms=0))  # it lapses now
    new = second.acquire("paper", "second", ttl_ms=LONG_MS)
    assert (old.epoch, new.epoch) == (1, 2)
    with pytest.raises(
        Fenced, match="first may not write for account paper with epoch 1: second holds it"
    ):
        first.write(old, [payment("b")])
    with pytest.raises(Fenced):
        first.renew(old)
    first.release(old)  # nobody else's lease ends by that
    second.write(new, [payment("c")])
    assert names(first) == ["a", "c"]


def test_a_lease_that_lapsed_does_not_write_until_it_is_renewed(ledger: SqlLedger) -> None:
    lease = ledger.acquire("paper", "first", ttl_ms=0)
    with pytest.raises(Fenced, match="its lease ends in"):
        ledger.write(lease, [payment("a")])
    lease = lease._replace(ttl_ms=LONG_MS)
    ledger.renew(lease)
    assert ledger.write(lease, [payment("a")]) == 1


def test_a_released_lease_is_taken_over_at_once_and_accounts_do_not_meet(connect: Connect) -> None:
    first, second = connect(), connect()
    lease = first.acquire("paper", "first", ttl_ms=LONG_MS)
    other = second.acquire("other", "second", ttl_ms=LONG_MS)
    first.release(lease)
    assert second.acquire("paper", "second", ttl_ms=LONG_MS).epoch == 2
    assert second.write(other, [payment("a", "other")]) == 1


def test_a_takeover_waits_for_a_write_that_is_on_its_way(connect: Connect) -> None:
    """The write came first: it is stored, its lease renewed, and the takeover refused."""
    first, second = connect(), connect()
    lease = first.acquire("paper", "first", ttl_ms=0)
    refused: list[str] = []

    def take_over() -> None:
        try:
            second.acquire("paper", "second", ttl_ms=LONG_MS)
        except Fenced as error:
            refused.append(str(error))

    thread = threading.Thread(target=take_over)
    with first._database.transaction() as transaction:
        # What `write` does first, so that the rest of it can be held up.
        renewed = f"expires_ms = {first._now} + {LONG_MS}"
        transaction.execute(f"UPDATE writer_leases SET {renewed} WHERE epoch = 1")
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert not refused
    thread.join(PATIENCE_S)
    assert len(refused) == 1
    assert first.write(lease, [payment("a")]) == 1


@pytest.mark.needs_database
def test_a_writer_that_stands_still_amid_a_write_loses_it_and_its_place(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SQLite only its user can end such a process; there it is all on one machine."""
    monkeypatch.setattr(database, "IDLE_IN_TRANSACTION_MS", 100)
    url = postgres.new_database()
    first, second = open_ledger(url), open_ledger(url)
    lease = first.acquire("paper", "first", ttl_ms=0)

    def stands_still() -> None:
        with first._database.transaction() as transaction:
            transaction.execute("UPDATE writer_leases SET holder = 'still here'")
            assert acquire_when_lapsed(second).epoch == 2
            transaction.execute("UPDATE writer_leases SET holder = 'too late'")

    with pytest.raises(StoreUnreachable):
        stands_still()
    with pytest.raises(StoreUnreachable):
        first.write(lease, [payment("a")])
    second.close()


@contextmanager
def writing(url: str, *how: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, *how],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def last_of(process: subprocess.Popen[str], count: int) -> int:
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(count)][-1]


def test_a_writer_killed_amid_its_work_leaves_whole_batches_and_a_place_that_lapses(
    connect: Connect, url: str
) -> None:
    standby = connect()
    with writing(url) as process:
        heard = last_of(process, 20)
        process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        said = [heard, *(int(line) for line in process.stdout.read().splitlines())][-1]
        process.wait()
    lease = acquire_when_lapsed(standby)
    assert lease.epoch == 2
    halves = names(standby)
    assert len(halves) % 2 == 0  # a pair is there as a whole or not at all
    assert len(halves) // 2 in {said + 1, said + 2}  # what it said, or one pair it had no time for
    assert standby.write(lease, [payment("mine")]) == 1


def test_a_writer_that_wakes_up_after_a_takeover_stores_nothing_more(
    connect: Connect, url: str
) -> None:
    standby = connect()
    with writing(url, "asked") as process:
        assert process.stdin is not None
        process.stdin.write("0\n1\n")
        process.stdin.flush()
        last_of(process, 2)
        process.send_signal(signal.SIGSTOP)
        lease = acquire_when_lapsed(standby)
        before = names(standby)
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate("2\n", timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "Fenced: first may not write for account paper with epoch 1: second holds it" in errors
    assert names(standby) == before
    assert standby.write(lease, [payment("mine")]) == 1


def test_any_course_of_leases_and_writes_stores_what_a_plain_model_stores(  # noqa: C901
    connect: Connect,
) -> None:
    ledgers = [connect(), connect(), connect()]
    runs: list[int] = []

    class Writers(RuleBasedStateMachine):
        """Three writers on three connections; time is the model's."""

        def __init__(self) -> None:
            super().__init__()
            runs.append(0)
            self.account = f"run{len(runs)}"
            self.now_ms, self.epoch, self.expires_ms = 1_000, 0, 0
            self.leases: dict[int, Lease] = {}
            self.stored: list[str] = []

        def at(self, writer: int) -> SqlLedger:
            ledgers[writer]._now = f"CAST({self.now_ms} AS BIGINT)"
            return ledgers[writer]

        @rule(by_ms=st.integers(1, 50))
        def time_passes(self, by_ms: int) -> None:
            self.now_ms += by_ms

        @rule(writer=st.integers(0, 2), ttl_ms=st.integers(1, 40))
        def acquires(self, writer: int, ttl_ms: int) -> None:
            if self.expires_ms > self.now_ms:
                with pytest.raises(Fenced):
                    self.at(writer).acquire(self.account, str(writer), ttl_ms=ttl_ms)
                return
            lease = self.at(writer).acquire(self.account, str(writer), ttl_ms=ttl_ms)
            assert lease.epoch == self.epoch + 1
            self.epoch, self.expires_ms = lease.epoch, self.now_ms + ttl_ms
            self.leases[writer] = lease

        @rule(writer=st.integers(0, 2))
        def renews(self, writer: int) -> None:
            lease = self.leases.get(writer)
            if lease is None:
                return
            if lease.epoch != self.epoch:
                with pytest.raises(Fenced):
                    self.at(writer).renew(lease)
                return
            self.at(writer).renew(lease)
            self.expires_ms = self.now_ms + lease.ttl_ms

        @rule(writer=st.integers(0, 2))
        def releases(self, writer: int) -> None:
            lease = self.leases.get(writer)
            if lease is None:
                return
            self.at(writer).release(lease)
            if lease.epoch == self.epoch:
                self.expires_ms = 0

        @rule(writer=st.integers(0, 2))
        def writes(self, writer: int) -> None:
            lease = self.leases.get(writer)
            if lease is None:
                return
            name = f"{len(self.stored):06d}"
            if lease.epoch == self.epoch and self.expires_ms > self.now_ms:
                self.at(writer).write(lease, [payment(name, self.account)])
                self.stored.append(name)
                self.expires_ms = self.now_ms + lease.ttl_ms
            else:
                with pytest.raises(Fenced):
                    self.at(writer).write(lease, [payment(name, self.account)])

        def teardown(self) -> None:
            assert names(ledgers[0], self.account) == self.stored

    run_state_machine_as_test(
        Writers,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
