"""The response of `/api/v3/exchangeInfo`.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from crypto_assets.exchange.simulated.decimals import format_decimal
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.market.symbols import SymbolStatus

_PERMISSIONS = ("SPOT", "MARGIN")


def has_permission(wanted: Sequence[str]) -> bool:
    """Return whether the symbols have one of the wanted permissions; all symbols have the same.

    Returns True for no permissions, which means SPOT, MARGIN and LEVERAGED.
    """
    return not wanted or any(permission in _PERMISSIONS for permission in wanted)


def build_exchange_info(
    now: int,
    weight_limit: int,
    symbols: Sequence[tuple[ListedSymbol, SymbolStatus]],
    shows_permission_sets: bool = True,
) -> dict[str, Any]:
    sets = [list(_PERMISSIONS)] if shows_permission_sets else []
    return {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [
            _build_limit("REQUEST_WEIGHT", "MINUTE", 1, weight_limit),
            _build_limit("ORDERS", "SECOND", 10, 100),
            _build_limit("ORDERS", "DAY", 1, 200_000),
            _build_limit("RAW_REQUESTS", "MINUTE", 5, 61_000),
        ],
        "exchangeFilters": [],
        "symbols": [_build_symbol(listing, status, sets) for listing, status in symbols],
    }


def build_futures_info(now: int, kind: str) -> dict[str, Any]:
    """Return the futures' `exchangeInfo`, which lists no symbols."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "futuresType": kind,
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


def _build_limit(kind: str, interval: str, count: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def _build_symbol(
    listing: ListedSymbol, status: SymbolStatus, sets: list[list[str]]
) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "status": status,
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": status is SymbolStatus.TRADING,
        "isMarginTradingAllowed": False,
        "filters": _build_filters(listing),
        "permissions": [],
        "permissionSets": sets,
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _build_filters(listing: ListedSymbol) -> list[dict[str, Any]]:
    tick, lot = listing.tick_size, listing.lot_size
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format_decimal(tick),
            "maxPrice": format_decimal(tick * 100_000_000),
            "tickSize": format_decimal(tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": format_decimal(lot),
            "maxQty": format_decimal(lot * 900_000_000),
            "stepSize": format_decimal(lot),
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": format_decimal(Decimal(0)),
            "maxQty": format_decimal(lot * 9_000_000),
            "stepSize": format_decimal(Decimal(0)),
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]
