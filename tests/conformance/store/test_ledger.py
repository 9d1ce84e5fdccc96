"""What every store promises of records: exact, once, all or none, and nothing contradicted."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.control import Flatten, Halt, Resume, TradingMode
from schemas.errors import StoreConflict, StoreError, StoreUnreachable, UsageError
from schemas.execution_quality import ExecutionQuality, Outcome
from schemas.frame import Side
from schemas.ledger_store import Lease, LedgerRecord, LedgerStore
from schemas.order import (
    Factor,
    Fill,
    Flattened,
    Funding,
    Order,
    OrderStatus,
    OrderType,
    Position,
)
from streams.store.database import open_database, shown
from streams.store.ledger import SqlLedger
from streams.store.migrations import Migration, migrate, migrations

TTL_MS = 60_000
ODD = Decimal("12345678901234567890.123456789012345678")


def order(id_: str = "o1", version: int = 0, *, status: OrderStatus = OrderStatus.INTENT) -> Order:
    return Order(
        id_, version, "paper", "v", "BTC/USDT", 5, status, Side.BUY, OrderType.MARKET, ODD,
        Decimal(0), False, "signal", "open", 1, "why; -- 'quoted' %s ? \u00e9",
        (Factor("cap", Decimal("0.10")),),
    )  # fmt: skip


def fill(trade_id: str = "t1", *, symbol: str = "BTC/USDT", tick_ns: int = 6) -> Fill:
    return Fill(
        trade_id, "o1", "paper", "v", symbol, tick_ns, Side.SELL, ODD, Decimal("1E-18"),
        Decimal("-0.10"), "USDT", True,
    )  # fmt: skip


QUALITY = ExecutionQuality(
    "p", "paper", "v", "BTC/USDT", 9, "s", "open", Side.BUY, "twap", Outcome.EXPIRED, "late",
    qty=Decimal(3), filled_qty=Decimal(2), maker_qty=Decimal(1), children=4, began_ns=1,
    first_fill_ns=2, last_fill_ns=8, arrival_mid=Decimal("99.5"), end_mid=Decimal(101),
    average_price=Decimal("100.25"), market_vwap=Decimal(100), market_qty=Decimal(70),
    fees=Decimal("0.07"), improvement=Decimal("-0.000000000001"), opportunity=Decimal("1.5"),
    shortfall=Decimal("3.07"), shortfall_bps=Decimal("102.8476"), slippage_bps=Decimal("75.3769"),
    vwap_bps=Decimal(25), impact_bps=Decimal("150.7538"),
)  # fmt: skip
POSITION = Position("paper", "v", "BTC/USDT", 7, -ODD, ODD, Decimal("0.10"), Decimal(0), ODD)
FUNDING = Funding("p1", "paper", "v", "BTC/USDT", 8, Decimal("-0.010"), "USDT")
HALT = Halt("paper", 9, "rumour", id="h1", by="ada", mode=TradingMode.REDUCE_ONLY, given_ns=1)


@pytest.fixture
def lease(ledger: SqlLedger) -> Lease:
    return ledger.acquire("paper", "me", ttl_ms=TTL_MS)


def test_it_is_what_execution_asks_for(ledger: SqlLedger) -> None:
    asked: LedgerStore = ledger  # mypy holds the one against the other
    assert asked.fills("paper") == []


def test_records_come_back_as_they_were_to_the_last_digit(
    ledger: SqlLedger, lease: Lease, connect: Callable[[], SqlLedger]
) -> None:
    records: list[LedgerRecord] = [order(), fill(), POSITION, FUNDING, HALT]
    assert ledger.write(lease, records) == 5
    other = connect()
    assert other.order_versions("paper") == [order()]
    assert other.fills("paper") == [fill(), FUNDING]
    assert other.positions("paper") == [POSITION]
    assert other.commands("paper") == [HALT]
    assert other.fills("another") == []


def test_the_columns_say_what_the_record_says(ledger: SqlLedger, lease: Lease) -> None:
    ledger.write(lease, [order(), fill()])
    with ledger._database.transaction() as transaction:
        row = transaction.execute(
            "SELECT qty, filled_qty, reason, status, side, reduce_only, epoch FROM orders"
        ).fetchone()
        assert (Decimal(row[0]), Decimal(row[1])) == (ODD, Decimal(0))
        assert tuple(row[2:]) == (order().reason, "intent", "buy", False, 1)
        row = transaction.execute("SELECT price, qty, fee, maker FROM fills").fetchone()
        assert [Decimal(value) for value in row[:3]] == [ODD, Decimal("1E-18"), Decimal("-0.1")]
        assert bool(row[3]) is True


def test_what_is_there_is_passed_over_and_what_contradicts_it_refused_with_all_beside_it(
    ledger: SqlLedger, lease: Lease
) -> None:
    assert ledger.write(lease, [order(), fill()]) == 2
    assert ledger.write(lease, [order(), fill(), POSITION]) == 1
    other = msgspec.structs.replace(fill(), price=Decimal(1))
    with pytest.raises(StoreConflict, match=r"fills .*'t1'.*: stored before with other content"):
        ledger.write(lease, [order("o2"), other])
    assert ledger.fills("paper") == [fill()]
    assert [o.client_order_id for o in ledger.order_versions("paper")] == ["o1"]


def test_trade_ids_repeat_on_other_symbols(ledger: SqlLedger, lease: Lease) -> None:
    assert ledger.write(lease, [fill(), fill(symbol="ETH/USDT")]) == 2


def test_working_orders_are_the_latest_versions_that_may_still_fill(
    ledger: SqlLedger, lease: Lease
) -> None:
    s = OrderStatus
    ledger.write(
        lease,
        [
            order("a"), order("a", 1, status=s.SUBMITTED), order("a", 2, status=s.FILLED),
            order("b"), order("b", 1, status=s.UNKNOWN),
            order("c"),
            order("d", 0, status=s.REJECTED),
        ],
    )  # fmt: skip
    working = ledger.working_orders("paper")
    assert [(o.client_order_id, o.status) for o in working] == [("b", s.UNKNOWN), ("c", s.INTENT)]


def test_the_latest_position_of_each_symbol(ledger: SqlLedger, lease: Lease) -> None:
    later = msgspec.structs.replace(POSITION, tick_ns=10, qty=Decimal(0))
    eth = msgspec.structs.replace(POSITION, symbol="ETH/USDT")
    ledger.write(lease, [later, POSITION, eth])
    assert ledger.positions("paper") == [later, eth]


def test_commands_keep_their_order_and_a_done_flatten_its_record(
    ledger: SqlLedger, lease: Lease
) -> None:
    flatten = Flatten("paper", 9, "enough", id="a", by="ada", given_ns=2)
    resume = Resume("paper", 12, "over", id="0", by="bob", given_ns=3)
    done = Flattened("paper", "v", "BTC/USDT", 11, "a", "")
    assert ledger.write(lease, [HALT, flatten, resume, done]) == 4
    assert ledger.write(lease, [done]) == 0
    assert ledger.commands("paper") == [HALT, flatten, resume]


def test_quality_comes_back_in_the_order_of_the_ends(ledger: SqlLedger, lease: Lease) -> None:
    first = msgspec.structs.replace(QUALITY, parent_id="z", shortfall=None, shortfall_bps=None)
    assert ledger.write(lease, [first, QUALITY]) == 2
    assert ledger.write(lease, [QUALITY]) == 0
    assert ledger.quality("paper") == [first, QUALITY]


def test_a_record_of_another_account_is_refused(ledger: SqlLedger, lease: Lease) -> None:
    with pytest.raises(StoreError, match="account other under a lease of paper"):
        ledger.write(lease, [msgspec.structs.replace(order(), account="other")])


money = st.decimals(
    allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=money, name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
)
def test_any_amount_and_any_text(ledger: SqlLedger, amount: Decimal, name: str) -> None:
    lease = ledger.acquire(f"paper-{name}", "me", ttl_ms=-1)  # lapsed at once, for the next example
    lease = lease._replace(ttl_ms=TTL_MS)
    ledger.renew(lease)
    made = msgspec.structs.replace(
        FUNDING, account=lease.account, amount=amount, payment_id=f"{name}{amount}"
    )
    ledger.write(lease, [made])
    assert made in ledger.fills(lease.account)
    ledger.release(lease)


def test_migrations_are_applied_once_in_order_and_recorded(url: str) -> None:
    database = open_database(url)
    wanted = migrations()
    more = Migration(
        len(wanted) + 1,
        "more",
        "CREATE TABLE more (a TEXT); -- end\nINSERT INTO more VALUES ('x');",
    )
    assert migrate(database) == [m.version for m in wanted]
    assert migrate(database) == []
    assert migrate(database, [*wanted, more]) == [more.version]
    with database.transaction() as transaction:
        rows = transaction.execute("SELECT version, name FROM schema_migrations ORDER BY version")
        assert [tuple(row) for row in rows.fetchall()][-1] == (more.version, "more")
    with pytest.raises(StoreError, match="_more, which this build does not know"):
        migrate(database)
    with pytest.raises(StoreError, match="_more was changed after it was applied"):
        migrate(database, [*wanted, more._replace(sql="SELECT 1")])
    database.close()


def test_a_migration_that_fails_leaves_nothing(url: str) -> None:
    database = open_database(url)
    broken = [
        *migrations(),
        Migration(len(migrations()) + 1, "broken", "CREATE TABLE x (a TEXT); nonsense;"),
    ]
    with pytest.raises(Exception, match="nonsense"):
        migrate(database, broken)
    assert migrate(database) == [m.version for m in migrations()]
    database.close()


def test_a_database_that_is_away_is_named_without_its_secrets() -> None:
    with pytest.raises(StoreUnreachable, match=r"postgresql://127\.0\.0\.1:1/x: ") as caught:
        open_database("postgresql://me:hush@127.0.0.1:1/x")
    assert "hush" not in str(caught.value)
    assert shown("postgresql://me:hush@h/x?password=hush") == "postgresql://h/x"
    with pytest.raises(UsageError, match="does not understand it") as caught_too:
        open_database("postgresql://me:hush@h/x?nonsense=hush")
    assert "hush" not in str(caught_too.value)
    for wrong in ("mysql://h/x", "sqlite://", "ledger.db"):
        with pytest.raises(UsageError, match="write postgresql://"):
            open_database(wrong)
