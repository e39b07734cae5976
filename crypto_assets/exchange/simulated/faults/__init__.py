"""Faults that the simulated exchange injects by a script.

A script is a JSON array of rules. A rule is an object: `do` is the fault, the other keys select
the requests and set its parameters.

    [
      {"do": "status", "status": 429, "retry_after": 3, "path": "/api/v3/klines", "nth": [3, 4]},
      {"do": "archive", "how": "short", "symbol": "BTCUSDT", "day": "2025-01-03"},
      {"do": "outage", "start": "2025-01-04T12:40Z", "end": "2025-01-04T14:00Z"},
      {"do": "delist", "symbol": "WAVESBTC", "at": "2025-01-05T09:30Z"}
    ]

Conditions (`rules.BaseRule`; all are optional, all must hold): `path`, a pattern such as
`/api/v3/*` or `*.CHECKSUM`; `symbol`, a name or a list; `interval`; `day`, a date or a list: the
day of a daily archive file (a monthly file has none), or that of a klines request's `startTime`
(else `endTime`, else the clock); `from` and `until` (exclusive) by the exchange's clock; `nth`, a
number or [first, last]: the position among the requests that meet all other conditions. Times are
ISO 8601 or epoch ms.

Responses (`rules.ResponseRule`). The first rule that replaces the response applies, and later
rules neither apply to nor count the request; `stall` and `skew` are applied in addition.
    status    `status` 403 (a firewall's HTML), 418, 429, 451 or 5xx; `retry_after` seconds
    stall     the response is sent after `seconds`
    skew      `serverTime` is `seconds` off
    cut       the connection breaks after the share `keep` of the body
    truncate  a complete response with only the share `keep` of the body
    malformed `body` with `media_type` instead of the response
    spoil     a flaw `how` (`rules.ContentFlaw`) of candles or levels, in `row` or the middle one

Archive files (`rules.ArchiveRule`; for zip and CHECKSUM together, so without `nth`).
    archive   `how` (`rules.FileFlaw`): missing, late (`hours` after the day's end), short
              (`keep`), corrupt, wrong_checksum, wrong_symbol (`other`), header_row and more;
              or a ContentFlaw of its rows

The market (`rules.MarketRule`); `in` is `rest`, `archive` or `both`.
    outage    there are no minutes that open from `start` to `end` (exclusive)
    list      the symbol is listed `at`, and has no earlier candles
    delist    the symbol stops trading `at`; then its status is BREAK
    revise    minutes from `start` to `end` have other values, from `from` on: `change` maps
              columns to `=value`, `+value`, `-value` or `*value` (default: twice the volume)
"""

from crypto_assets.exchange.simulated.faults.script import FaultScript

__all__ = ["FaultScript"]
