"""What an exchange can do to its clients, as data: the table of docs/truth.md is written from it.

Each fault is played by the simulated exchange over HTTP while a day of the archive and half a day
of REST are backfilled, while a tick brings the last three minutes, or before days are closed.
"""

from crypto_assets_tests.pipeline.faults.answers import REFUSALS, TRANSPORT
from crypto_assets_tests.pipeline.faults.candles import WRONG_CANDLES
from crypto_assets_tests.pipeline.faults.fault import During, End, Fault
from crypto_assets_tests.pipeline.faults.files import ARCHIVE_FILES
from crypto_assets_tests.pipeline.faults.market import MARKET, REVISIONS

FAULTS = (*REFUSALS, *TRANSPORT, *WRONG_CANDLES, *ARCHIVE_FILES, *MARKET, *REVISIONS)

__all__ = ["FAULTS", "During", "End", "Fault"]
