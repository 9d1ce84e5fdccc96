"""A preflight's look at settings, ledger and topics."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.live_terms import code, lacking
from cli.preflight.checklist import Check, Checklist, Grade
from cli.preflight.of_broker import check_log
from cli.preflight.of_ledger import Books, check_ledger
from cli.preflight.of_settings import check_keys, check_settings
from schemas.codec import encode
from schemas.control import Command, Halt, Resume, TradingMode
from schemas.frame import NS_PER_S, Frame, Message
from schemas.health import Heartbeat
from schemas.order import Funding, Position
from schemas.score import ConfluenceScore, Contribution
from schemas.settings import Settings, settings_from
from schemas.topics import CONFLUENCE_SCORES, CONTROL, HEALTH, Topic
from streams.publish import FramePublisher
from streams.store.database import open_database
from streams.store.ledger import open_ledger
from streams.store.migrations import migrations, pending
from streams.transport.broker import forget
from streams.transport.log import Log, open_log, partition_of, topic_specs
from tests.support.messages import SYMBOL, VENUE, frame_at

KEY = f"{VENUE}:{SYMBOL}"
NOW_NS = 1_000 * NS_PER_S
SECRETS = {"PRISM_LIVE_KEY": "key-of-mine", "PRISM_LIVE_SECRET": "never-tell"}


def settings_of(**sections: dict[str, Any]) -> Settings:
    return settings_from({"runtime": {"symbols": [KEY]}, **sections})


def told(sheet: Checklist, name: str) -> list[tuple[Grade, str]]:
    return [(check.grade, check.fact) for check in sheet if check.name == name]


def test_what_only_live_needs_fails_live_and_is_a_warning_on_paper() -> None:
    for live, grade in ((True, Grade.FAIL), (False, Grade.WARN)):
        sheet = Checklist(live=live)
        sheet.fail_live("balance", "too low", "deposit")
        (check,) = sheet
        assert (check.grade, sheet.passed, "missing for live" in check.fact) == (
            grade, not live, not live,
        )  # fmt: skip
    assert (
        str(Check("feed", Grade.FAIL, "old", "start it"))
        == "FAIL feed              old -> start it"
    )


def test_each_term_of_live_trading_that_is_lacking_is_a_line_with_what_to_do() -> None:
    live = {"enabled": True, "venue": "bybit", "position_mode": "hedge", "not_found_s": 1}
    sheet = Checklist(live=True)
    settings = settings_of(live={**live, "leverage": 2})
    check_settings(sheet, settings)
    terms = [check for check in sheet if check.name == "terms"]
    assert len(terms) == len(list(lacking(settings))) > 4
    assert all(check.grade is Grade.FAIL and check.action for check in terms)
    assert told(sheet, "leverage")[0][0] is Grade.WARN


def test_confirmed_terms_pass() -> None:
    values: dict[str, Any] = {
        "live": {"enabled": True}, "account": {"id": "mine"}, "store": {"url": "sqlite://x"},
        "runtime": {"symbols": ["binanceusdm:BTC/USDT:USDT"]},
    }  # fmt: skip
    values["live"]["confirm"] = code(settings_from(values))
    sheet = Checklist(live=True)
    check_settings(sheet, settings_from(values))
    assert [grade for grade, _ in told(sheet, "terms")] == [Grade.OK]
    assert sheet.passed


@pytest.mark.parametrize(
    ("live", "says"),
    [
        ({"sandbox": False}, "REAL MONEY"),
        ({"sandbox": True}, "its testnet or demo"),
        ({"connect_to": "127.0.0.1:1"}, "a simulated exchange at 127.0.0.1:1"),
    ],
)
def test_where_orders_would_go_is_said_first(live: dict[str, Any], says: str) -> None:
    sheet = Checklist(live=True)
    check_settings(sheet, settings_of(live={"enabled": True, **live}))
    first = next(iter(sheet))
    assert first.name == "mode"
    assert says in first.fact


def test_keys_are_found_and_never_told(tmp_path: Path) -> None:
    sheet = Checklist(live=True)
    assert check_keys(sheet, settings_of(), SECRETS) is not None
    path = tmp_path / "secret"
    path.write_text("never-tell")
    path.chmod(0o644)
    check_keys(sheet, settings_of(live={"secret_file": path}), SECRETS)
    assert check_keys(sheet, settings_of(), {}) is None
    grades = [check.grade for check in sheet]
    assert grades == [Grade.OK, Grade.WARN, Grade.FAIL]
    said = "\n".join(str(check) for check in sheet)
    assert f"chmod 600 {path}" in said
    assert not [value for value in SECRETS.values() if value in said]


def test_the_ledger_is_looked_at_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    settings = settings_of(store={"url": f"sqlite://{path}"})
    sheet = Checklist(live=True)
    assert check_ledger(sheet, settings) is not None
    assert not path.exists()
    database = open_database(settings.store.url)  # an empty one
    assert pending(database) == [each.version for each in migrations()] == pending(database)
    database.close()
    assert check_ledger(sheet, settings) is None
    ledger = open_ledger(settings.store.url)
    lease = ledger.acquire("paper", "me@there", ttl_ms=60_000)
    assert check_ledger(sheet, settings) is not None
    ledger.release(lease)
    assert check_ledger(sheet, settings) is not None
    ledger.close()
    assert [grade for grade, _ in told(sheet, "ledger")] == [Grade.OK] * 4
    assert told(sheet, "writer") == [
        (Grade.WARN, "me@there writes for account paper, epoch 1"),
        (Grade.OK, "nobody writes for account paper"),
    ]
    check_ledger(sheet, settings_of(store={"url": "mysql://x"}))
    assert told(sheet, "ledger")[-1][0] is Grade.FAIL


def test_the_books_come_to_the_balance_of_the_last_trade_and_what_was_paid_since(
    tmp_path: Path,
) -> None:
    live = {"venue": VENUE}
    settings = settings_of(store={"url": f"sqlite://{tmp_path / 'ledger.db'}"}, live=live)
    assert check_ledger(Checklist(live=True), settings) == Books({}, {}, {}, None)
    ledger = open_ledger(settings.store.url)
    lease = ledger.acquire("paper", "me", ttl_ms=60_000)
    at = ("paper", VENUE, SYMBOL)
    ledger.write(lease, [
        Position(*at, 10, Decimal(2), Decimal(50), Decimal(0), Decimal(1), Decimal(999)),
        Funding("f1", *at, 20, Decimal(-3), "USDT"),
        Position(*at, 30, Decimal(-1), Decimal(40), Decimal(-20), Decimal(2), Decimal(970)),
        Funding("f2", *at, 40, Decimal(-4), "USDT"),
    ])  # fmt: skip
    books = check_ledger(Checklist(live=True), settings)
    ledger.release(lease)
    ledger.close()
    assert books == Books({}, {SYMBOL: Decimal(-1)}, {SYMBOL: Decimal(-40)}, Decimal(966))


async def look(
    settings: Settings,
    *records: Command | Frame | ConfluenceScore | Heartbeat,
    topics: Settings | None = None,
) -> Checklist:
    """A look at a broker that holds so much; its topics are as other settings want them."""
    log: Log = await open_log(settings.broker.url)
    try:
        await log.ensure_topics(topic_specs((topics or settings).broker))
        publisher = FramePublisher(log, settings)
        for record in records:
            if isinstance(record, Frame):
                await publisher.publish(record)
                continue
            topic = _TOPICS.get(type(record), CONTROL)
            key = record.key.encode()
            partition = partition_of(key, topic.partition_count(settings.broker.partitions))
            await log.produce(topic.name, key, encode(record), partition=partition)
        await publisher.settle()
        await log.flush()
        sheet = Checklist(live=True)
        await check_log(sheet, settings, log, now_ns=NOW_NS)
        return sheet
    finally:
        await log.close()
        forget(settings.broker.url)


_TOPICS: dict[type[Message], Topic] = {ConfluenceScore: CONFLUENCE_SCORES, Heartbeat: HEALTH}


def on_a_broker(name: str) -> Settings:
    return settings_of(broker={"url": f"embedded://preflight-{name}", "partitions": 2})


def test_a_feed_is_fresh_or_stale_or_not_there() -> None:
    settings = on_a_broker("feed")
    limit_ns = round(settings.runtime.absent_after_s * NS_PER_S)
    for frames, grade, says in (
        ([frame_at(NOW_NS - NS_PER_S)], Grade.OK, "last frame 1.0 s ago"),
        ([frame_at(NOW_NS - limit_ns - NS_PER_S)], Grade.FAIL, "limit 10 s"),
        ([frame_at(NOW_NS, symbol="ETH/USDT:USDT")], Grade.FAIL, "last frame: none of late"),
    ):
        sheet = asyncio.run(look(settings, *frames))
        ((found, fact),) = told(sheet, "feed")
        assert (found, says in fact) == (grade, True), fact


def verdict(age_s: float, *ready: str, key: str = SYMBOL) -> ConfluenceScore:
    """A score so long ago of so many dimensions; one more has no part in it yet."""
    parts = [Contribution(name, 60.0, 1 / len(ready), 10 / len(ready)) for name in ready]
    parts.append(Contribution("volume", None, 0.0, 0.0))
    at = (VENUE, key, NOW_NS - round(age_s * NS_PER_S), 1, 1)
    return ConfluenceScore(*at, 60.0, 1.0, 100.0, tuple(parts), (), 68.0, 35.0)


def test_scores_are_fresh_or_old_or_lack_a_dimension() -> None:
    broker = on_a_broker("scores").broker.model_dump(mode="json")
    alone = settings_of(broker=broker, dimensions={"enabled": ["orderbook"]})
    both = settings_of(broker=broker, dimensions={"enabled": ["orderbook", "volume"]})
    old, new = verdict(30.0, "orderbook"), verdict(1.0, "orderbook")
    other = verdict(1.0, "orderbook", key="ETH/USDT:USDT")
    for settings, scores, grade, says in (
        (alone, [old, new], Grade.OK, "last score 1.0 s ago, all 1 dimensions ready"),
        (both, [new], Grade.WARN, "not ready: volume"),
        (alone, [old], Grade.FAIL, "limit 10 s"),
        (alone, [other], Grade.FAIL, "last score: none of late"),
    ):
        ((found, fact),) = told(asyncio.run(look(settings, *scores)), "scores")
        assert (found, says in fact) == (grade, True), fact


def beat(name: str, age_s: float, status: str = "ok") -> Heartbeat:
    return Heartbeat(name, NOW_NS - round(age_s * NS_PER_S), 1, 0, 0, status=status)


def test_components_live_or_say_what_ails_them_and_those_that_ended_are_not_named() -> None:
    settings = on_a_broker("components")
    well = [beat("worker", 1.0), beat("feed", 0.5), beat("old", 9.0)]
    ill = [beat("feed", 2.0), beat("feed", 1.0, "2 of 3 without a book")]
    for beats, expected in (
        (well, (Grade.OK, "2 alive: feed, worker")),
        (ill, (Grade.WARN, "feed: 2 of 3 without a book")),
        ([beat("worker", 6.0)], (Grade.FAIL, "none has told of itself of late")),
    ):
        assert told(asyncio.run(look(settings, *beats)), "components") == [expected]


def test_topics_are_there_or_missing_or_wrong() -> None:
    settings = on_a_broker("topics")
    sheet = asyncio.run(look(settings))
    assert [grade for grade, _ in told(sheet, "topics")] == [Grade.OK]
    elsewhere = settings_of(broker={"topic_prefix": "other."})
    sheet = asyncio.run(look(settings, topics=elsewhere))
    assert [grade for grade, _ in told(sheet, "topics")] == [Grade.WARN]
    assert told(sheet, "halts") == [(Grade.OK, "none was ever given")]
    more = settings_of(broker={"partitions": 3})
    (first, *_) = told(asyncio.run(look(settings, topics=more)), "topics")
    assert first == (Grade.FAIL, "market.frames has 3 partitions, wanted 2")


def halt(number: int, mode: TradingMode = TradingMode.HALT, scope: str = "") -> Halt:
    return Halt("paper", number, "rumour", id=f"h{number}", by="ada", scope=scope, mode=mode)


@pytest.mark.parametrize(
    ("given", "grades"),
    [
        ([], [Grade.OK]),
        ([halt(1)], [Grade.FAIL]),
        ([halt(1), Resume("paper", 2, "calm", id="r", by="ada")], [Grade.OK]),
        ([halt(1, TradingMode.REDUCE_ONLY)], [Grade.WARN]),
        ([halt(1, scope=KEY)], [Grade.WARN]),
        ([Halt("paper", None, "rumour", id="w", by="ada")], [Grade.WARN]),
        ([Halt("other", 1, "rumour", id="o", by="ada")], [Grade.OK]),
    ],
)
def test_a_halt_in_force_is_told_with_who_and_why(
    given: list[Command], grades: list[Grade]
) -> None:
    sheet = asyncio.run(look(on_a_broker("halts"), *given))
    found = told(sheet, "halts")
    assert [grade for grade, _ in found] == grades
    if grades != [Grade.OK]:
        assert "ada" in found[0][1]
        assert "rumour" in found[0][1]
