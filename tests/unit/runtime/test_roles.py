"""What a role refuses before it starts."""

from __future__ import annotations

import pytest

from agents.runtime.roles import execution
from schemas.errors import SettingsError
from schemas.settings import settings_from


def test_an_account_that_is_to_trade_for_real_is_not_started_on_paper_instead() -> None:
    settings = settings_from(
        {"live": {"enabled": True}, "runtime": {"symbols": ["binanceusdm:BTC/USDT:USDT"]}}
    )
    with pytest.raises(SettingsError, match=r"live\.enabled=false to trade on paper"):
        execution(settings)
