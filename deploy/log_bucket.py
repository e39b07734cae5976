"""Creates the bucket for the logs of Dagster's runs, with the S3 settings of the lake."""

import os
import sys

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.settings import load_settings
from crypto_assets.wiring import open_lake_at


def main() -> None:
    try:
        open_lake_at(load_settings(), f"s3://{os.environ['DAGSTER_LOG_BUCKET']}").create_storage()
    except CryptoAssetsError as error:
        sys.exit(f"cannot create the bucket for Dagster's logs: {error}")


if __name__ == "__main__":
    main()
