"""Requests to one bucket of an S3 server. The only module that imports boto3."""

import base64
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from hashlib import md5
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    ProfileNotFound,
)
from botocore.exceptions import (
    ConnectionError as EndpointError,
)
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from crypto_assets.addresses import (
    AddressingStyle,
    build_escaping_hint,
    is_web_address,
    redact_address,
    remove_logins,
)
from crypto_assets.batches import iter_batches
from crypto_assets.errors import (
    BucketMissing,
    LakeError,
    LakeRefused,
    LakeUnavailable,
    ObjectMissing,
    WrongUse,
)
from crypto_assets.foreign_text import shorten_text
from crypto_assets.http_client import (
    PROXY_LOGIN_REQUIRED,
    describe_cause,
    describe_proxy_failure,
    describe_proxy_login,
    find_causes,
    find_proxies,
    require_readable_proxy,
)
from crypto_assets.lake.interface import PROBE_KEY, LakeEntry, S3Options
from crypto_assets.market.utc_time import now_ms, to_epoch_ms
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_CONNECTIONS = 32
PAGE_SIZE = 1000  # the protocol's most keys of a listing and of a batch delete

_CONFIG = Config(
    # MinIO, SeaweedFS, rclone and Ceph all support this.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"mode": "standard", "total_max_attempts": 7},
    max_pool_connections=MAX_CONNECTIONS,
    connect_timeout=5,
    read_timeout=60,
)
# The condition of a put failed: another writer was faster.
_CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"}
_WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch"}
_WRONG_TOKEN = {"InvalidToken", "ExpiredToken", "TokenRefreshRequired", "InvalidClientTokenId"}
_WRONG_TIME = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
# The protocol's largest difference between the clocks of server and client.
_MAX_SKEW_SECONDS = 900
_WRONG_REGION = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidLocationConstraint",
}
_REDIRECT_STATUSES = {301, 307}
# The errors for a bucket in the path of stores that require virtual hosts (Alibaba, Tencent).
_PATH_STYLE_REFUSED = {
    "SecondLevelDomainForbidden",
    "PathStyleDomainForbidden",
    "VirtualHostDomainRequired",
}
# The host's name is unknown, or the server's certificate does not have it.
_WRONG_NAME = (socket.gaierror, ssl.SSLCertVerificationError)
_PATH_STYLE_HINT = "set AWS_S3_ADDRESSING_STYLE=path if the server does not support virtual hosts"
_DEFAULT_REGION = "us-east-1"
_MAX_OBJECT_BYTES = 512 << 20
_CLIENT_LOCK = Lock()


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
        try:
            # Without the lock, threads that start together would each open a client.
            with _CLIENT_LOCK:
                return _open_client(self._options)
        except ProfileNotFound as error:
            raise LakeRefused(
                f"AWS_PROFILE {self._options.profile} is neither in AWS_CONFIG_FILE "
                "(~/.aws/config) nor in AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials): "
                "set another profile, or unset it"
            ) from error
        except BotoCoreError as error:
            place = f"bucket {self.name}"
            raise _convert_boto_error(place, error, self._options.endpoint_url or "") from None

    @cached_property
    def supports_conditional_put(self) -> bool:
        """Whether the server supports conditional puts; found out once, with a probe object."""
        with self._translate_errors():
            try:
                once = {"IfNoneMatch": "*"}
                return not all(self._put_object(PROBE_KEY, b"", {}, once) for _ in range(2))
            except ClientError as error:
                if _http_status(error) == 501:
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
        with self._translate_errors():
            return self._put_object(key, body, metadata or {}, condition or {})

    def get(self, key: str) -> tuple[ObjectHeaders, bytes]:
        """Return an object with its headers. Raises ObjectMissing."""
        with self._translate_errors(key):
            return self._get_object(key)

    def head_object(self, key: str) -> ObjectHeaders | None:
        with self._translate_errors():
            try:
                return _parse_headers(self._s3_client.head_object(Bucket=self.name, Key=key))
            except ClientError as error:
                if _http_status(error) == 404:
                    return None
                raise

    def list_pages(self, prefix: str, after: str = "") -> Iterator[tuple[LakeEntry, ...]]:
        """Yield pages of objects whose keys begin with `prefix` and are greater than `after`."""
        start: Any = {"StartAfter": after} if after else {}
        with self._translate_errors():
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
            with self._translate_errors():
                response = self._s3_client.delete_objects(
                    Bucket=self.name, Delete={"Objects": names, "Quiet": True}
                )
            for error in response.get("Errors", ()):
                raise LakeRefused(
                    f"{self._display_name} did not delete {error.get('Key')}: {error.get('Code')}"
                )

    def create_bucket(self) -> None:
        with self._translate_errors():
            region = self._s3_client.meta.region_name
            elsewhere = region != _DEFAULT_REGION
            place: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            try:
                self._s3_client.create_bucket(Bucket=self.name, **(place if elsewhere else {}))
            except ClientError as error:
                if _http_status(error) != 409:
                    raise
                # The bucket may be ours or another account's; a listing shows which.
                self.check_listing()

    def check_listing(self) -> None:
        """List one key. The response to a HEAD would have no error message."""
        with self._translate_errors():
            response = self._s3_client.list_objects_v2(Bucket=self.name, MaxKeys=1)
        self._require_own_listing(response)

    def _require_own_listing(self, listing: Mapping[str, Any]) -> None:
        """Raise LakeRefused if the server listed its buckets instead of this bucket's objects.

        Servers without virtual hosts do so.
        """
        if self._is_virtual_hosted and "Name" not in listing:
            raise LakeRefused(
                f"{self._display_name} returned a list of buckets, not of objects: "
                f"{_PATH_STYLE_HINT}"
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
                f"{key} in {self._display_name} has {response['ContentLength'] >> 20} MB, more "
                f"than {_MAX_OBJECT_BYTES >> 20}: this program does not write such objects"
            )
        return _parse_headers(response), response["Body"].read()

    @property
    def _display_name(self) -> str:
        return f"bucket {self.name} at {redact_address(self._s3_client.meta.endpoint_url)}"

    @property
    def _is_virtual_hosted(self) -> bool:
        """Whether the settings put the bucket before the host's name."""
        options: Mapping[str, Any] = getattr(self._s3_client.meta.config, "s3", None) or {}
        return options.get("addressing_style") == AddressingStyle.VIRTUAL

    @contextmanager
    def _translate_errors(self, key: str = "") -> Iterator[None]:
        """Convert boto3's errors to ours: a line with the bucket and advice."""
        try:
            yield
        except ClientError as error:
            raise self._convert_client_error(error, key) from error
        except (EndpointError, HTTPClientError) as error:
            # The error's text may contain the login of a proxy or of the address.
            raise LakeUnavailable(self._describe_failure(error)) from None
        except IncompleteReadError as error:
            message = f"{self._display_name} sent a truncated response: {error}"
            raise LakeUnavailable(message) from error
        except BotoCoreError as error:
            # Its text may contain the address; the message has it without a login.
            raise _convert_boto_error(
                self._display_name, error, self._s3_client.meta.endpoint_url
            ) from None

    def _describe_failure(self, error: BotoCoreError) -> str:
        """Return the reason why there was no response, and advice."""
        endpoint = self._s3_client.meta.endpoint_url
        if message := describe_proxy_failure(endpoint, error):
            return f"{self._display_name} cannot be reached: {message}"
        causes, reason = find_causes(error), describe_cause(error)
        if any(isinstance(cause, FileNotFoundError) for cause in causes):
            return (
                f"{self._display_name} cannot be reached: the file in AWS_CA_BUNDLE, or in "
                "ca_bundle of the profile, does not exist: unset it, or set it to a file of "
                "certificates"
            )
        requested, ours = (
            urlsplit(url).hostname or ""
            for url in (getattr(error, "kwargs", {}).get("endpoint_url") or endpoint, endpoint)
        )
        # Amazon's addresses of other regions belong to the store too.
        if not f".{requested}".endswith(f".{ours}") and ".s3" not in f".{requested}":
            return (
                f"{self._display_name} cannot be reached: {requested}, the source of the "
                f"credentials, does not respond ({reason})"
            )
        if self._is_virtual_hosted and any(isinstance(cause, _WRONG_NAME) for cause in causes):
            return (
                f"{self._display_name} does not respond as {requested} ({reason}): "
                f"{_PATH_STYLE_HINT}"
            )
        return (
            f"{self._display_name} does not respond ({reason}): "
            "check that the object store is running, and that AWS_ENDPOINT_URL_S3 is correct"
        )

    def _convert_client_error(self, error: ClientError, key: str) -> LakeError:
        """Return our error for an error response."""
        code = shorten_text(error.response["Error"].get("Code", ""))
        message = shorten_text(f"{code} {error.response['Error'].get('Message', '')}")
        status = _http_status(error)
        if code == "NoSuchKey":
            return ObjectMissing(f"{self._display_name} has no {key or 'such object'}")
        if status >= 500 or status == 429:
            return LakeUnavailable(f"{self._display_name} failed: {message}")
        kind = BucketMissing if code == "NoSuchBucket" else LakeRefused
        return kind(f"{self._display_name} {self._describe_refusal(error, code, message, status)}")

    def _describe_refusal(self, error: ClientError, code: str, message: str, status: int) -> str:
        """Return the part of the message after the bucket's name: the reason and advice."""
        if skew := _describe_skew(error, code, status):
            return f"rejects the time of the request ({code}): {skew}"
        if error.operation_name not in self._s3_client.meta.service_model.operation_names:
            return f"cannot be used: {error.operation_name} returns no credentials ({message})"
        if status == PROXY_LOGIN_REQUIRED:
            return f"cannot be reached: {describe_proxy_login(self._s3_client.meta.endpoint_url)}"
        if status in _REDIRECT_STATUSES or code in _WRONG_REGION:
            return (
                f"is in another region or at another address ({message}): {_describe_region(error)}"
            )
        if code in _WRONG_TOKEN:
            return f"rejects the session token ({message}): renew {self._credentials_hint}"
        return self._describe_not_found(code, message, status) or self._describe_forbidden(
            code, message, status
        )

    def _describe_not_found(self, code: str, message: str, status: int) -> str | None:
        """Return the reason if the server does not find the bucket, else None."""
        if code in _PATH_STYLE_REFUSED or (
            code == "InvalidBucketName" and not self._is_virtual_hosted
        ):
            return (
                f"cannot be addressed by its name in the path ({message}): "
                "set AWS_S3_ADDRESSING_STYLE=virtual"
            )
        if self._is_virtual_hosted and status in {400, 404, 405}:
            return (
                f"is unknown to the server ({message}): {self._advice}; if that fails, "
                f"{_PATH_STYLE_HINT}"
            )
        return f"does not exist: {self._advice}" if status == 404 else None

    def _describe_forbidden(self, code: str, message: str, status: int) -> str:
        if code in _WRONG_KEY:
            return f"rejects the key ({code}): check {self._credentials_hint}"
        if status == 403:
            return f"denies access to this key ({message}): grant it read and write"
        return f"rejects the request: {message}"

    @property
    def _credentials_hint(self) -> str:
        """The source of the keys, for a message."""
        if self._options.access_key_id:
            token = ", and AWS_SESSION_TOKEN" if self._options.session_token else ""
            return f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY{token}"
        if self._options.profile:
            return f"the keys of AWS_PROFILE {self._options.profile}"
        return "the keys that boto3 finds (the default profile, or this machine's role)"


