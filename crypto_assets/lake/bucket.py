"""One bucket of an S3 server, through boto3: the one file that knows it."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import md5
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import (
    ConnectionError as EndpointError,
)
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from crypto_assets.addresses import escaping_hint, without_login
from crypto_assets.errors import (
    LakeError,
    LakeRefused,
    LakeUnavailable,
    ObjectMissing,
    WrongUse,
)
from crypto_assets.lake.lake import PROBE_KEY, Entry, S3Options
from crypto_assets.market.clock import to_ms

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 32
PAGE = 1000  # the most keys that one listing may answer, or one delete name, by the protocol

_CONFIG = Config(
    # What MinIO, SeaweedFS, rclone and Ceph all take.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "path"},
    retries={"mode": "standard", "total_max_attempts": 7},
    max_pool_connections=CONNECTIONS,
    connect_timeout=5,
    read_timeout=60,
)
# A condition of a put did not hold: somebody was there first.
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"}
_WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch"}


@dataclass(frozen=True)
class Standing:
    """An object as its headers tell; `modified_at` in epoch ms, metadata's names in lower case."""

    etag: str
    size_bytes: int
    modified_at: int
    metadata: Mapping[str, str]


class Bucket:
    """Requests to one bucket; raises LakeUnavailable, LakeRefused and ObjectMissing alone."""

    def __init__(self, name: str, options: S3Options) -> None:
        self.name = name
        self._region = options.region
        self._client = _client(options)

    @cached_property
    def honours_conditions(self) -> bool:
        """Whether a put's conditions count here; asked once, of an object that nobody needs."""
        with self._translated():
            try:
                once = {"IfNoneMatch": "*"}
                return not all(self._put(PROBE_KEY, b"", {}, once) for _ in range(2))
            except ClientError as error:
                if _status(error) == 501:
                    return False
                raise

    def put(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str] | None = None,
        condition: Mapping[str, str] | None = None,
    ) -> bool:
        """False where `condition`, IfMatch or IfNoneMatch, did not hold."""
        with self._translated():
            return self._put(key, body, metadata or {}, condition or {})

    def get(self, key: str) -> tuple[Standing, bytes]:
        """An object and its headers. Raises ObjectMissing."""
        with self._translated(key):
            return self._get(key)

    def head(self, key: str) -> Standing | None:
        with self._translated():
            try:
                return _standing(self._client.head_object(Bucket=self.name, Key=key))
            except ClientError as error:
                if _status(error) == 404:
                    return None
                raise

    def pages(self, prefix: str) -> Iterator[tuple[Entry, ...]]:
        """Objects whose keys begin with `prefix`, PAGE at a time."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix, PaginationConfig={"PageSize": PAGE}
        )
        with self._translated():
            for page in pages:
                yield tuple(
                    Entry(item["Key"], item["Size"], to_ms(item["LastModified"]))
                    for item in page.get("Contents", ())
                )

    def delete(self, keys: Sequence[str]) -> None:
        """Keys that are not there count as deleted."""
        for start in range(0, len(keys), PAGE):
            names: Any = [{"Key": key} for key in keys[start : start + PAGE]]
            with self._translated():
                answer = self._client.delete_objects(
                    Bucket=self.name, Delete={"Objects": names, "Quiet": True}
                )
            for error in answer.get("Errors", ()):
                raise LakeRefused(
                    f"{self._place} does not delete {error.get('Key')}: {error.get('Code')}"
                )

    def create(self) -> None:
        elsewhere = self._region not in (None, "us-east-1")
        place: Any = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        with self._translated():
            try:
                self._client.create_bucket(Bucket=self.name, **(place if elsewhere else {}))
            except ClientError as error:
                if _status(error) != 409:
                    raise
                # Ours already, made by another this moment, or a stranger's: looking tells.
                self.look()

    def look(self) -> None:
        """Asks for one key: a HEAD would not say what is wrong."""
        with self._translated():
            self._client.list_objects_v2(Bucket=self.name, MaxKeys=1)

    def _put(
        self, key: str, body: bytes, metadata: Mapping[str, str], condition: Mapping[str, Any]
    ) -> bool:
        try:
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                Metadata=metadata,
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if condition and error.response["Error"].get("Code") in _LOST:
                return False
            raise
        return True

    @retry(
        retry=retry_if_exception_type((HTTPClientError, IncompleteReadError)),
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    def _get(self, key: str) -> tuple[Standing, bytes]:
        """boto3 asks again for an answer that failed, not for a body that was cut off."""
        answer = self._client.get_object(Bucket=self.name, Key=key)
        return _standing(answer), answer["Body"].read()

    @property
    def _place(self) -> str:
        return f"bucket {self.name} at {without_login(self._client.meta.endpoint_url)}"

    @contextmanager
    def _translated(self, key: str = "") -> Iterator[None]:
        """boto3's errors as ours, each a line that names the bucket and what to do."""
        try:
            yield
        except ClientError as error:
            raise _refusal(error, self._place, key) from error
        except (EndpointError, HTTPClientError) as error:
            raise LakeUnavailable(
                f"{self._place} does not answer ({without_login(str(error))}): "
                "is the object store running, and AWS_ENDPOINT_URL_S3 right?"
            ) from error
        except IncompleteReadError as error:
            raise LakeUnavailable(f"{self._place} cut an answer off: {error}") from error
        except BotoCoreError as error:
            raise LakeRefused(
                f"{self._place} cannot be used: {without_login(str(error))} "
                "(check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL_S3)"
            ) from error


def _refusal(error: ClientError, place: str, key: str) -> LakeError:
    code = error.response["Error"].get("Code", "")
    said = f"{code} {error.response['Error'].get('Message', '')}".strip()
    status = _status(error)
    if code == "NoSuchKey":
        return ObjectMissing(f"{place} holds no {key or 'such object'}")
    if status == 404:
        return LakeRefused(f"{place} does not exist: run `crypto-assets init`")
    if code in _WRONG_KEY:
        return LakeRefused(
            f"{place} refuses the key ({code}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if status == 403:
        return LakeRefused(f"{place} allows this key too little ({said}): give it read and write")
    if status >= 500 or status == 429:
        return LakeUnavailable(f"{place} failed: {said}")
    return LakeRefused(f"{place} refuses: {said}")


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _standing(answer: Any) -> Standing:
    """Of an answer to HEAD or GET. Servers change the case of metadata's names; S3 lowers it."""
    return Standing(
        etag=answer["ETag"],
        size_bytes=answer["ContentLength"],
        modified_at=to_ms(answer["LastModified"]),
        metadata={name.lower(): text for name, text in answer["Metadata"].items()},
    )


@lru_cache
def _client(options: S3Options) -> "S3Client":
    """One client, and pool of connections, for all buckets of a server; safe for threads."""
    try:
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=options.endpoint_url,
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            region_name=options.region or "us-east-1",
            config=_CONFIG,
        )
    except ValueError:
        shown = without_login(options.endpoint_url or "")
        raise WrongUse(
            f"AWS_ENDPOINT_URL_S3 {shown!r} is no address: it begins with https:// or http://"
            f"{escaping_hint(options.endpoint_url or '')}"
        ) from None
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    return client


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """The protocol demands it of a batch delete, older MinIO insists, boto3 no longer sends it."""
    digest = md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
