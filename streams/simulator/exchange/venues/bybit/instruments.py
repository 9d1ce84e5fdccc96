"""What Bybit says about its symbols: ``instruments-info``, spot and linear."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from schemas.frame import NS_PER_MS
from streams.simulator.exchange.listing import Listing


def spot(listing: Listing) -> dict[str, Any]:
    """One symbol of spot."""
    rules = listing.rules
    return {
        "symbolId": _number(listing),
        "symbol": listing.venue_id,
        "baseCoin": rules.base,
        "quoteCoin": rules.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": _text(rules.qty_step),
            "quotePrecision": "0.0000001",
            "minOrderQty": _text(rules.qty_step),
            "maxOrderQty": _text(rules.qty_step * 10_000_000),
            "minOrderAmt": _text(rules.min_notional),
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": _text(rules.qty_step * 10_000_000),
            "maxMarketOrderQty": _text(rules.qty_step * 1_000_000),
            "postOnlyMaxLimitOrderSize": _text(rules.qty_step * 50_000_000),
        },
        "priceFilter": {"tickSize": _text(rules.tick_size)},
        "riskParameters": {"priceLimitRatioX": "0.005", "priceLimitRatioY": "0.01"},
        "symbolType": "",
        "xstockMultiplier": "1",
    }


def perpetual(listing: Listing) -> dict[str, Any]:
    """One linear perpetual."""
    rules = listing.rules
    return {
        "symbol": listing.venue_id,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": rules.base,
        "quoteCoin": rules.quote,
        "launchTime": str(listing.start_ns // NS_PER_MS - 800 * 86_400_000),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(rules.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "50.00", "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": _text(rules.tick_size),
            "maxPrice": _text(rules.tick_size * 19_999_998),
            "tickSize": _text(rules.tick_size),
        },
        "lotSizeFilter": {
            "maxOrderQty": _text(rules.qty_step * 10_000_000),
            "minOrderQty": _text(rules.qty_step),
            "qtyStep": _text(rules.qty_step),
            "postOnlyMaxOrderQty": _text(rules.qty_step * 10_000_000),
            "maxMktOrderQty": _text(rules.qty_step * 1_000_000),
            "minNotionalValue": _text(rules.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": rules.settle,
        "copyTrading": "both",
        "upperFundingRate": "0.005",
        "lowerFundingRate": "-0.005",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": "0.15", "priceLimitRatioY": "0.3"},
        "displayName": "",
        "symbolType": "",
        "forbidUplWithdrawal": False,
        "symbolId": _number(listing),
    }


def _number(listing: Listing) -> int:
    """The venue's number of a symbol: any that stays the same."""
    return int.from_bytes(listing.venue_id.encode()[:3], "big") % 10_000


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"
