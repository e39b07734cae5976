"""Converts boto3's errors to the lake's: one line with the bucket, the reason and advice."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as EndpointError,
)

from crypto_assets.addresses import AddressingStyle, is_web_address, redact_address, remove_logins
from crypto_assets.errors import (
    BucketMissing,
    LakeError,
    LakeRefused,
    LakeUnavailable,
    ObjectMissing,
)
from crypto_assets.foreign_text import shorten_text
from crypto_assets.http_client import (
    PROXY_LOGIN_REQUIRED,
    describe_cause,
    describe_proxy_failure,
    describe_proxy_login,
    find_causes,
)
from crypto_assets.lake.interface import S3Options
from crypto_assets.market.utc_time import now_ms, to_epoch_ms

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

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
PATH_STYLE_HINT = "set AWS_S3_ADDRESSING_STYLE=path if the server does not support virtual hosts"


@dataclass(frozen=True)
class BucketErrors:
    """Converts the errors of requests to one bucket. `advice` says how to create it."""

    bucket_name: str
    client: "S3Client"
    options: S3Options
    advice: str

    @property
    def display_name(self) -> str:
        return f"bucket {self.bucket_name} at {redact_address(self.client.meta.endpoint_url)}"

    @property
    def is_virtual_hosted(self) -> bool:
        """Whether the settings put the bucket before the host's name."""
        options: Mapping[str, Any] = getattr(self.client.meta.config, "s3", None) or {}
        return options.get("addressing_style") == AddressingStyle.VIRTUAL

    @contextmanager
    def translate(self, key: str = "") -> Iterator[None]:
        """Convert boto3's errors to ours: a line with the bucket and advice."""
        try:
            yield
        except ClientError as error:
            raise self._convert_client_error(error, key) from error
        except (EndpointError, HTTPClientError) as error:
            # The error's text may contain the login of a proxy or of the address.
            raise LakeUnavailable(self._describe_failure(error)) from None
        except IncompleteReadError as error:
            message = f"{self.display_name} sent a truncated response: {error}"
            raise LakeUnavailable(message) from error
        except BotoCoreError as error:
            # Its text may contain the address; the message has it without a login.
            raise convert_boto_error(
                self.display_name, error, self.client.meta.endpoint_url
            ) from None

    def _describe_failure(self, error: BotoCoreError) -> str:
        """Return the reason why there was no response, and advice."""
        endpoint = self.client.meta.endpoint_url
        if message := describe_proxy_failure(endpoint, error):
            return f"{self.display_name} cannot be reached: {message}"
        causes, reason = find_causes(error), describe_cause(error)
        if any(isinstance(cause, FileNotFoundError) for cause in causes):
            return (
                f"{self.display_name} cannot be reached: the file in AWS_CA_BUNDLE, or in "
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
                f"{self.display_name} cannot be reached: {requested}, the source of the "
                f"credentials, does not respond ({reason})"
            )
        if self.is_virtual_hosted and any(isinstance(cause, _WRONG_NAME) for cause in causes):
            return (
                f"{self.display_name} does not respond as {requested} ({reason}): {PATH_STYLE_HINT}"
            )
        return (
            f"{self.display_name} does not respond ({reason}): "
            "check that the object store is running, and that AWS_ENDPOINT_URL_S3 is correct"
        )

    def _convert_client_error(self, error: ClientError, key: str) -> LakeError:
        """Return our error for an error response."""
        code = shorten_text(error.response["Error"].get("Code", ""))
        message = shorten_text(f"{code} {error.response['Error'].get('Message', '')}")
        status = http_status(error)
        if code == "NoSuchKey":
            return ObjectMissing(f"{self.display_name} has no {key or 'such object'}")
        if status >= 500 or status == 429:
            return LakeUnavailable(f"{self.display_name} failed: {message}")
        kind = BucketMissing if code == "NoSuchBucket" else LakeRefused
        return kind(f"{self.display_name} {self._describe_refusal(error, code, message, status)}")

    def _describe_refusal(self, error: ClientError, code: str, message: str, status: int) -> str:
        """Return the part of the message after the bucket's name: the reason and advice."""
        if skew := _describe_skew(error, code, status):
            return f"rejects the time of the request ({code}): {skew}"
        if error.operation_name not in self.client.meta.service_model.operation_names:
            return f"cannot be used: {error.operation_name} returns no credentials ({message})"
        if status == PROXY_LOGIN_REQUIRED:
            return f"cannot be reached: {describe_proxy_login(self.client.meta.endpoint_url)}"
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
            code == "InvalidBucketName" and not self.is_virtual_hosted
        ):
            return (
                f"cannot be addressed by its name in the path ({message}): "
                "set AWS_S3_ADDRESSING_STYLE=virtual"
            )
        if self.is_virtual_hosted and status in {400, 404, 405}:
            return (
                f"is unknown to the server ({message}): {self.advice}; if that fails, "
                f"{PATH_STYLE_HINT}"
            )
        return f"does not exist: {self.advice}" if status == 404 else None

    def _describe_forbidden(self, code: str, message: str, status: int) -> str:
        if code in _WRONG_KEY:
            return f"rejects the key ({code}): check {self._credentials_hint}"
        if status == 403:
            return f"denies access to this key ({message}): grant it read and write"
        return f"rejects the request: {message}"

    @property
    def _credentials_hint(self) -> str:
        """The source of the keys, for a message."""
        if self.options.access_key_id:
            token = ", and AWS_SESSION_TOKEN" if self.options.session_token else ""
            return f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY{token}"
        if self.options.profile:
            return f"the keys of AWS_PROFILE {self.options.profile}"
        return "the keys that boto3 finds (the default profile, or this machine's role)"


def convert_boto_error(place: str, error: BotoCoreError, endpoint_url: str) -> LakeError:
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


def http_status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
