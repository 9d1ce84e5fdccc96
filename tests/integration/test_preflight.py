"""`prism preflight` against the simulated exchange, with ccxt as it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.runtime import live_terms
from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.venues import UsdmGateway, gateway_of
from cli.preflight.checklist import Checklist, Grade
from cli.preflight.of_ledger import Books
from cli.preflight.of_venue import VenueChecks
from schemas.clock import now_ns
from schemas.codec import encode
from schemas.control import Halt
from schemas.execution_settings import VenueFees
from schemas.health import Heartbeat
from schemas.score import ConfluenceScore, Contribution
from schemas.settings import Settings, settings_from
from schemas.topics import CONFLUENCE_SCORES, HEALTH
from streams.commands import CommandLine
from streams.publish import FramePublisher
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.trading.keys import ApiKey
from streams.transport.log import open_log, partition_of, topic_specs
from tests.support.kafka import KafkaServer
from tests.support.messages import frame_at
from tests.support.prism import prism
from tests.support.simulated import KEY, SYMBOLS, SmallMarket, session_of, trader_of

SYMBOL = "BTC/USDT:USDT"
BOTH = pytest.mark.parametrize("venue", ["binanceusdm", "bybit"])
Prepare = Callable[[Any], Awaitable[Any]]


def settings_of(venue: str, **live: Any) -> Settings:
    given = {"enabled": True, "venue": venue, "connect_to": "127.0.0.1:1", **live}
    fees = {"bybit": {"maker_fee_bps": 2, "taker_fee_bps": "5.5"}}
    return settings_from(
        {
            "live": given, "runtime": {"symbols": [f"{venue}:{SYMBOL}"]},
            "paper": {"venue_fees": fees},
        }
    )  # fmt: skip


@asynccontextmanager
async def at_real_time(venue: str) -> AsyncIterator[SimulatedExchange]:
    """An exchange whose clock is this machine's."""
    exchange = SimulatedExchange(speed=1.0)
    exchange.add(venue, SmallMarket(SYMBOLS[venue], start_ns=now_ns()))
    async with exchange:
        yield exchange


def look(
    settings: Settings,
    *,
    key: ApiKey = KEY,
    prepare: Prepare | None = None,
    secret: str | None = None,
    skew_ms: int = 0,
    books: Books | None = None,
) -> Checklist:
    """A look at the venue, after something was done there by ccxt."""

    async def scenario() -> Checklist:
        sheet, venue = Checklist(live=True), settings.live.venue
        async with at_real_time(venue) as exchange:
            exchange.open_accounts(key)
            if prepare is not None:
                async with trader_of(exchange, venue, key) as trader:
                    await prepare(trader)
            exchange.clock.skew_ms = skew_ms
            async with session_of(exchange) as session:
                credentials = Credentials(key.key, secret or key.secret)
                gateway = gateway_of(settings.live, credentials, session)
                try:
                    books_ = books or Books({}, {}, {})
                    await VenueChecks(sheet, settings, gateway, books=books_).run()
                finally:
                    await gateway.close()
        assert key.secret not in "\n".join(str(check) for check in sheet)
        return sheet

    return asyncio.run(scenario())


def failed(sheet: Checklist) -> dict[str, str]:
    return {check.name: check.fact for check in sheet if check.grade is Grade.FAIL}


def warned(sheet: Checklist) -> dict[str, str]:
    return {check.name: check.fact for check in sheet if check.grade is Grade.WARN}


@BOTH
def test_an_account_that_is_as_it_should_be_passes(venue: str) -> None:
    sheet = look(settings_of(venue), prepare=lambda trader: trader.set_leverage(3, SYMBOL))
    assert (failed(sheet), warned(sheet)) == ({}, {})
    facts = {check.name: check.fact for check in sheet}
    assert facts["symbol"] == f"{SYMBOL}: tick 0.1, step 0.001, at least 5.0 USDT"
    assert facts["leverage, margin"] == "as it is to be: 3x, cross"
    assert facts["key rights"] == "may trade, may not withdraw"
    assert facts["reconciliation"].startswith("0 orders, 0 positions")


def spot_settings(**live: Any) -> Settings:
    values = settings_of("binance", **live).model_dump(mode="json", exclude_unset=True)
    values["runtime"]["symbols"] = ["binance:BTC/USDT"]
    values["paper"]["venue_fees"] = {"binance": {"maker_fee_bps": 10, "taker_fee_bps": 10}}
    return settings_from(values)


def test_spot_has_no_leverage_and_no_switch() -> None:
    sheet = look(spot_settings())
    assert failed(sheet) == {}
    assert list(warned(sheet)) == ["dead-man switch"]
    facts = {check.name: check.fact for check in sheet}
    assert facts["symbol"] == "BTC/USDT: tick 0.1, step 0.001, at least 5.0 USDT"
    assert facts["leverage, margin"] == "spot has none"


