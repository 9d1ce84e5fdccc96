"""What leaves for Hyperliquid, and what is understood of its answers: ccxt as it is, on loopback.

The answers follow the venue's public documentation. They are no recordings, and nothing here shows
that the venue itself answers so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from agents.venues.ccxt_live.credentials import Credentials
from agents.venues.ccxt_live.desk import Desk
from agents.venues.ccxt_live.errors import Fate, fate_of
from agents.venues.ccxt_live.gateway import CcxtGateway
from agents.venues.ccxt_live.seen import Rights
from agents.venues.ccxt_live.venues import gateway_of
from agents.venues.live import AMENDS
from cli.preflight.checklist import Checklist
from cli.preflight.of_ledger import Books
from cli.preflight.of_venue import VenueChecks
from schemas.clock import now_ns
from schemas.errors import SettingsError
from schemas.frame import NS_PER_MS, Side
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus, OrderType, TimeInForce
from schemas.settings import settings_from
from schemas.venue import OrderReport, RequestKind, VenueRequest
from tests.support.scripted_venue import (
    ID,
    LOST,
    TICK_NS,
    Asked,
    ScriptedVenue,
    Status,
    first_heard,
    order_of,
    play,
)
from tests.support.simulated import until

SYMBOL = "BTC/USDC:USDC"
PRIVATE = "1" * 64
SIGNER = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
ACCOUNT = "0x" + "ab" * 20
CLOID = f"0x{ID}"
TICK_MS = TICK_NS // 10**6


def row(**more: Any) -> dict[str, Any]:
    """An order as orderStatus, frontendOpenOrders and orderUpdates tell it."""
    return {
        "coin": "BTC", "side": "B", "limitPx": "60000.0", "sz": "0.3", "oid": 77,
        "timestamp": TICK_MS, "triggerCondition": "N/A", "isTrigger": False, "triggerPx": "0.0",
        "children": [], "isPositionTpsl": False, "reduceOnly": False, "orderType": "Limit",
        "origSz": "0.5", "tif": "Gtc", "cloid": CLOID, **more,
    }  # fmt: skip


def fill(tid: int, **more: Any) -> dict[str, Any]:
    return {
        "coin": "BTC", "px": "60001.0", "sz": "0.2", "side": "B", "time": TICK_MS + tid,
        "startPosition": "0.0", "dir": "Open Long", "closedPnl": "0.0", "hash": "0x0", "oid": 77,
        "crossed": True, "fee": "5.4", "tid": tid, "feeToken": "USDC", **more,
    }  # fmt: skip


def funding(hour: int, usdc: str) -> dict[str, Any]:
    delta = {"coin": "BTC", "fundingRate": "0.0000125", "szi": "0.5", "type": "funding"}
    return {
        "time": now_ns() // NS_PER_MS - hour * 3_600_000, "hash": "0x" + "0" * 64,
        "delta": {**delta, "usdc": usdc},
    }  # fmt: skip


def statuses(kind: str, *told: Any) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": list(told)}}}


UNIVERSE = [
    {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}], "marginTables": []},
    [{
        "markPx": "60000.0", "midPx": "60000.5", "funding": "0.0000125", "openInterest": "1",
        "oraclePx": "60000.0", "prevDayPx": "60000.0", "dayNtlVlm": "1", "premium": "0",
        "impactPxs": ["60000", "60001"],
    }],
]  # fmt: skip
BOOK = {
    "coin": "BTC", "time": TICK_MS,
    "levels": [[{"px": "60000", "sz": "1", "n": 1}], [{"px": "60001", "sz": "1", "n": 1}]],
}  # fmt: skip
STATE = {
    "marginSummary": {
        "accountValue": "1000.5", "totalMarginUsed": "10", "totalNtlPos": "1", "totalRawUsd": "1",
    },
    "withdrawable": "900", "time": TICK_MS,
    "assetPositions": [{"type": "oneWay", "position": {
        "coin": "BTC", "szi": "-0.2", "entryPx": "60010.0", "positionValue": "12000",
        "unrealizedPnl": "2", "marginUsed": "4000", "leverage": {"type": "cross", "value": 3},
        "liquidationPx": None, "maxLeverage": 40, "returnOnEquity": "0",
    }}],
}  # fmt: skip
INFO: dict[str, Any] = {
    "metaAndAssetCtxs": UNIVERSE,
    "l2Book": BOOK,
    "exchangeStatus": {"time": TICK_MS},
    "orderStatus": {"status": "order", "order": {"order": row(), "status": "open"}},
    "frontendOpenOrders": [row(), row(oid=78, cloid=None, coin="ETH")],
    "clearinghouseState": STATE,
    "userAbstraction": "disabled",
    "userRole": {"role": "agent", "data": {"user": ACCOUNT}},
    "userFees": {"userCrossRate": "0.00045", "userAddRate": "0.00015"},
    "activeAssetData": {"coin": "BTC", "leverage": {"type": "isolated", "value": 3}},
}


def scenario(
    work: Callable[[CcxtGateway, ScriptedVenue], Awaitable[None]],
    *,
    info: dict[str, Any] | None = None,
    exchange: Any = None,
    stream: Callable[[Any], list[Any]] = lambda _asked: [],
    **live: Any,
) -> None:
    """Work with a gateway to a venue that answers as documented, unless said otherwise."""

    def answer(asked: Asked) -> Any:
        if asked.path == "/exchange":
            return statuses("order", {"resting": {"oid": 77}}) if exchange is None else exchange
        told = (INFO | (info or {}))[asked.body["type"]]
        return told(asked.body) if callable(told) else told

    at = {"venue": "hyperliquid", "currency": "USDC"}
    play(work, Credentials(ACCOUNT, PRIVATE), answer=answer, stream=stream, **(at | live))


def btc(**more: Any) -> Order:
    return order_of("hyperliquid", SYMBOL, **more)


LIMIT = {"type": OrderType.LIMIT, "price": Decimal("60000.4")}


@pytest.mark.parametrize(
    ("order", "price", "reduces", "terms"),
    [
        (btc(), "63001", False, {"limit": {"tif": "Ioc"}}),
        (btc(**LIMIT), "60000", False, {"limit": {"tif": "Gtc"}}),
        (btc(**LIMIT, time_in_force=TimeInForce.IOC), "60000", False, {"limit": {"tif": "Ioc"}}),
        (
            btc(**LIMIT, time_in_force=TimeInForce.POST_ONLY), "60000", False,
            {"limit": {"tif": "Alo"}},
        ),
        (
            btc(type=OrderType.STOP, side=Side.SELL, stop_price=Decimal(59_000), reduce_only=True),
            "56050", True, {"trigger": {"isMarket": True, "triggerPx": "59000", "tpsl": "sl"}},
        ),
        (
            btc(
                type=OrderType.TAKE_PROFIT, side=Side.SELL, stop_price=Decimal(61_000),
                reduce_only=True,
            ),
            "57950", True, {"trigger": {"isMarket": True, "triggerPx": "61000", "tpsl": "tp"}},
        ),
    ],
)  # fmt: skip
def test_an_order_leaves_once_signed_under_our_id_and_with_no_fee_or_referral_for_ccxt(
    order: Order, price: str, reduces: bool, terms: dict[str, Any]
) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        seen = await gateway.create(order)
        assert (seen.client_order_id, seen.venue_id) == (ID, "77")
        (sent,) = venue.sent("/exchange")
        assert sent.body["action"] == {
            "type": "order", "grouping": "na",
            "orders": [{
                "a": 0, "b": order.side is Side.BUY, "p": price, "s": "0.5", "r": reduces,
                "t": terms, "c": CLOID,
            }],
        }  # fmt: skip
        assert sent.body["expiresAfter"] - sent.body["nonce"] == 4_000
        assert set(sent.body["signature"]) == {"r", "s", "v"}

    scenario(work, recv_window_ms=4_000)


def test_a_fill_or_kill_order_and_an_amendment_are_refused_and_nothing_is_sent() -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        with pytest.raises(ccxt.NotSupported, match="no fill-or-kill") as refused:
            await gateway.create(btc(**LIMIT, time_in_force=TimeInForce.FOK))
        assert fate_of(refused.value) is Fate.REJECTED
        request = VenueRequest(
            account="a", venue="hyperliquid", symbol=SYMBOL, tick_ns=1, kind=RequestKind.AMEND,
            order=btc(**LIMIT), price=Decimal(1),
        )  # fmt: skip
        with pytest.raises(ccxt.NotSupported, match="no amendment"):
            await gateway.amend(request, "77")
        assert not venue.sent("/exchange")

    assert not AMENDS["hyperliquid"]
    scenario(work)


@pytest.mark.parametrize("answer", [Status(502, {}), LOST])
def test_without_a_price_a_market_order_is_not_sent_and_known_not_to_be_there(answer: Any) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        with pytest.raises(Exception, match="not sent: no price") as refused:
            await gateway.create(btc())
        assert fate_of(refused.value) is Fate.LATER
        assert not venue.sent("/exchange")

    scenario(work, info={"l2Book": lambda _body: answer})


@pytest.mark.parametrize(
    ("said", "fate"),
    [
        ("Insufficient margin to place order. asset=0", Fate.REJECTED),
        ("Order must have minimum value of $10. asset=0", Fate.REJECTED),
        ("Order was never placed, already canceled, or filled. asset=0", Fate.UNKNOWN),
        ("Something that nobody has documented", Fate.UNKNOWN),
    ],
)
def test_what_the_venue_says_of_an_order_tells_its_fate(said: str, fate: Fate) -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        with pytest.raises(ccxt.ExchangeError) as refused:
            await gateway.create(btc(**LIMIT))
        assert fate_of(refused.value) is fate

    scenario(work, exchange=statuses("order", {"error": said}))


@pytest.mark.parametrize(
    ("said", "fate"),
    [
        (f"User or API Wallet {SIGNER} does not exist.", Fate.HALT),
        (f"Must deposit before performing actions. User: {SIGNER}", Fate.HALT),
        ("Too many cumulative requests sent (2 > 1) for volume traded $1.", Fate.LATER),
    ],
)
def test_what_the_venue_says_of_the_signer_tells_the_fate(said: str, fate: Fate) -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        with pytest.raises(ccxt.BaseError) as refused:
            await gateway.create(btc(**LIMIT))
        assert fate_of(refused.value) is fate

    scenario(work, exchange={"status": "err", "response": said})


def test_cancels_and_looks_go_by_our_id() -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        await gateway.cancel(btc())
        (sent,) = venue.sent("/exchange")
        assert sent.body["action"] == {
            "type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}],
        }  # fmt: skip
        seen = await gateway.look(btc())
        asked = venue.sent("/info")[-1].body
        assert asked == {"type": "orderStatus", "user": ACCOUNT, "oid": CLOID}
        assert (seen.client_order_id, seen.venue_id) == (ID, "77")
        assert (seen.status, seen.filled_qty) == (OrderStatus.PARTIAL, Decimal("0.2"))

    scenario(work, exchange=statuses("cancel", "success"))


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("open", OrderStatus.PARTIAL),
        ("triggered", OrderStatus.PARTIAL),
        ("filled", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELLED),
        ("marginCanceled", OrderStatus.CANCELLED),
        ("scheduledCancel", OrderStatus.CANCELLED),
        ("siblingFilledCanceled", OrderStatus.CANCELLED),
        ("rejected", OrderStatus.REJECTED),
        ("iocCancelRejected", OrderStatus.REJECTED),
        ("tickRejected", OrderStatus.REJECTED),
    ],
)
def test_each_way_to_end_is_understood_also_those_that_ccxt_does_not_know(
    said: str, status: OrderStatus
) -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        assert (await gateway.look(btc())).status is status

    scenario(
        work, info={"orderStatus": {"status": "order", "order": {"order": row(), "status": said}}}
    )


def test_an_order_that_the_venue_does_not_know_is_not_found() -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        with pytest.raises(ccxt.OrderNotFound):
            await gateway.look(btc())

    scenario(work, info={"orderStatus": {"status": "unknownOid"}})


def test_all_trades_of_an_order_are_asked_for_page_by_page_with_the_fee_as_told() -> None:
    pages = [
        [fill(1, builderFee="1.0"), fill(2, oid=78)], [fill(2, oid=78), fill(3, fee="-0.1")],
    ]  # fmt: skip

    def fills(body: Any) -> Any:
        after = body["startTime"]
        return pages[0] if after < TICK_MS else pages[1]

    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        trades = await gateway.trades(btc(), "77")
        told = [(t.trade_id, t.qty, t.fee, t.fee_currency, t.maker) for t in trades]
        assert told == [
            ("1", Decimal("0.2"), Decimal("5.4"), "USDC", False),
            ("3", Decimal("0.2"), Decimal("-0.1"), "USDC", False),
        ]
        starts = [a.body["startTime"] for a in venue.sent("/info") if "startTime" in a.body]
        assert starts == [TICK_MS - 60_000, TICK_MS + 2, TICK_MS + 3]

    scenario(work, info={"userFillsByTime": fills})


def test_funding_payments_of_one_hash_are_told_apart_and_what_is_paid_is_below_zero() -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        paid = await gateway.fundings([SYMBOL])
        assert [p.amount for p in paid] == [Decimal("-3.6"), Decimal("1.2")]
        assert len({p.payment_id for p in paid}) == 2

    scenario(work, info={"userFunding": [funding(2, "-3.6"), funding(1, "1.2")]})


def test_the_account_is_its_wallet_every_open_order_and_signed_positions() -> None:
    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        shown = await gateway.account([SYMBOL])
        assert shown.balance == Decimal("998.5")
        assert [(o.client_order_id, o.symbol, o.filled_qty) for o in shown.orders] == [
            (ID, SYMBOL, Decimal("0.2")), ("78", "ETH/USDC:USDC", Decimal("0.2")),
        ]  # fmt: skip
        (position,) = shown.positions
        assert (position.symbol, position.qty) == (SYMBOL, Decimal("-0.2"))
        fees = await gateway.fees(SYMBOL)
        assert fees == (Decimal("1.5"), Decimal("4.5"))

    scenario(work)


@pytest.mark.parametrize(
    ("mode", "differs"),
    [("isolated", []), ("cross", [f"{SYMBOL}: margin mode is isolated, not cross"])],
)
def test_leverage_and_margin_mode_are_set_in_one_and_read_back(
    mode: str, differs: list[str]
) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        assert await gateway.confirm([SYMBOL]) == differs
        (sent,) = venue.sent("/exchange")
        assert sent.body["action"] == {
            "type": "updateLeverage", "asset": 0, "isCross": mode == "cross", "leverage": 3,
        }  # fmt: skip
        assert await gateway.confirm(["UBTC/USDC"]) == ["UBTC/USDC: not listed at hyperliquid"]

    done = {"status": "ok", "response": {"type": "default"}}
    scenario(work, exchange=done, margin_mode=mode)


def test_the_dead_man_switch_is_wound_up_by_the_nonce() -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        await gateway.arm([SYMBOL], 120)
        (sent,) = venue.sent("/exchange")
        action = {"type": "scheduleCancel", "time": sent.body["nonce"] + 120_000}
        assert sent.body["action"] == action
        assert gateway.has_dead_man()

    scenario(work, exchange={"status": "ok", "response": {"type": "default"}})


@pytest.mark.parametrize(
    ("account", "role", "rights"),
    [
        (ACCOUNT, {"role": "agent", "data": {"user": ACCOUNT}}, Rights(trade=True, withdraw=False)),
        (ACCOUNT, {"role": "missing"}, Rights(trade=False, withdraw=False)),
        (
            ACCOUNT, {"role": "agent", "data": {"user": "0x" + "cd" * 20}},
            Rights(trade=False, withdraw=False),
        ),
        (SIGNER, {"role": "user"}, Rights(trade=True, withdraw=True)),
    ],
)  # fmt: skip
def test_the_accounts_own_key_may_withdraw_and_one_that_signs_for_others_may_not_trade(
    account: str, role: Any, rights: Rights
) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        gateway.exchange.walletAddress = account
        assert await gateway.rights() == rights
        roles = [a.body["user"] for a in venue.sent("/info") if a.body["type"] == "userRole"]
        assert roles == ([] if account == SIGNER else [SIGNER])

    scenario(work, info={"userRole": role})


def test_streams_tell_orders_and_trades_of_the_account() -> None:
    def stream(asked: Any) -> list[Any]:
        kind = asked["subscription"]["type"]
        if kind == "orderUpdates":
            order = {"order": row(), "status": "scheduledCancel", "statusTimestamp": TICK_MS}
            return [{"channel": "orderUpdates", "data": [order]}]
        return [{"channel": "userFills", "data": {"user": ACCOUNT, "fills": [fill(9)]}}]

    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        seen = await first_heard(gateway.watch_orders)
        assert (seen.client_order_id, seen.status) == (ID, OrderStatus.CANCELLED)
        trade = await first_heard(gateway.watch_trades)
        assert (trade.trade_id, trade.order_id, trade.fee) == ("9", "77", Decimal("5.4"))
        assert [each["subscription"] for each in venue.subscribed] == [
            {"type": kind, "user": ACCOUNT} for kind in ("orderUpdates", "userFills")
        ]

    scenario(work, stream=stream)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "order", "order": {"order": row(), "status": "open"}}, OrderStatus.PARTIAL),
        ({"status": "unknownOid"}, OrderStatus.REJECTED),
    ],
)
def test_an_order_whose_reply_is_lost_is_looked_for_by_our_id_and_not_sent_again(
    told: Any, status: OrderStatus
) -> None:
    async def work(gateway: CcxtGateway, venue: ScriptedVenue) -> None:
        order = btc(**LIMIT)
        desk = Desk(
            gateway, gateway.settings, account="a", symbols=[SYMBOL], run=1, ready=lambda: True,
            clock=lambda: order.tick_ns,
        )  # fmt: skip
        desk.begin([])
        request = VenueRequest(
            account="a", venue="hyperliquid", symbol=SYMBOL, tick_ns=1, kind=RequestKind.CREATE,
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
        orders = [a for a in venue.sent("/exchange") if a.body["action"]["type"] == "order"]
        assert len(orders) == 1

    scenario(
        work, exchange=LOST, dead_man_s=0, not_found_s=0.6, recv_window_ms=500,
        info={"orderStatus": told, "userFillsByTime": [], "userFunding": []},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "secret", "says"),
    [
        ("me", PRIVATE, "the key of hyperliquid is no address; give the account's"),
        (ACCOUNT, "s3cret", "the secret of hyperliquid is no private key; give an API wallet's"),
    ],
)
def test_keys_of_another_form_are_refused_and_not_told(key: str, secret: str, says: str) -> None:
    settings = LiveSettings(venue="hyperliquid", sandbox=False)
    with pytest.raises(SettingsError, match=says) as refused:
        gateway_of(settings, Credentials(key, secret), None)  # type: ignore[arg-type]
    assert secret not in str(refused.value)


def test_preflight_says_what_there_is_and_that_the_switch_cancels_stops_too() -> None:
    sheet = Checklist(live=True)

    async def work(gateway: CcxtGateway, _venue: ScriptedVenue) -> None:
        live = {"venue": "hyperliquid", "currency": "USDC", "enabled": True}
        settings = settings_from(
            {"live": live, "runtime": {"symbols": [f"hyperliquid:{SYMBOL}", "hyperliquid:X/USDC"]}}
        )
        await VenueChecks(sheet, settings, gateway, books=Books({}, {}, {})).run()

    scenario(work, info={"exchangeStatus": lambda _body: {"time": now_ns() // NS_PER_MS}})
    facts = {(check.name, check.fact) for check in sheet}
    assert facts >= {
        ("key rights", "may trade, may not withdraw"),
        ("symbol", "X/USDC: not listed"),
        ("dead-man switch", "cancels all orders after 120 s of silence, stops, too"),
        ("leverage, margin", f"{SYMBOL}: margin mode is isolated, not cross"),
    }
