"""The faults that an exchange can cause, as data; the table in docs/truth.md is generated from it.

The simulated exchange plays each fault over HTTP: during a backfill of one day from the archive and
half a day over REST, during a tick of the last three minutes, or before days are closed.
"""

from crypto_assets_tests.pipeline.faults.answers import REFUSALS, TRANSPORT
from crypto_assets_tests.pipeline.faults.candles import WRONG_CANDLES
from crypto_assets_tests.pipeline.faults.fault import During, End, Fault
from crypto_assets_tests.pipeline.faults.files import ARCHIVE_FILES
from crypto_assets_tests.pipeline.faults.market import MARKET, REVISIONS

FAULTS = (*REFUSALS, *TRANSPORT, *WRONG_CANDLES, *ARCHIVE_FILES, *MARKET, *REVISIONS)

__all__ = ["FAULTS", "During", "End", "Fault"]