def _convert_boto_error(place: str, error: BotoCoreError, endpoint_url: str) -> LakeError:
    """Return our error for a request that was not sent, mostly without credentials."""
    text = str(error)
    if endpoint_url:
        text = text.replace(endpoint_url, redact_address(endpoint_url))
    message = remove_logins(" ".join(text.split()))
    if isinstance(error, CredentialRetrievalError | MetadataRetrievalError):
        return LakeUnavailable(f"{place} cannot be used without credentials: {message}")
    return LakeRefused(
        f"{place} cannot be used: {message} (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or AWS_PROFILE, or give this machine a role)"
    )


def _describe_skew(error: ClientError, code: str, status: int) -> str | None:
    """Return a message about this machine's clock, if a wrong time is the server's reason.

    The response to a HEAD has no code; then the server's time decides.
    """
    try:
        date = error.response["ResponseMetadata"]["HTTPHeaders"]["date"]
        ahead = (now_ms() - to_epoch_ms(parsedate_to_datetime(date))) / 1000
    except (KeyError, ValueError, TypeError):
        ahead = 0.0
    if code not in _WRONG_TIME and not (status == 403 and abs(ahead) > _MAX_SKEW_SECONDS):
        return None
    compared = f" is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    return (
        f"this machine's clock{compared if abs(ahead) >= 1 else ' and the server disagree'}: "
        "synchronize the wrong clock with NTP"
    )