@BOTH
def test_a_key_that_may_withdraw_is_refused_and_one_that_may_not_trade(venue: str) -> None:
    rich = ApiKey(name="rich", key="r" * 64, secret="z" * 64, withdraw=True)
    reader = ApiKey(name="reader", key="q" * 64, secret="y" * 64, trade=False)
    for key, says in ((rich, "the key may withdraw"), (reader, "the key may not trade")):
        assert failed(look(settings_of(venue), key=key))["key rights"] == says


@BOTH
def test_wrong_keys_are_told_by_the_venue_and_the_other_checks_go_on(venue: str) -> None:
    sheet = look(settings_of(venue), secret="forged")
    assert "AuthenticationError" in failed(sheet)["balance"]
    assert "symbol" in {check.name for check in sheet if check.grade is Grade.OK}


@BOTH
def test_settings_at_the_venue_are_told_and_left_as_they_are(venue: str) -> None:
    for _ in range(2):
        sheet = look(settings_of(venue), prepare=lambda trader: trader.set_leverage(7, SYMBOL))
        assert warned(sheet)["leverage, margin"] == f"{SYMBOL}: leverage is 7, not 3"


def test_hedge_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hedged(gateway: UsdmGateway, symbols: Sequence[str]) -> bool:
        return True  # the simulated exchange refuses to be switched

    monkeypatch.setattr(UsdmGateway, "is_hedged", hedged)
    assert failed(look(settings_of("binanceusdm")))["position mode"] == "hedge"


@BOTH
def test_fees_of_the_account_that_paper_and_routing_do_not_reckon_with_are_told(
    venue: str,
) -> None:
    settings = settings_of(venue)
    fees = {venue: VenueFees(maker_fee_bps=Decimal(1), taker_fee_bps=Decimal(3))}
    paper = settings.paper.model_copy(update={"venue_fees": fees})
    said = warned(look(settings.model_copy(update={"paper": paper})))["fees"]
    assert said.startswith(f"{SYMBOL}: maker 2 bps, taker 5")
    assert said.endswith("paper and routing reckon with 1 and 3")


@BOTH
@pytest.mark.parametrize(("seconds", "grade"), [(0, Grade.WARN), (120, Grade.OK), (2, None)])
def test_the_dead_man_switch_is_told(venue: str, seconds: int, grade: Grade | None) -> None:
    sheet = look(settings_of(venue, dead_man_s=seconds))
    (found,) = [check.grade for check in sheet if check.name == "dead-man switch"]
    # Bybit takes 3 s and more, Binance anything.
    assert found is (grade or (Grade.FAIL if venue == "bybit" else Grade.OK))


@BOTH
def test_a_clock_that_is_off_is_refused(venue: str) -> None:
    assert "limit 1000 ms" in failed(look(settings_of(venue), skew_ms=4_000))["clock"]


@BOTH
def test_money_is_held_against_the_caps(venue: str) -> None:
    poor = ApiKey(name="poor", key="p" * 64, secret="o" * 64, balances={"USDT": Decimal(20)})
    sheet = look(settings_of(venue, capital=40), key=poor)
    assert set(failed(sheet)) == {"balance", "position sizes"}
    assert "1.20 to 4.00 USDT a position" in failed(sheet)["position sizes"]


@BOTH
@pytest.mark.parametrize(
    ("booked", "passes"), [(None, False), ("19.99", True), ("20.03", True), ("20.05", False)]
)
def test_what_the_account_has_lost_by_its_own_books_need_not_be_there(
    venue: str, booked: str | None, passes: bool
) -> None:
    poor = ApiKey(name="poor", key="p" * 64, secret="o" * 64, balances={"USDT": Decimal(20)})
    balance = None if booked is None else Decimal(booked)
    sheet = look(settings_of(venue, capital=40), key=poor, books=Books({}, {}, {}, balance))
    (line,) = [check for check in sheet if check.name == "balance"]
    assert (line.grade is Grade.OK) == passes
    assert ("by the account's books" in line.fact) == (booked is not None)


@pytest.mark.parametrize(("held", "passes"), [("0", False), ("0.4995", True)])
def test_coins_that_the_account_bought_are_a_part_of_its_capital_and_others_are_not(
    held: str, passes: bool
) -> None:
    settings, qty = spot_settings(capital=99_000), Decimal(held)
    sheet = look(
        settings,
        prepare=lambda trader: trader.create_order("BTC/USDT", "market", "buy", 0.5),
        books=Books({}, {"BTC/USDT": qty}, {"BTC/USDT": qty * 60_000}, Decimal(99_900)),
    )
    (line,) = [check for check in sheet if check.name == "balance"]
    assert (line.grade is Grade.OK) == passes
    assert "and BTC of this account for " in line.fact


