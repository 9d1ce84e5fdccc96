"""What a command tells of the account that it is for."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from cli.control import Outcome, _ask, _text
from schemas.control import Halt
from schemas.order import Order, OrderStatus, Position
from schemas.settings import Settings, settings_from
from streams.store.ledger import open_ledger
from streams.transport.broker import forget
from tests.support.live_venue import Bench
from tests.support.messages import SYMBOL, VENUE

BROKER = "embedded://commanded"
HELD = Position(
    "paper", VENUE, SYMBOL, 7, Decimal(2), Decimal(50), Decimal(0), Decimal(0), Decimal(1000)
)


def asked(settings: Settings) -> Outcome:
    """A halt of an account whose topics hold nothing any more."""
    try:
        return asyncio.run(_ask(settings, Halt("paper", None, "rumour", id="h", by="ada"), 0))
    finally:
        forget(BROKER)


def settings_with(store: Path) -> Settings:
    return settings_from({"broker": {"url": BROKER}, "store": {"url": f"sqlite://{store}"}})


def stop() -> Order:
    made = Bench().order()
    return msgspec.structs.replace(made, account="paper", status=OrderStatus.INTENT, version=0)


def test_positions_and_stops_older_than_the_topics_are_told_as_the_ledger_has_them(
    tmp_path: Path,
) -> None:
    settings = settings_with(tmp_path / "ledger.db")
    ledger = open_ledger(settings.store.url)
    lease = ledger.acquire("paper", "me", ttl_ms=60_000)
    ledger.write(lease, [stop(), HELD])
    ledger.close()
    outcome = asked(settings)
    assert (outcome.open_positions, outcome.working_orders) == ([HELD], [stop()])
    assert outcome.taken is None


def test_a_ledger_that_cannot_be_had_hinders_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = asked(settings_with(tmp_path / "nothing.db"))
    assert (outcome.open_positions, outcome.working_orders) == ([], [])
    assert "those of the last day alone" in capsys.readouterr().err


def test_a_halt_that_nobody_took_yet_does_not_say_that_the_account_may_trade() -> None:
    given = Halt("paper", None, "rumour", id="h", by="ada")
    said = _text(Outcome(given, None, None, None, (), (), ()))
    assert "may trade" not in said
    assert said.endswith("taken    not yet: it holds once the account has read it")
    taken = msgspec.structs.replace(given, effective_ns=5)
    assert "taken" not in _text(Outcome(given, taken, None, None, (), (), ()))
