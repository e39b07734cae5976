"""Changes of the market itself, its clock and its history."""

from crypto_assets_tests.pipeline.faults.fault import (
    PAST,
    TIME,
    During,
    End,
    Fault,
    answer,
    file_,
    window,
)

MARKET = (
    Fault(
        "an outage of hours",
        window("outage", "2025-03-05T12:40Z", "2025-03-05T14:00Z"),
        "an outage in the gap ledger; nothing is filled in",
        lasts=True,
        ledger=("outage",),
    ),
    Fault(
        "an outage over midnight",
        window("outage", "2025-03-05T23:30Z", "2025-03-06T00:45Z"),
        "one outage in the gap ledger",
        lasts=True,
        ledger=("outage",),
    ),
    Fault(
        "an outage that continues",
        window("outage", "2025-03-06T11:00Z", "2025-03-06T13:00Z"),
        "an outage in the gap ledger; ticks continue when it ends",
        lasts=True,
        ledger=("outage",),
    ),
    Fault(
        "a listing within the range",
        (answer("list", symbol="BTCUSDT", at="2025-03-05T05:00Z"),),
        "the minutes before it are classified as not_listed",
        lasts=True,
        ledger=("not_listed",),
    ),
    Fault(
        "a delisting within the range",
        (answer("delist", symbol="BTCUSDT", at="2025-03-06T02:00Z"),),
        "the minutes after it are classified as delisted",
        lasts=True,
        ledger=("delisted",),
    ),
    Fault(
        "a clock ninety seconds ahead",
        (answer("skew", seconds=90, path=TIME),),
        "the newest candle is not stored until a later one has begun",
        During.TICK,
    ),
    Fault(
        "a clock five minutes behind",
        (answer("skew", seconds=-300, path=TIME),),
        "fewer candles have closed by that clock; the next tick ingests the rest",
        During.TICK,
        End.OPEN,
    ),
)

REVISIONS = (
    Fault(
        "candles revised before their archive appears",
        window("revise", "2025-03-06T03:00Z", "2025-03-06T03:05Z", **{"from": "2025-03-06T20:00Z"}),
        "the archive counts; hours and days are recomputed, both values are recorded",
        During.CLOSING,
        lasts=True,
        revisions=5,
    ),
    Fault(
        "a late archive that was revised",
        (
            *file_("late", hours=24),
            *window(
                "revise", "2025-03-05T03:00Z", "2025-03-05T03:02Z", **{"from": "2025-03-06T20:00Z"}
            ),
        ),
        "fetched when it appears; hours and days are recomputed, both values are recorded",
        During.CLOSING,
        lasts=True,
        message="not published",
        revisions=2,
    ),
    Fault(
        "a missing candle that appears in the archive",
        window("outage", "2025-03-06T03:00Z", "2025-03-06T03:05Z", until="2025-03-06T20:00Z"),
        "the archive has it, and its gap is closed",
        During.CLOSING,
        lasts=True,
    ),
    Fault(
        "a broken archive file, corrected a day later",
        (answer("archive", how="corrupt", day=PAST, until="2025-03-06T20:00Z"),),
        "the day is fetched over REST, and from the archive once its file is correct",
        During.CLOSING,
        lasts=True,
        quarantined=1,
    ),
)
