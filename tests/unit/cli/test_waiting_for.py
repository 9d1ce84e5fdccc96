"""``--symbols`` of the roles: as written by people, with spaces after commas."""

from __future__ import annotations

from cli.roles import waiting_for
from schemas.settings import load_settings


def test_symbols_to_wait_for_may_have_spaces_around_them() -> None:
    given = waiting_for("binanceusdm:BTC/USDT:USDT, bybit:ETH/USDT:USDT")
    symbols = load_settings(overrides=given, environ={}).runtime.symbols
    assert symbols == ("binanceusdm:BTC/USDT:USDT", "bybit:ETH/USDT:USDT")


def test_without_the_option_the_settings_stand() -> None:
    assert waiting_for(None) == []
