"""The words for what can be wrong with candles, books and files."""

from enum import StrEnum


class ContentFlaw(StrEnum):
    """What is wrong with the content; the first nine concern one row, the last four a book."""

    ARITY = "arity"  # a row lacks its last field
    NAN = "nan"  # a close of NaN
    NEGATIVE_VOLUME = "negative_volume"
    HIGH_BELOW_LOW = "high_below_low"
    TAKER_ABOVE_VOLUME = "taker_above_volume"
    OTHER_DAY = "other_day"  # a row a day later than it should be
    NULL = "null"  # a volume of null
    DUPLICATE = "duplicate"  # a row twice
    HOLE = "hole"  # a row not at all
    DESCENDING = "descending"  # newest row first
    NO_ROWS = "no_rows"  # an empty array
    NOT_ROWS = "not_rows"  # an object where an array belongs
    CROSSED = "crossed"  # best bid above best ask
    UNSORTED = "unsorted"
    NO_BIDS = "no_bids"
    ZERO_QUANTITY = "zero_quantity"


class FileFlaw(StrEnum):
    """What is wrong with a day's file; unless it says otherwise the CHECKSUM agrees with it."""

    MISSING = "missing"  # neither zip nor CHECKSUM
    LATE = "late"  # both appear `hours` after the day's end
    NO_CHECKSUM = "no_checksum"  # the zip alone
    WRONG_CHECKSUM = "wrong_checksum"  # a digest of something else
    CORRUPT = "corrupt"  # bytes of the zip differ from those that the CHECKSUM was made of
    NO_ZIP = "no_zip"  # bytes that are no zip
    NO_BYTES = "no_bytes"  # a file of length 0
    NO_MEMBER = "no_member"  # a zip without a file in it
    EMPTY = "empty"  # a CSV without a line
    SHORT = "short"  # only the share `keep` of the rows, the earliest
    WRONG_SYMBOL = "wrong_symbol"  # the CSV is that of the symbol `other`
    HEADER_ROW = "header_row"
    MICROSECONDS = "microseconds"  # in a year that counts in milliseconds
    MILLISECONDS = "milliseconds"  # in a year that counts in microseconds