def _describe_region(error: ClientError) -> str:
    headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
    details: Mapping[str, Any] = error.response["Error"]
    region = details.get("Region") or headers.get("x-amz-bucket-region")
    place = redact_address(
        str(details.get("Endpoint") or _extract_server_url(headers.get("location", "")))
    )
    return (
        f"set AWS_REGION{f'={region}' if region else ' to its region'} and, if you use "
        f"AWS_ENDPOINT_URL_S3, set it to {place or 'its address'}"
    )


def _extract_server_url(url: str) -> str:
    """Return `https://host:port` of an address, or an empty string."""
    if not is_web_address(url):
        return ""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _http_status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _parse_headers(response: Any) -> ObjectHeaders:
    """Parse the headers of a HEAD or GET. Servers change the case of metadata names."""
    return ObjectHeaders(
        etag=response["ETag"],
        size_bytes=response["ContentLength"],
        modified_at=to_epoch_ms(response["LastModified"]),
        metadata={name.lower(): text for name, text in response["Metadata"].items()},
    )


@lru_cache
def _open_client(options: S3Options) -> "S3Client":
    """Return the client, with one connection pool, for all buckets of a server.

    Safe for many threads. boto3 finds what the options lack in the environment, in profiles, from
    a web identity, or from the role of a container or an instance.
    """
    # The settings read AWS_PROFILE, where empty means none; boto3 would look for a profile "".
    core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    session = boto3.session.Session(botocore_session=core, profile_name=options.profile)
    config = _CONFIG
    if options.addressing_style is not AddressingStyle.AUTO:
        style: Any = {"addressing_style": str(options.addressing_style)}
        config = config.merge(Config(s3=style))
    client = _make_client(session, options, config)
    require_readable_proxy(client.meta.endpoint_url)
    if getproxies() and not find_proxies(client.meta.endpoint_url):
        # boto3 would use the environment's proxy for loopback addresses too.
        client = _make_client(session, options, config.merge(Config(proxies={})))
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    client.meta.events.register("before-call.s3.HeadBucket", _follow_no_redirect)
    return client


def _make_client(session: boto3.session.Session, options: S3Options, config: Config) -> "S3Client":
    # The region of a profile does not apply to another server with its own keys.
    has_keys = options.endpoint_url and options.access_key_id
    profile_region = None if has_keys else session.region_name
    try:
        return session.client(
            "s3",
            endpoint_url=options.endpoint_url,
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            aws_session_token=options.session_token,
            region_name=options.region or profile_region or _DEFAULT_REGION,
            config=config,
        )
    except ValueError as error:
        if isinstance(error, BotoCoreError):
            raise
        shown = redact_address(options.endpoint_url or "")
        raise WrongUse(
            f"AWS_ENDPOINT_URL_S3 {shown!r} is not an address: its host may have letters, digits, "
            f"hyphens and dots{build_escaping_hint(options.endpoint_url or '')}"
        ) from None


def _follow_no_redirect(params: dict[str, Any], **_: Any) -> None:
    """Stop boto3 from following a redirect without a region by endless HEAD requests.

    A proxy that redirects everything to https responds so.
    """
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Add the Content-MD5 of a batch delete: older MinIO requires it, boto3 omits it."""
    digest = md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
