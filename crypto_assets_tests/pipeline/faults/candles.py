"""Answers whose candles cannot be believed."""

from crypto_assets_tests.pipeline.faults.fault import KLINES, During, End, Fault, answer, spoiled

WRONG_CANDLES = (
    Fault("a row of eleven fields", spoiled("arity"), "the answer is refused and asked for again"),
    Fault("a volume of null", spoiled("null"), "the answer is refused and asked for again"),
    Fault("a row twice", spoiled("duplicate"), "the answer is refused and asked for again"),
    Fault("newest row first", spoiled("descending"), "the answer is refused and asked for again"),
    Fault("a row of tomorrow", spoiled("other_day"), "the answer is refused and asked for again"),
    Fault("an object for an array", spoiled("not_rows"), "the answer is refused and asked again"),
    Fault("an empty page", spoiled("no_rows"), "the hole is asked for again in the same run"),
    Fault("a row left out", spoiled("hole"), "the hole is asked for again in the same run"),
    Fault(
        "a price that is NaN",
        spoiled("nan"),
        "the row is set aside, its minute asked for again in the same run",
        aside=1,
    ),
    Fault(
        "a negative volume",
        spoiled("negative_volume"),
        "the row is set aside, its minute asked for again in the same run",
        aside=1,
    ),
    Fault(
        "high below low",
        spoiled("high_below_low"),
        "the row is set aside, its minute asked for again in the same run",
        aside=1,
    ),
    Fault(
        "taker volume above volume",
        spoiled("taker_above_volume"),
        "the row is set aside, its minute asked for again in the same run",
        aside=1,
    ),
    Fault(
        "a row left out of a tick",
        (answer("spoil", how="hole", path=KLINES, nth=1),),
        "an open gap, which is asked for again after a while",
        During.TICK,
        End.OPEN,
    ),
    Fault(
        "a NaN in a tick",
        (answer("spoil", how="nan", path=KLINES, nth=1),),
        "the row is set aside; its minute is an open gap, and asked for again",
        During.TICK,
        End.OPEN,
        aside=1,
    ),
    Fault(
        "an empty tick",
        (answer("spoil", how="no_rows", path=KLINES, nth=1),),
        "nothing is new; the next tick brings it",
        During.TICK,
        End.OPEN,
    ),
)
