"""Faults that the simulated exchange plays on its clients, by a script.

A script is a JSON array of rules. A rule is an object: `do` says what happens, the other keys
when, to whom, and how.

    [
      {"do": "status", "status": 429, "retry_after": 3, "path": "/api/v3/klines", "nth": [3, 4]},
      {"do": "archive", "how": "short", "symbol": "BTCUSDT", "day": "2025-01-03"},
      {"do": "outage", "start": "2025-01-04T12:40Z", "end": "2025-01-04T14:00Z"},
      {"do": "delist", "symbol": "WAVESBTC", "at": "2025-01-05T09:30Z"}
    ]

When and to whom (all optional, all must hold; `rules.Rule`): `path`, a pattern such as
`/api/v3/*` or `*.CHECKSUM`; `symbol`, a name or a list; `interval`; `day`, a date or a list: that
of the archive's daily file (a monthly file has none), or the one in which a klines request's
`startTime` lies (`endTime`, the clock); `from` and `until`, the exchange's clock, until exclusive;
`nth`, a number or [first, last]: only so many-eth of the requests to which all the rest applies.
Instants are ISO 8601 or epoch ms.

Answers (`rules.AnyAnswer`). The first that replaces the answer wins, and rules after it do not
see (or count) the request; `stall` and `skew` let it pass on.
    status    `status` 403 (a firewall's HTML), 418, 429, 451 or 5xx; `retry_after` seconds
    stall     answers after `seconds`
    skew      `serverTime` is `seconds` off
    cut       the connection breaks after the share `keep` of the body
    truncate  a whole answer whose body is only the share `keep`
    malformed `body` with `media_type` instead of the answer
    spoil     `how` (`flaws.Spoilage`) candles or levels are wrong; `row`, else the middle one

Archive files (`rules.Archive`; zip and CHECKSUM alike, so without `nth`).
    archive   `how` (`flaws.FileFlaw`): missing, late (`hours` after the day's end), short
              (`keep`), corrupt, wrong_checksum, wrong_symbol (`other`), header_row and more;
              or a Spoilage of its rows

The market itself (`rules.MarketRule`); `in` is `rest`, `archive` or `both`.
    outage    no minute that opens from `start` to `end` (exclusive) exists
    list      the symbol appears `at`; nothing before exists, nor the symbol until then
    delist    the symbol stops `at`; afterwards its status is BREAK
    revise    minutes from `start` to `end` read otherwise once `from` has come: `change` maps
              columns to `=value`, `+value`, `-value` or `*value` (default: twice the volume)
"""

from crypto_assets.exchange.simulated.faults.script import FaultScript

__all__ = ["FaultScript"]
