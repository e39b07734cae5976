"""Flaws of the daily archive's files."""

from crypto_assets_tests.pipeline.faults.fault import BY_REST, Fault, file_

ARCHIVE_FILES = (
    Fault(
        "no archive file", file_("missing"), "the day is fetched over REST", message="not published"
    ),
    Fault(
        "an archive file two days late",
        file_("late", hours=48),
        "the day is fetched over REST, and from the archive when the file appears",
        message="not published",
    ),
    Fault("no CHECKSUM", file_("no_checksum"), BY_REST, quarantined=1, message="no CHECKSUM"),
    Fault(
        "a wrong CHECKSUM", file_("wrong_checksum"), BY_REST, quarantined=1, message="its sha256 is"
    ),
    Fault("damaged bytes", file_("corrupt"), BY_REST, quarantined=1, message="its sha256 is"),
    Fault(
        "a file that is not a zip",
        file_("no_zip"),
        BY_REST,
        quarantined=1,
        message="not a valid zip",
    ),
    Fault(
        "a file of 0 bytes", file_("no_bytes"), BY_REST, quarantined=1, message="not a valid zip"
    ),
    Fault("an empty zip", file_("no_member"), BY_REST, quarantined=1, message="it contains []"),
    Fault("a CSV without lines", file_("empty"), BY_REST, quarantined=1, message="no candle"),
    Fault(
        "half a day in the file",
        file_("short"),
        "the missing minutes are fetched over REST",
        message="the archive lacks 720 minutes",
    ),
    Fault(
        "another symbol's candles",
        file_("wrong_symbol", other="ETHUSDT"),
        BY_REST,
        quarantined=1,
        message="ETHUSDT",
    ),
    Fault("a header line", file_("header_row"), "the line is skipped"),
    Fault(
        "milliseconds in a year of microseconds",
        file_("milliseconds"),
        "the unit is detected per row",
    ),
    Fault(
        "a NaN in the file",
        file_("nan"),
        BY_REST,
        quarantined=1,
        message="among its numbers",
    ),
    Fault(
        "a duplicate row in the file",
        file_("duplicate"),
        BY_REST,
        quarantined=1,
        message="are not ascending",
    ),
    Fault(
        "a row missing in the file",
        file_("hole"),
        "the missing minutes are fetched over REST",
        message="the archive lacks 1 minutes",
    ),
    Fault(
        "a negative volume in the file",
        file_("negative_volume"),
        "the row is quarantined; its minute is fetched over REST",
        quarantined=1,
    ),
)
