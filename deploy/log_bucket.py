"""Makes the bucket into which Dagster writes the output of its runs, where it does not exist."""

import os

import boto3
from botocore.exceptions import ClientError

OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def main() -> None:
    try:
        boto3.client("s3").create_bucket(Bucket=os.environ["DAGSTER_LOG_BUCKET"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in OURS_ALREADY:
            raise


if __name__ == "__main__":
    main()
