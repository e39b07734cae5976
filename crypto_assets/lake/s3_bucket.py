"""Requests to one bucket of an S3 server."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from crypto_assets.addresses import (
    is_web_address,
    redact_address,
)
from crypto_assets.batches import iter_batches
from crypto_assets.errors import (
    LakeRefused,
    WrongUse,
)
from crypto_assets.lake.interface import PROBE_KEY, LakeEntry, S3Options
from crypto_assets.lake.s3_client import DEFAULT_REGION, open_client
from crypto_assets.lake.s3_errors import PATH_STYLE_HINT, BucketErrors, http_status
from crypto_assets.market.utc_time import to_epoch_ms
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE_SIZE = 1000  # the protocol's most keys of a listing and of a batch delete

# The condition of a put failed: another writer was faster.
_CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"}
_MAX_OBJECT_BYTES = 512 << 20


@dataclass(frozen=True)
class ObjectHeaders:
    """The headers of an S3 object, with the ETag that conditional puts need.

    `modified_at` in epoch ms; the names of metadata are in lower case.
    """

    etag: str
    size_bytes: int
    modified_at: int
    metadata: Mapping[str, str]


class S3Bucket:
    """Requests to a bucket. Raises only LakeUnavailable, LakeRefused and ObjectMissing."""

    def __init__(self, name: str, options: S3Options, names: SettingNames = DEFAULT_NAMES) -> None:
        self.name = name
        self._advice = names.restore_lake
        self._options = options
        url = options.endpoint_url
        if url is not None and not is_web_address(url):
            raise WrongUse(
                f"AWS_ENDPOINT_URL_S3 {redact_address(url)!r} is not an address: it must begin "
                "with https:// or http:// and have a host"
            )

    @cached_property
    def _s3_client(self) -> "S3Client":
        return open_client(self._options, self.name)

    @cached_property
    def _errors(self) -> BucketErrors:
        return BucketErrors(self.name, self._s3_client, self._options, self._advice)

    @cached_property
    def supports_conditional_put(self) -> bool:
        """Whether the server supports conditional puts; found out once, with a probe object."""
        with self._errors.translate():
            try:
                once = {"IfNoneMatch": "*"}
                return not all(self._put_object(PROBE_KEY, b"", {}, once) for _ in range(2))
            except ClientError as error:
                if http_status(error) == 501:
                    return False
                raise

    def put(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str] | None = None,
        condition: Mapping[str, str] | None = None,
    ) -> bool:
        """Store an object. Returns False if `condition`, IfMatch or IfNoneMatch, fails."""
        with self._errors.translate():
            return self._put_object(key, body, metadata or {}, condition or {})

    def get(self, key: str) -> tuple[ObjectHeaders, bytes]:
        """Return an object with its headers. Raises ObjectMissing."""
        with self._errors.translate(key):
            return self._get_object(key)

    def head_object(self, key: str) -> ObjectHeaders | None:
        with self._errors.translate():
            try:
                return _parse_headers(self._s3_client.head_object(Bucket=self.name, Key=key))
            except ClientError as error:
                if http_status(error) == 404:
                    return None
                raise

    def list_pages(self, prefix: str, after: str = "") -> Iterator[tuple[LakeEntry, ...]]:
        """Yield pages of objects whose keys begin with `prefix` and are greater than `after`."""
        start: Any = {"StartAfter": after} if after else {}
        with self._errors.translate():
            pages = self._s3_client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name,
                Prefix=prefix,
                PaginationConfig={"PageSize": PAGE_SIZE},
                **start,
            )
            for page in pages:
                self._require_own_listing(page)
                yield tuple(
                    LakeEntry(item["Key"], item["Size"], to_epoch_ms(item["LastModified"]))
                    for item in page.get("Contents", ())
                )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects. Missing keys count as deleted."""
        for batch in iter_batches(keys, PAGE_SIZE):
            names: Any = [{"Key": key} for key in batch]
            with self._errors.translate():
                response = self._s3_client.delete_objects(
                    Bucket=self.name, Delete={"Objects": names, "Quiet": True}
                )
            for error in response.get("Errors", ()):
                raise LakeRefused(
                    f"{self._errors.display_name} did not delete {error.get('Key')}: "
                    f"{error.get('Code')}"
                )

    def create_bucket(self) -> None:
        with self._errors.translate():
            region = self._s3_client.meta.region_name
            elsewhere = region != DEFAULT_REGION
            place: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            try:
                self._s3_client.create_bucket(Bucket=self.name, **(place if elsewhere else {}))
            except ClientError as error:
                if http_status(error) != 409:
                    raise
                # The bucket may be ours or another account's; a listing shows which.
                self.check_listing()

    def check_listing(self) -> None:
        """List one key. The response to a HEAD would have no error message."""
        with self._errors.translate():
            response = self._s3_client.list_objects_v2(Bucket=self.name, MaxKeys=1)
        self._require_own_listing(response)

    def _require_own_listing(self, listing: Mapping[str, Any]) -> None:
        """Raise LakeRefused if the server listed its buckets instead of this bucket's objects.

        Servers without virtual hosts do so.
        """
        if self._errors.is_virtual_hosted and "Name" not in listing:
            raise LakeRefused(
                f"{self._errors.display_name} returned a list of buckets, not of objects: "
                f"{PATH_STYLE_HINT}"
            )

    def _put_object(
        self, key: str, body: bytes, metadata: Mapping[str, str], condition: Mapping[str, Any]
    ) -> bool:
        try:
            self._s3_client.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                Metadata=metadata,
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if condition and error.response["Error"].get("Code") in _CONDITION_FAILED:
                return False
            raise
        return True

    @retry(
        retry=retry_if_exception_type((HTTPClientError, IncompleteReadError)),
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    def _get_object(self, key: str) -> tuple[ObjectHeaders, bytes]:
        """Read an object. boto3 retries failed requests, but not a truncated body."""
        response = self._s3_client.get_object(Bucket=self.name, Key=key)
        if response["ContentLength"] > _MAX_OBJECT_BYTES:
            raise LakeRefused(
                f"{key} in {self._errors.display_name} has {response['ContentLength'] >> 20} MB, "
                f"more than {_MAX_OBJECT_BYTES >> 20}: this program does not write such objects"
            )
        return _parse_headers(response), response["Body"].read()


def _parse_headers(response: Any) -> ObjectHeaders:
    """Parse the headers of a HEAD or GET. Servers change the case of metadata names."""
    return ObjectHeaders(
        etag=response["ETag"],
        size_bytes=response["ContentLength"],
        modified_at=to_epoch_ms(response["LastModified"]),
        metadata={name.lower(): text for name, text in response["Metadata"].items()},
    )
