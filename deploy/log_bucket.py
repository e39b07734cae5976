"""Makes the bucket into which Dagster writes the output of its runs, where it does not exist.

Reached as the lake is: by the same settings, with the same errors.
"""

import os
import sys

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.settings import load_settings
from crypto_assets.wiring import open_store


def main() -> None:
    try:
        open_store(load_settings(), f"s3://{os.environ['DAGSTER_LOG_BUCKET']}").create_storage()
    except CryptoAssetsError as error:
        sys.exit(f"the bucket of Dagster's run output cannot be made: {error}")


if __name__ == "__main__":
    main()