@BOTH
@pytest.mark.parametrize(
    ("foreign", "failing", "warning"),
    [("refuse", 2, 0), ("adopt", 0, 1), ("ignore", 0, 1)],
)
def test_what_is_not_ours_is_told_by_what_will_be_done_about_it(
    venue: str, foreign: str, failing: int, warning: int
) -> None:
    async def trade(trader: Any) -> None:
        await trader.set_leverage(3, SYMBOL)
        await trader.create_order(SYMBOL, "market", "buy", 0.01)
        await trader.create_order(SYMBOL, "limit", "buy", 0.01, 58_000)

    sheet = look(settings_of(venue, foreign=foreign), prepare=trade)
    lines = [check for check in sheet if check.name == "reconciliation"]
    assert sum(check.grade is Grade.FAIL for check in lines) == failing
    assert sum(check.grade is Grade.WARN for check in lines) == warning
    assert any(f"{SYMBOL}" in check.fact and "0.01" in check.fact for check in lines)


def test_a_symbol_that_is_not_listed_is_named() -> None:
    settings = settings_of("binanceusdm")
    runtime = settings.runtime.model_copy(update={"symbols": ("binanceusdm:DOGE/USDT:USDT",)})
    sheet = look(settings.model_copy(update={"runtime": runtime}))
    assert failed(sheet)["symbol"] == "DOGE/USDT:USDT: not listed"


def test_on_paper_without_keys_it_says_what_is_missing_for_live() -> None:
    done = prism("preflight", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["mode"], told["passed"]) == ("paper", True)
    missing = {c["name"] for c in told["checks"] if "missing for live" in c["fact"]}
    assert missing == {"mode", "terms", "keys", "broker", "venue"}
    assert all(c["action"] for c in told["checks"] if c["grade"] != "ok")


@pytest.mark.needs_kafka
def test_the_command_passes_and_fails_by_its_exit_code_and_tells_no_secret(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    key = ApiKey(name="desk", key="public-part-of-it", secret="never-to-be-told")
    for name, text in (("key", key.key), ("secret", key.secret)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    asyncio.run(_command(kafka, key, tmp_path))


async def _command(kafka: KafkaServer, key: ApiKey, folder: Path) -> None:
    venue = "binanceusdm"
    async with at_real_time(venue) as exchange:
        exchange.open_accounts(key)
        values: dict[str, Any] = {
            "account": {"id": "mine"},
            "live": {
                "enabled": True, "connect_to": f"127.0.0.1:{exchange.port}",
                "ca_file": str(exchange.ca_file), "key_file": str(folder / "key"),
                "secret_file": str(folder / "secret"),
            },
            "store": {"url": f"sqlite://{folder / 'ledger.db'}"},
            "broker": {"url": f"kafka://{kafka.bootstrap}", "topic_prefix": f"{folder.name}."},
            "runtime": {"symbols": [f"{venue}:{SYMBOL}"], "absent_after_s": 600,
                        "heartbeat_s": 60},
            "dimensions": {"enabled": ["orderbook"]},
        }  # fmt: skip
        values["live"]["confirm"] = live_terms.code(settings_from(values))
        settings = settings_from(values)
        config = folder / "live.yaml"
        config.write_text(yaml.safe_dump(values))
        log = await open_log(settings.broker.url)
        try:
            await log.ensure_topics(topic_specs(settings.broker))
            publisher = FramePublisher(log, settings)
            await publisher.publish(frame_at(now_ns(), symbol=SYMBOL, venue=venue))
            await publisher.settle()
            beat = Heartbeat("worker@here:1", now_ns(), 1, 0, 0)
            at = (venue, SYMBOL, now_ns(), 1, 1)
            part = Contribution("orderbook", 60.0, 1.0, 10.0)
            score = ConfluenceScore(*at, 60.0, 1.0, 100.0, (part,), (), 68.0, 35.0)
            for topic, named, body in (
                (HEALTH, beat.key.encode(), encode(beat)),
                (CONFLUENCE_SCORES, score.key.encode(), encode(score)),
            ):
                where = partition_of(named, topic.partition_count(settings.broker.partitions))
                name = settings.broker.topic_prefix + topic.name
                await log.produce(name, named, body, partition=where)
            await log.flush()
            texts = []
            for code, graded in ((0, "may begin"), (1, "must not begin")):
                done = await asyncio.to_thread(prism, "preflight", "--config", config)
                assert done.returncode == code, done.stdout + done.stderr
                assert f"live trading {graded}" in done.stdout
                texts.append(done.stdout + done.stderr)
                halt = Halt("mine", 1, "drill", id="h", by="ada")
                await CommandLine(log, settings.broker).send(halt)
        finally:
            await log.close()
    assert not [text for text in texts if key.key in text or key.secret in text]
    assert "FAIL halts" in texts[1]
