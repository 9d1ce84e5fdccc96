"""What Binance says about its symbols: ``exchangeInfo``, spot and USD-M."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from schemas.frame import NS_PER_MS
from streams.simulator.exchange.listing import Listing

_ORDER_TYPES = (
    *("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"),
    "TRAILING_STOP_MARKET",
)
_SPOT_ORDER_TYPES = (
    *("LIMIT", "LIMIT_MAKER", "MARKET"),
    *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
)
MOST_WEIGHT = {True: 2_400, False: 6_000}
"""Of requests per minute, by whether they are USD-M's."""
MOST_ORDERS = {True: {10: 300, 60: 1_200}, False: {10: 100, 86_400: 200_000}}
"""By seconds."""
_INTERVALS = {10: ("SECOND", 10), 60: ("MINUTE", 1), 86_400: ("DAY", 1)}
_PERPETUAL_MS = 4_133_404_800_000
"""Delivery date of what is never delivered: 2100-12-25."""


def rate_limits(*, futures: bool) -> list[dict[str, Any]]:
    """Weight of requests, and orders."""
    limits = [("REQUEST_WEIGHT", 60, MOST_WEIGHT[futures])]
    limits += [("ORDERS", seconds, most) for seconds, most in MOST_ORDERS[futures].items()]
    return [
        {
            "rateLimitType": kind,
            "interval": _INTERVALS[seconds][0],
            "intervalNum": _INTERVALS[seconds][1],
            "limit": most,
        }
        for kind, seconds, most in limits
    ]


def perpetual(listing: Listing) -> dict[str, Any]:
    """One symbol of USD-M."""
    rules = listing.rules
    tick, step = rules.tick_size, rules.qty_step
    lots = {"stepSize": _text(step), "maxQty": _text(step * 10_000_000), "minQty": _text(step)}
    return {
        "symbol": listing.venue_id,
        "pair": listing.venue_id,
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_MS,
        "onboardDate": listing.start_ns // NS_PER_MS - 800 * 86_400_000,
        "status": "TRADING" if listing.active else "SETTLING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.settle or rules.quote,
        "pricePrecision": max(rules.price_decimals, 1),
        "quantityPrecision": rules.qty_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012000",
        "marketTakeBound": "0.30",
        "filters": [
            {
                "minPrice": _text(tick),
                "maxPrice": _text(tick * 100_000_000),
                "filterType": "PRICE_FILTER",
                "tickSize": _text(tick),
            },
            lots | {"filterType": "LOT_SIZE"},
            lots | {"filterType": "MARKET_LOT_SIZE"},
            {"limit": 200, "filterType": "MAX_NUM_ORDERS"},
            {"limit": 10, "filterType": "MAX_NUM_ALGO_ORDERS"},
            {"notional": _text(rules.min_notional), "filterType": "MIN_NOTIONAL"},
            {
                "multiplierDown": "0.8500",
                "multiplierUp": "1.1500",
                "multiplierDecimal": "4",
                "filterType": "PERCENT_PRICE",
            },
        ],
        "orderTypes": _ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def spot(listing: Listing) -> dict[str, Any]:
    """One symbol of spot."""
    rules = listing.rules
    tick, step = rules.tick_size, rules.qty_step
    return {
        "symbol": listing.venue_id,
        "status": "TRADING" if listing.active else "BREAK",
        "baseAsset": rules.base,
        "baseAssetPrecision": 8,
        "quoteAsset": rules.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _SPOT_ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": _long(tick),
                "maxPrice": _long(tick * 100_000_000),
                "tickSize": _long(tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": _long(step),
                "maxQty": _long(step * 10_000_000),
                "stepSize": _long(step),
            },
            {
                "filterType": "MIN_NOTIONAL",
                "minNotional": _long(rules.min_notional),
                "applyToMarket": True,
                "avgPriceMins": 5,
            },
            {"filterType": "ICEBERG_PARTS", "limit": 10},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        "permissions": ["SPOT", "MARGIN"],
    }


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _long(value: Decimal) -> str:
    return f"{value:.8f}"
