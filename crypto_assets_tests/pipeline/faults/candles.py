"""Responses whose candles cannot be true."""

from crypto_assets_tests.pipeline.faults.fault import KLINES, During, End, Fault, answer, spoiled

WRONG_CANDLES = (
    Fault(
        "a row of eleven fields", spoiled("arity"), "the response is refused and requested again"
    ),
    Fault("a volume of null", spoiled("null"), "the response is refused and requested again"),
    Fault("a duplicate row", spoiled("duplicate"), "the response is refused and requested again"),
    Fault(
        "rows in descending order",
        spoiled("descending"),
        "the response is refused and requested again",
    ),
    Fault("a row of tomorrow", spoiled("other_day"), "the response is refused and requested again"),
    Fault(
        "an object instead of an array",
        spoiled("not_rows"),
        "the response is refused and requested again",
    ),
    Fault("an empty page", spoiled("no_rows"), "the gap is fetched again in the same run"),
    Fault("a row left out", spoiled("hole"), "the gap is fetched again in the same run"),
    Fault(
        "a price that is NaN",
        spoiled("nan"),
        "the row is quarantined; its minute is fetched again in the same run",
        quarantined=1,
    ),
    Fault(
        "a negative volume",
        spoiled("negative_volume"),
        "the row is quarantined; its minute is fetched again in the same run",
        quarantined=1,
    ),
    Fault(
        "high below low",
        spoiled("high_below_low"),
        "the row is quarantined; its minute is fetched again in the same run",
        quarantined=1,
    ),
    Fault(
        "taker volume above volume",
        spoiled("taker_above_volume"),
        "the row is quarantined; its minute is fetched again in the same run",
        quarantined=1,
    ),
    Fault(
        "a row left out of a tick",
        (answer("spoil", how="hole", path=KLINES, nth=1),),
        "an open gap, which is retried later",
        During.TICK,
        End.OPEN,
    ),
    Fault(
        "a NaN in a tick",
        (answer("spoil", how="nan", path=KLINES, nth=1),),
        "the row is quarantined; its minute is an open gap, which is retried later",
        During.TICK,
        End.OPEN,
        quarantined=1,
    ),
    Fault(
        "an empty tick",
        (answer("spoil", how="no_rows", path=KLINES, nth=1),),
        "no candle is stored; the next tick ingests the minutes",
        During.TICK,
        End.OPEN,
    ),
)
