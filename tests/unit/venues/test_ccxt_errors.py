"""Errors of ccxt: what became of the request; and no secret in any text."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import ccxt
import pytest

from agents.venues.ccxt_live.budget import Budget, Limit
from agents.venues.ccxt_live.credentials import Credentials, credentials_of
from agents.venues.ccxt_live.errors import TABLE, Fate, Paused, fate_of, text_of
from agents.venues.ccxt_live.venues import gateway_of
from schemas.errors import SettingsError
from schemas.live_settings import LiveSettings

SECRET = "shhh-very-secret"


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (ccxt.InsufficientFunds(""), Fate.REJECTED),
        (ccxt.InvalidOrder("-4014 price"), Fate.REJECTED),
        (ccxt.OrderImmediatelyFillable(""), Fate.REJECTED),
        (ccxt.OrderNotFillable(""), Fate.REJECTED),
        (ccxt.BadRequest(""), Fate.REJECTED),
        (ccxt.BadSymbol(""), Fate.REJECTED),
        (ccxt.InvalidNonce(""), Fate.REJECTED),
        (ccxt.MarketClosed(""), Fate.REJECTED),
        (ccxt.InvalidOrder('{"code":-4116}'), Fate.UNKNOWN),
        (ccxt.InvalidOrder("110072"), Fate.UNKNOWN),
        (ccxt.InvalidOrder("Duplicate order sent."), Fate.UNKNOWN),
        (ccxt.DuplicateOrderId(""), Fate.UNKNOWN),
        (ccxt.OrderNotFound(""), Fate.UNKNOWN),
        (ccxt.DDoSProtection("429"), Fate.LATER),
        (ccxt.RateLimitExceeded("-1015"), Fate.LATER),
        (ccxt.AuthenticationError(""), Fate.HALT),
        (ccxt.PermissionDenied(""), Fate.HALT),
        (ccxt.AccountSuspended(""), Fate.HALT),
        (ccxt.RequestTimeout(""), Fate.UNKNOWN),
        (ccxt.ExchangeNotAvailable("502"), Fate.UNKNOWN),
        (ccxt.OnMaintenance(""), Fate.UNKNOWN),
        (ccxt.OperationFailed("-1006"), Fate.UNKNOWN),
        (ccxt.NetworkError(""), Fate.UNKNOWN),
        (ccxt.BadResponse(""), Fate.UNKNOWN),
        (ccxt.ExchangeError("10000"), Fate.UNKNOWN),
        (aiohttp.ClientPayloadError(""), Fate.UNKNOWN),
        (TimeoutError(), Fate.UNKNOWN),
        (KeyError("orderId"), Fate.UNKNOWN),
    ],
)
def test_an_error_says_what_became_of_the_request(error: Exception, fate: Fate) -> None:
    assert fate_of(error) is fate


def test_every_error_class_of_ccxt_has_a_fate_by_the_table() -> None:
    classes = [kind for kind in vars(ccxt).values() if isinstance(kind, type)]
    exchange = [kind for kind in classes if issubclass(kind, (ccxt.ExchangeError,))]
    assert len(exchange) > 20
    for kind in exchange:
        assert any(base in TABLE for base in kind.__mro__), kind


def test_no_secret_is_in_the_text_of_an_error_or_of_the_credentials() -> None:
    error = ccxt.NetworkError(f"GET https://x/order?apiKey={SECRET}&signature=abc cut")
    text = text_of(error, (SECRET,))
    assert SECRET not in text
    assert "abc" not in text
    credentials = Credentials("key-of-mine", SECRET)
    for told in (repr(credentials), str(credentials), f"{credentials}"):
        assert SECRET not in told
        assert "key-of-mine" not in told


def test_keys_come_from_the_environment_or_from_files_and_their_lack_is_named(
    tmp_path: Path,
) -> None:
    environ = {"PRISM_LIVE_KEY": "k", "PRISM_LIVE_SECRET": SECRET}
    assert credentials_of(LiveSettings(), environ).hidden() == ("k", SECRET)
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    told = credentials_of(LiveSettings(secret_file=path), {"PRISM_LIVE_KEY": "k"})
    assert told.secret == SECRET
    with pytest.raises(SettingsError, match=r"set PRISM_LIVE_SECRET, or live\.secret_file"):
        credentials_of(LiveSettings(), {"PRISM_LIVE_KEY": "k"})
    with pytest.raises(SettingsError, match="check the path"):
        credentials_of(LiveSettings(key_file=tmp_path / "none"), {})


def test_after_a_refusal_nobody_asks_until_the_venue_wants_to_be_asked_again() -> None:
    now = [0]
    budget = Budget(Limit(60, 60), clock=lambda: now[0])
    assert budget.wait_s(1) == 0
    budget.pause(5)
    assert budget.wait_s(1) == 5
    now[0] = 6 * 10**9
    assert budget.wait_s(1) == 0


def test_what_moves_orders_waits_behind_no_look_and_an_entry_not_for_the_end_of_a_pause() -> None:
    async def work() -> None:
        now = [0]
        budget = Budget(Limit(60, 60), clock=lambda: now[0])
        await budget.take(60)
        assert budget.wait_s(5) == 5
        await asyncio.wait_for(budget.take_first(patience_s=0), 1)
        assert budget.wait_s(5) == 6  # the looks pay for it
        budget.pause(5)
        with pytest.raises(Paused, match=r"not sent: .* 5\.0 s"):
            await budget.take_first(patience_s=4)

    asyncio.run(work())


def test_a_reply_is_waited_for_from_when_its_request_left_not_from_when_it_had_to_wait() -> None:
    async def work() -> None:
        async def answer() -> str:
            return "here"

        async with aiohttp.ClientSession() as session:
            settings = LiveSettings(sandbox=False, timeout_s=0.05)
            gateway = gateway_of(settings, Credentials("k", "s"), session)
            gateway.exchange.markets = {"X": {}}
            gateway.budget = Budget(Limit(10, 1))
            await gateway.budget.take(10)
            assert await gateway.ask(answer, 2) == "here"  # its turn comes after 0.2 s
            with pytest.raises(TimeoutError):
                await gateway.ask(asyncio.Event().wait)
            await gateway.close()

    asyncio.run(work())


@pytest.mark.parametrize("turns", range(6))
def test_who_is_told_to_end_ends_though_the_reply_comes_at_the_same_moment(turns: int) -> None:
    async def work() -> None:
        async with aiohttp.ClientSession() as session:
            gateway = gateway_of(LiveSettings(sandbox=False), Credentials("k", "s"), session)
            gateway.exchange.markets = {"X": {}}
            reply = asyncio.get_running_loop().create_future()

            async def answer() -> str:
                return str(await reply)

            asking = asyncio.create_task(gateway.ask(answer))
            for _ in range(10):
                await asyncio.sleep(0)
            reply.set_result("here")
            for _ in range(turns):
                await asyncio.sleep(0)
            told = asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled() is told
            await gateway.close()

    asyncio.run(work())
