"""Flaws of the daily archive's files."""

from crypto_assets_tests.pipeline.faults.fault import BY_REST, Fault, file_

ARCHIVE_FILES = (
    Fault("no archive file", file_("missing"), "the day comes over REST", says="not published"),
    Fault(
        "an archive file two days late",
        file_("late", hours=48),
        "the day comes over REST, and again from the archive when it appears",
        says="not published",
    ),
    Fault("no CHECKSUM", file_("no_checksum"), BY_REST, aside=1, says="no CHECKSUM"),
    Fault("a wrong CHECKSUM", file_("wrong_checksum"), BY_REST, aside=1, says="its sha256 is"),
    Fault("damaged bytes", file_("corrupt"), BY_REST, aside=1, says="its sha256 is"),
    Fault("a file that is no zip", file_("no_zip"), BY_REST, aside=1, says="not a valid zip"),
    Fault("a file of no bytes", file_("no_bytes"), BY_REST, aside=1, says="not a valid zip"),
    Fault("an empty zip", file_("no_member"), BY_REST, aside=1, says="it contains []"),
    Fault("a CSV without a line", file_("empty"), BY_REST, aside=1, says="no candle"),
    Fault(
        "half a day in the file",
        file_("short"),
        "what the file lacks comes over REST",
        says="the archive lacks 720 minutes",
    ),
    Fault(
        "another symbol's candles",
        file_("wrong_symbol", other="ETHUSDT"),
        BY_REST,
        aside=1,
        says="ETHUSDT",
    ),
    Fault("a header line", file_("header_row"), "the line is passed over"),
    Fault("milliseconds in a year of microseconds", file_("milliseconds"), "decided row by row"),
    Fault(
        "a NaN in the file",
        file_("nan"),
        BY_REST,
        aside=1,
        says="among its numbers",
    ),
    Fault(
        "a row of the file twice", file_("duplicate"), BY_REST, aside=1, says="are not ascending"
    ),
    Fault(
        "a row missing in the file",
        file_("hole"),
        "what the file lacks comes over REST",
        says="the archive lacks 1 minutes",
    ),
    Fault(
        "a negative volume in the file",
        file_("negative_volume"),
        "the row is set aside, its minute comes over REST",
        aside=1,
    ),
)
