"""An account trades at a real venue only on terms that a person has named and confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.runtime import live_terms
from agents.runtime.roles import execution
from schemas.errors import SettingsError
from schemas.settings import Settings, settings_from

KEY = "binanceusdm:BTC/USDT:USDT"


def settings_of(*, symbols: list[str] | None = None, **sections: dict[str, Any]) -> Settings:
    """Settings that lack nothing, but for what is said, and with it confirmed."""
    given: dict[str, Any] = {
        "account": {"id": "desk"},
        "store": {"url": "sqlite://ledger.db"},
        "runtime": {"symbols": symbols or [KEY]},
        "live": {"enabled": True, "venue": "binanceusdm"},
    }
    for name, values in sections.items():
        given[name] = {**given.get(name, {}), **values}
    if "confirm" not in given["live"]:
        given["live"]["confirm"] = live_terms.code(settings_from(given))
    return settings_from(given)


def test_with_all_of_them_nothing_is_lacking() -> None:
    live_terms.check(settings_of())


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        ({"account": {"id": "paper"}}, "give the live account a name of its own"),
        ({"store": {"url": ""}}, "store.url names no database"),
        (
            {
                "live": {"venue": "coinbase", "currency": "USD", "sandbox": False},
                "symbols": ["coinbase:BTC/USD"],
            },
            "coinbase:BTC/USD is of spot of coinbase, not proven",
        ),
        (
            {
                "live": {"venue": "hyperliquid", "currency": "USDC", "sandbox": False},
                "symbols": ["hyperliquid:BTC/USDC:USDC"],
            },
            "perpetuals of hyperliquid, not proven",
        ),
        (
            {"live": {"sandbox": False}, "symbols": ["binanceusdm:BTC/USDT:USDT-261225"]},
            "BTC/USDT:USDT-261225 is of expiring contracts of binanceusdm, not proven",
        ),
        ({"live": {"position_mode": "hedge"}}, "hedge is not supported"),
        ({"live": {"not_found_s": 5.0}}, "not longer than live.recv_window_ms"),
        ({"live": {"balance_within_s": 300}}, "not longer than live.funding_s"),
        ({"live": {"max_decision_age_s": 0}}, "would open for signals of hours ago"),
        ({"symbols": [KEY, "bybit:BTC/USDT:USDT"]}, "is not at live.venue"),
        ({"symbols": ["binanceusdm:BTC/USDC:USDC"]}, "does not settle in live.currency USDT"),
        (
            {
                "live": {"venue": "binance"},
                "symbols": ["binance:BTC/USDT"],
                "algorithms": {"exit": "twap"},
            },
            "twap would rest beside the stop",
        ),
        (
            {"live": {"venue": "binance", "foreign": "adopt"}, "symbols": ["binance:BTC/USDT"]},
            "coins of spot have none",
        ),
        ({"live": {"confirm": ""}}, "not confirmed: account desk at binanceusdm"),
        ({"live": {"confirm": "12345678"}}, "not confirmed"),
    ],
)
def test_each_that_is_lacking_is_named_with_what_to_do(lacking: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        live_terms.check(settings_of(**lacking))
    assert "live.enabled=false to trade on paper" in str(refused.value)


@pytest.mark.parametrize(
    "key",
    ["binanceusdm:BTC/USDT:USDT", "bybit:BTC/USDT:USDT", "binance:BTC/USDT", "bybit:BTC/USDT"],
)
def test_what_is_proven_may_trade_with_real_money(key: str) -> None:
    venue, symbols = key.partition(":")[0], [key]
    live_terms.check(settings_of(live={"venue": venue, "sandbox": False}, symbols=symbols))


@pytest.mark.parametrize(
    "changed",
    [
        {"live": {"capital": 5_000}},
        {"live": {"leverage": 20}},
        {"live": {"sandbox": False}},
        {"live": {"foreign": "adopt"}},
        {"live": {"max_decision_age_s": 60}},
        {"risk": {"max_daily_loss_fraction": "0.5"}},
        {"account": {"id": "other"}},
        {"symbols": [KEY, "binanceusdm:ETH/USDT:USDT"]},
    ],
)
def test_other_limits_need_another_confirmation(changed: dict[str, Any]) -> None:
    confirmed = settings_of().live.confirm
    values = settings_of().model_dump(mode="json")
    symbols = changed.pop("symbols", None)
    if symbols is not None:
        values["runtime"]["symbols"] = symbols
    for section, keys in changed.items():
        values[section] |= keys
    with pytest.raises(SettingsError, match="not confirmed"):
        live_terms.check(settings_from(values))
    assert values["live"]["confirm"] == confirmed


def test_orders_of_any_age_may_leave_for_a_simulated_exchange_alone() -> None:
    live_terms.check(settings_of(live={"max_decision_age_s": 0, "connect_to": "127.0.0.1:1"}))


def test_how_the_venue_is_reached_needs_none() -> None:
    values = settings_of().model_dump(mode="json")
    values["live"] |= {"timeout_s": 3.0, "reconcile_s": 5.0}
    values["broker"] |= {"topic_prefix": "other."}
    live_terms.check(settings_from(values))


def test_what_is_confirmed_names_a_leverage_where_there_is_one() -> None:
    assert "leverage 3 cross" in live_terms.in_words(settings_of())
    spot = settings_of(live={"venue": "binance"}, symbols=["binance:BTC/USDT"])
    assert "leverage" not in live_terms.in_words(spot)


def test_what_is_confirmed_says_whether_it_is_real_money() -> None:
    assert "REAL MONEY" in live_terms.in_words(settings_of(live={"sandbox": False}))
    assert "REAL MONEY" not in live_terms.in_words(settings_of())


def test_an_account_that_is_to_trade_for_real_is_not_started_on_paper_instead() -> None:
    with pytest.raises(SettingsError, match=r"only `prism execution` trades at a real venue"):
        execution(settings_of())
    with pytest.raises(SettingsError, match=r"live\.enabled=false to trade on paper"):
        execution(settings_of(live={"confirm": ""}))


def test_a_paper_account_says_at_its_start_which_symbols_it_will_not_trade() -> None:
    keys = ["bybit:BTC/USDT:USDT", "coinbase:BTC/USD", "hyperliquid:BTC/USDC:USDC"]
    settings = settings_from({"runtime": {"symbols": keys}, "broker": {"url": "embedded://"}})
    with capture_logs() as logged:
        execution(settings)
    (told,) = [line for line in logged if line["event"] == "account.not_traded"]
    assert (told["symbols"], told["currency"]) == (keys[1:], "USDT")
    assert "paper.currency" in told["action"]
