"""What is looked at before an account trades at a venue: the simulated exchange, ccxt as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.venues.ccxt_live.credentials import KEY_VARIABLE, SECRET_VARIABLE, Credentials
from agents.venues.ccxt_live.opening import Opening
from schemas.clock import now_ns
from schemas.errors import ClockOff, SettingsError
from streams.feed.session import open_session
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Refuse
from streams.simulator.exchange.trading.keys import ApiKey
from tests.support.prism import prism
from tests.support.simulated import KEY, SmallMarket
from tests.support.venue_trading import SYMBOL, VENUE, live_settings

RICH = ApiKey(name="rich", key="r" * 64, secret="z" * 64, withdraw=True)
READER = ApiKey(name="reader", key="q" * 64, secret="y" * 64, trade=False)


def look(credentials: Credentials, *, skew_ms: int = 0, overloaded: int = 0) -> None:
    """A start's look at an exchange with three accounts."""

    async def course() -> None:
        exchange = SimulatedExchange(speed=1.0)
        exchange.add(VENUE, SmallMarket(SYMBOL, start_ns=now_ns()))
        async with exchange:
            for key in (KEY, RICH, READER):
                exchange.open_accounts(key)
            exchange.clock.skew_ms = skew_ms
            if overloaded:
                exchange.faults.inflict(Refuse(status=503, path="/fapi", count=overloaded))
            settings = live_settings(exchange, store="sqlite://l.db", broker={})
            await Opening(settings, credentials, lambda: open_session(settings.live)).look()

    asyncio.run(course())


def test_an_account_that_is_as_it_should_be_may_start() -> None:
    look(Credentials(KEY.key, KEY.secret))


def test_a_venue_that_is_away_for_a_moment_is_asked_again() -> None:
    look(Credentials(KEY.key, KEY.secret), overloaded=1)


@pytest.mark.parametrize(
    ("key", "secret", "says"),
    [
        (RICH.key, RICH.secret, "this key may withdraw from binanceusdm: make one without"),
        (READER.key, READER.secret, "this key may not trade at binanceusdm: allow it there"),
        (KEY.key, "w" * 64, "binanceusdm does not take these keys: AuthenticationError"),
        ("nobody", "n" * 64, "binanceusdm does not take these keys: AuthenticationError"),
    ],
)
def test_keys_that_may_too_much_or_too_little_start_nothing(
    key: str, secret: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        look(Credentials(key, secret))
    assert secret not in str(refused.value)


@pytest.mark.parametrize("skew_ms", [-20_000, 20_000])
def test_a_clock_that_is_off_starts_nothing(skew_ms: int) -> None:
    with pytest.raises(ClockOff, match=r"clock is [+-](19|20)\d{3} ms off .* synchronise it"):
        look(Credentials(KEY.key, KEY.secret), skew_ms=skew_ms)


def started(settings: dict[str, Any], folder: Path, **env: str) -> str:
    """What `prism execution` says when it refuses to start."""
    config = folder / "live.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    done = prism("execution", "--config", config, env=env)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_the_command_names_what_is_lacking_in_one_line(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "broker": {"url": "kafka://127.0.0.1:1"}, "runtime": {"symbols": [f"{VENUE}:{SYMBOL}"]},
        "live": {"enabled": True},
    }  # fmt: skip
    assert "give the live account a name of its own" in started(settings, tmp_path)
    settings["account"] = {"id": "desk"}
    assert "store.url names no database" in started(settings, tmp_path)
    settings["store"] = {"url": f"sqlite://{tmp_path / 'ledger.db'}"}
    told = started(settings, tmp_path)
    assert "not confirmed: account desk at binanceusdm (testnet) with 1000 USDT" in told
    settings["live"]["confirm"] = told.split("live.confirm=")[1].split(";")[0]
    assert f"set {KEY_VARIABLE}" in started(settings, tmp_path)
    assert f"set {SECRET_VARIABLE}" in started(settings, tmp_path, **{KEY_VARIABLE: "k"})


def test_orders_leave_for_real_from_no_other_command(tmp_path: Path) -> None:
    config = tmp_path / "live.yaml"
    config.write_text(yaml.safe_dump({"live": {"enabled": True}}), encoding="utf-8")
    done = prism("up", "--headless", "--duration", "1s", "--config", config)
    assert done.returncode == 2
    assert "live.enabled" in done.stderr
