"""What leaves for Coinbase, and what is understood of its answers: ccxt as it is, on loopback.

The answers follow the venue's public documentation. They are no recordings, and nothing here shows
that the venue itself answers so.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agents.venues.ccxt_live.credentials import KEY_VARIABLE, SECRET_VARIABLE, Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.errors import Fate, fate_of, text_of
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.seen import Rights
from agents.venues.ccxt_live.venues import gateway_of
from agents.venues.live import AMENDS
from schemas.errors import SettingsError
from schemas.frame import Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType, TimeInForce
from schemas.venue import OrderReport, RequestKind, VenueRequest
from tests.support.prism import prism
from tests.support.scripted_venue import (
    ID,
    LOST,
    Asked,
    ScriptedVenue,
    Status,
    first_heard,
    order_of,
    play,
)
from tests.support.simulated import until

SYMBOL = "BTC/USDC"
V3 = "/api/v3/brokerage"
ORDERS = f"{V3}/orders"
BATCH = f"{ORDERS}/historical/batch"
NAME = "organizations/0a/apiKeys/0b"
PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    .decode()
)

PRODUCT = {
    "product_id": "BTC-USDC", "price": "60000", "base_increment": "0.00000001",
    "quote_increment": "0.01", "price_increment": "0.01", "quote_min_size": "1",
    "quote_max_size": "150000000", "base_min_size": "0.00000001", "base_max_size": "3400",
    "base_name": "Bitcoin", "quote_name": "USDC", "status": "online", "is_disabled": False,
    "trading_disabled": False, "cancel_only": False, "limit_only": False, "post_only": False,
    "auction_mode": False, "product_type": "SPOT", "quote_currency_id": "USDC",
    "base_currency_id": "BTC", "alias": "", "alias_to": [], "view_only": False,
}  # fmt: skip


def row(**more: Any) -> dict[str, Any]:
    """An order as the list of orders tells it."""
    gtc = {"base_size": "0.5", "limit_price": "60000", "post_only": False}
    return {
        "order_id": "v-1", "product_id": "BTC-USDC", "client_order_id": ID, "side": "BUY",
        "order_configuration": {"limit_limit_gtc": gtc}, "status": "OPEN", "filled_size": "0.2",
        "time_in_force": "GOOD_UNTIL_CANCELLED", "created_time": "2023-11-14T22:13:20Z",
        "average_filled_price": "60000", "total_fees": "5", "order_type": "LIMIT", **more,
    }  # fmt: skip


def fill(id_: str) -> dict[str, Any]:
    return {
        "entry_id": f"e{id_}", "trade_id": id_, "order_id": "v-1", "product_id": "BTC-USDC",
        "trade_time": "2023-11-14T22:13:21Z", "trade_type": "FILL", "price": "60000.01",
        "size": "0.1", "commission": "2.5", "size_in_quote": False, "side": "BUY",
        "liquidity_indicator": "MAKER",
    }  # fmt: skip


def account(coin: str, available: str, hold: str) -> dict[str, Any]:
    return {
        "uuid": coin, "name": coin, "currency": coin, "type": "ACCOUNT_TYPE_CRYPTO",
        "available_balance": {"value": available, "currency": coin}, "active": True, "ready": True,
        "hold": {"value": hold, "currency": coin},
    }  # fmt: skip


TAKEN = {
    "success": True,
    "success_response": {
        "order_id": "v-1", "product_id": "BTC-USDC", "side": "BUY", "client_order_id": ID,
    },
}  # fmt: skip
TOLD: dict[str, Any] = {
    f"GET {V3}/market/products": {"products": [PRODUCT], "num_products": 1},
    f"GET {V3}/transaction_summary": {
        "fee_tier": {"taker_fee_rate": "0.006", "maker_fee_rate": "0.004"},
    },
    f"GET {V3}/time": {"epochSeconds": "1700000000", "epochMillis": "1700000000123"},
    f"GET {V3}/key_permissions": {"can_view": True, "can_trade": True, "can_transfer": False},
    f"GET {V3}/accounts": {
        "accounts": [account("USDC", "900.5", "100"), account("BTC", "0.1", "0.2")],
        "has_next": False, "cursor": "",
    },
    f"POST {ORDERS}": TAKEN,
    f"POST {ORDERS}/batch_cancel": {"results": [{"success": True, "order_id": "v-1"}]},
    f"GET {ORDERS}/historical/v-1": {"order": row()},
    f"GET {BATCH}": {"orders": [row()], "has_next": False, "cursor": ""},
}  # fmt: skip


def scenario(
    work: Callable[[CcxtGateway, ScriptedVenue], Awaitable[None]],
    *,
    told: dict[str, Any] | None = None,
    stream: Callable[[Any], list[Any]] = lambda _asked: [],
    **live: Any,
) -> None:
    """Work with a gateway to a venue that answers as documented, unless said otherwise."""

    def answer(asked: Asked) -> Any:
        said = (TOLD | (told or {}))[f"{asked.method} {asked.path}"]
        if asked.query.get("product_type") == "FUTURE":
            return {"products": []}
        return said(asked) if callable(said) else said

    at = {"venue": "coinbase", "currency": "USDC"}
    play(work, Credentials(NAME, PEM), answer=answer, stream=stream, **(at | live))


def btc(**more: Any) -> Order:
    return order_of("coinbase", SYMBOL, **more)


LIMIT = {"type": OrderType.LIMIT, "price": Decimal("59999.99")}
SIZE = {"base_size": "0.5"}
AT = {**SIZE, "limit_price": "59999.99"}


@pytest.mark.parametrize(
    ("order", "terms"),
    [
        (btc(), {"market_market_ioc": SIZE}),
        (btc(side=Side.SELL), {"market_market_ioc": SIZE}),
        (btc(**LIMIT), {"limit_limit_gtc": {**AT, "post_only": False}}),
        (
            btc(**LIMIT, time_in_force=TimeInForce.POST_ONLY),
            {"limit_limit_gtc": {**AT, "post_only": True}},
        ),
        (btc(**LIMIT, time_in_force=TimeInForce.IOC), {"sor_limit_ioc": AT}),
        (btc(**LIMIT, time_in_force=TimeInForce.FOK), {"limit_limit_fok": AT}),
        (
            btc(type=OrderType.STOP, side=Side.SELL, stop_price=Decimal(58_000), reduce_only=True),
            {"stop_limit_stop_limit_gtc": {
                **SIZE, "stop_price": "58000", "limit_price": "55100",
                "stop_direction": "STOP_DIRECTION_STOP_DOWN",
            }},
        ),
        (
            btc(
                type=OrderType.TAKE_PROFIT, side=Side.SELL, stop_price=Decimal(62_000),
                reduce_only=True,
            ),
            {"stop_limit_stop_limit_gtc": {
                **SIZE, "stop_price": "62000", "limit_price": "58900",
                "stop_direction": "STOP_DIRECTION_STOP_UP",
            }},
        ),
    ],
)  # fmt: skip
def test_an_order_leaves_once_signed_under_our_id_and_by_its_quantity(
    order: Order, terms: dict[str, Any]
) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        seen = await gateway.create(order)
        assert (seen.client_order_id, seen.venue_id) == (ID, "v-1")
        assert seen.status is OrderStatus.ACKNOWLEDGED
        (sent,) = venue.sent(ORDERS)
        assert sent.body == {
            "client_order_id": ID, "product_id": "BTC-USDC",
            "side": "BUY" if order.side is Side.BUY else "SELL", "order_configuration": terms,
        }  # fmt: skip
        assert sent.headers["Authorization"].startswith("Bearer ey")

    scenario(work)


def test_an_amendment_is_refused_and_nothing_is_sent() -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        request = VenueRequest(
            account="a", venue="coinbase", symbol=SYMBOL, tick_ns=1, kind=RequestKind.AMEND,
            order=btc(**LIMIT), price=Decimal(1),
        )  # fmt: skip
        with pytest.raises(ccxt.NotSupported, match="not sent: no amendment"):
            await gateway.amend(request, "v-1")
        assert not venue.asked

    assert not AMENDS["coinbase"]
    scenario(work)


def refusal(error: str, preview: str = "UNKNOWN_PREVIEW_FAILURE_REASON") -> dict[str, Any]:
    return {
        "success": False,
        "error_response": {"error": error, "message": "", "preview_failure_reason": preview},
    }


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (refusal("INSUFFICIENT_FUND"), Fate.REJECTED),
        (refusal("INVALID_LIMIT_PRICE_POST_ONLY"), Fate.REJECTED),
        (refusal("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"), Fate.REJECTED),
        (refusal("UNKNOWN_FAILURE_REASON"), Fate.UNKNOWN),
        (Status(401, {"error": "unauthorized"}), Fate.HALT),
        (Status(403, {"error": "PERMISSION_DENIED"}), Fate.HALT),
        (Status(429, {"error": "rate_limit_exceeded"}), Fate.LATER),
        (Status(500, {"error": "INTERNAL"}), Fate.UNKNOWN),
        (LOST, Fate.UNKNOWN),
    ],
)
def test_what_the_venue_says_of_an_order_tells_its_fate(answer: Any, fate: Fate) -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        with pytest.raises(ccxt.BaseError) as refused:
            await gateway.create(btc(**LIMIT))
        assert fate_of(refused.value) is fate

    scenario(work, told={f"POST {ORDERS}": answer})


def test_a_cancel_goes_by_the_venues_id_which_is_looked_for_where_it_is_not_known() -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        await gateway.cancel(btc())
        await gateway.cancel(btc())
        looks = venue.sent(BATCH, "GET")
        assert [look.query["product_id"] for look in looks] == ["BTC-USDC"]
        assert [sent.body for sent in venue.sent(f"{ORDERS}/batch_cancel")] == [
            {"order_ids": ["v-1"]}, {"order_ids": ["v-1"]},
        ]  # fmt: skip

    scenario(work)


def test_an_order_of_before_is_found_by_our_id_over_all_pages_and_then_asked_for_by_its_own() -> (
    None
):
    def pages(asked: Asked) -> Any:
        if "cursor" not in asked.query:
            other = row(order_id="v-0", client_order_id="other")
            return {"orders": [other], "has_next": True, "cursor": "c1"}
        return {"orders": [row(status="FILLED", filled_size="0.5")], "cursor": ""}

    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        seen = await gateway.look(btc())
        assert (seen.venue_id, seen.status, seen.filled_qty) == (
            "v-1", OrderStatus.FILLED, Decimal("0.5"),
        )  # fmt: skip
        assert venue.sent(BATCH, "GET")[0].query["start_date"] == "2023-11-14T22:12:20.000Z"
        seen = await gateway.look(btc())
        assert (seen.status, seen.qty) == (OrderStatus.PARTIAL, Decimal("0.5"))
        assert len(venue.sent(BATCH, "GET")) == 2

    scenario(work, told={f"GET {BATCH}": pages})


def test_an_order_that_is_in_no_list_is_not_found() -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        with pytest.raises(ccxt.OrderNotFound):
            await gateway.look(btc())

    scenario(work, told={f"GET {BATCH}": {"orders": [], "cursor": ""}})


def test_all_trades_of_an_order_are_told_with_their_fees() -> None:
    def pages(asked: Asked) -> Any:
        assert asked.query["order_ids"] == "v-1"
        if "cursor" not in asked.query:
            return {"fills": [fill("1")], "cursor": "c1"}
        return {"fills": [fill("2")], "cursor": ""}

    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        trades = await gateway.trades(btc(), "v-1")
        assert [(t.trade_id, t.price, t.qty) for t in trades] == [
            (id_, Decimal("60000.01"), Decimal("0.1")) for id_ in ("1", "2")
        ]
        assert {(t.fee, t.fee_currency, t.maker) for t in trades} == {
            (Decimal("2.5"), "USDC", True)
        }

    scenario(work, told={f"GET {ORDERS}/historical/fills": pages})


def test_the_account_is_what_is_free_and_held_every_open_order_and_the_coins() -> None:
    def pages(asked: Asked) -> Any:
        assert asked.query["order_status"] == "OPEN"
        if "cursor" not in asked.query:
            return {"orders": [row()], "cursor": "c1"}
        return {"orders": [row(order_id="v-2", client_order_id="")], "cursor": ""}

    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        shown = await gateway.account([SYMBOL])
        assert shown.balance == Decimal("1000.5")
        assert [order.client_order_id for order in shown.orders] == [ID, "v-2"]
        assert [(p.symbol, p.qty) for p in shown.positions] == [(SYMBOL, Decimal("0.3"))]
        assert await gateway.fees(SYMBOL) == (Decimal(40), Decimal(60))
        assert await gateway.confirm([SYMBOL]) == []
        assert await gateway.fundings([SYMBOL]) == []
        assert not gateway.has_dead_man()
        assert await gateway.time_ms() == "1700000000123"
        assert {asked.method for asked in venue.asked} == {"GET"}

    scenario(work, told={f"GET {BATCH}": pages})


@pytest.mark.parametrize("moves", [False, True])
def test_a_key_that_may_transfer_takes_money_out(moves: bool) -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        assert await gateway.rights() == Rights(trade=True, withdraw=moves)

    may = {"can_view": True, "can_trade": True, "can_transfer": moves}
    scenario(work, told={f"GET {V3}/key_permissions": may})


def test_the_stream_of_orders_tells_what_is_filled_and_no_quantity_of_ccxts() -> None:
    def stream(asked: Any) -> list[Any]:
        order = {
            "order_id": "v-1", "client_order_id": ID, "product_id": "BTC-USDC",
            "cumulative_quantity": "0.2", "leaves_quantity": "0.3", "avg_price": "60000",
            "status": "OPEN", "order_side": "BUY", "order_type": "Limit", "limit_price": "60000",
            "stop_price": "", "creation_time": "2023-11-14T22:13:20Z", "total_fees": "5",
            "filled_value": "12000",
        }  # fmt: skip
        events = [{"type": "snapshot", "orders": [order]}]
        return [{"channel": asked["channel"], "events": events, "sequence_num": 0}]

    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        seen = await first_heard(gateway.watch_orders)
        assert (seen.client_order_id, seen.venue_id) == (ID, "v-1")
        assert (seen.status, seen.filled_qty) == (OrderStatus.PARTIAL, Decimal("0.2"))
        assert seen.qty is None
        (asked,) = venue.subscribed
        assert (asked["type"], asked["channel"]) == ("subscribe", "user")
        assert asked["jwt"].startswith("ey")

    scenario(work, stream=stream)


@pytest.mark.parametrize(
    ("listed", "status"), [([row()], OrderStatus.PARTIAL), ([], OrderStatus.REJECTED)]
)
def test_an_order_whose_reply_is_lost_is_looked_for_by_our_id_and_not_sent_again(
    listed: Any, status: OrderStatus
) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        order = btc(**LIMIT)
        desk = Desk(
            gateway, gateway.settings, account="a", symbols=[SYMBOL], run=1, ready=lambda: True,
            clock=lambda: order.tick_ns,
        )  # fmt: skip
        desk.begin([])
        request = VenueRequest(
            account="a", venue="coinbase", symbol=SYMBOL, tick_ns=1, kind=RequestKind.CREATE,
            order=order,
        )  # fmt: skip
        desk.take(request, fresh=True)
        heard: list[OrderStatus] = []

        def ended() -> bool:
            heard.extend(r.status for r in desk.drain() if isinstance(r, OrderReport))
            return status in heard

        await until(ended, "what became of it")
        await desk.close()
        assert heard == [OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, status]
        assert len(venue.sent(ORDERS)) == 1

    told = {
        f"POST {ORDERS}": LOST,
        f"GET {BATCH}": {"orders": listed, "cursor": ""},
        f"GET {ORDERS}/historical/fills": {"fills": [], "cursor": ""},
    }
    scenario(work, told=told, dead_man_s=0, not_found_s=0.6, recv_window_ms=500)


@pytest.mark.parametrize(
    ("key", "secret", "sandbox", "says"),
    [
        ("legacy", PEM, False, "the key of coinbase is no name of a CDP key; give organizations/"),
        (NAME, "Zm9v" * 22, False, "the secret of coinbase is no EC private key; make the CDP key"),
        (NAME, PEM, True, "live.sandbox: coinbase has no testnet"),
    ],
)
def test_keys_of_another_form_and_a_testnet_are_refused_in_one_line(
    key: str, secret: str, sandbox: bool, says: str
) -> None:
    settings = LiveSettings(venue="coinbase", sandbox=sandbox)
    with pytest.raises(SettingsError, match=says) as refused:
        gateway_of(settings, Credentials(key, secret), None)  # type: ignore[arg-type]
    assert secret not in str(refused.value)


def test_a_key_of_many_lines_is_in_no_text_of_an_error() -> None:
    hidden = Credentials(NAME, PEM).hidden()
    assert "PRIVATE KEY" not in text_of(ValueError(f"cannot load {PEM}"), hidden)


def test_preflight_says_in_one_line_that_there_is_no_testnet(tmp_path: Path) -> None:
    config = {"live": {"venue": "coinbase"}, "runtime": {"symbols": [f"coinbase:{SYMBOL}"]}}
    (tmp_path / "live.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    keys = {KEY_VARIABLE: NAME, SECRET_VARIABLE: PEM.replace("\n", "\\n")}
    done = prism("preflight", "--json", "--config", tmp_path / "live.yaml", env=keys)
    (check,) = (c for c in json.loads(done.stdout)["checks"] if c["name"] == "venue")
    assert "live.sandbox: coinbase has no testnet" in check["fact"]
    assert check["action"] == "trade there on paper"
    assert "PRIVATE KEY" not in done.stdout + done.stderr
