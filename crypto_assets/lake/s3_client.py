"""Opens boto3's client of an S3 server."""

import base64
from functools import lru_cache
from hashlib import md5
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ProfileNotFound

from crypto_assets.addresses import AddressingStyle, build_escaping_hint, redact_address
from crypto_assets.errors import LakeRefused, WrongUse
from crypto_assets.http_client import find_proxies, require_readable_proxy
from crypto_assets.lake.interface import S3Options
from crypto_assets.lake.s3_errors import convert_boto_error
from crypto_assets.lake.s3_metrics import measure_calls

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONFIG = Config(
    # MinIO, SeaweedFS, rclone and Ceph all support this.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"mode": "standard", "total_max_attempts": 7},
    max_pool_connections=32,
    connect_timeout=5,
    read_timeout=60,
)
DEFAULT_REGION = "us-east-1"
_CLIENT_LOCK = Lock()


def open_client(options: S3Options, bucket_name: str) -> "S3Client":
    """Return the client, with one connection pool, for all buckets of a server.

    Safe for many threads. boto3 finds what the options lack in the environment, in profiles, from
    a web identity, or from the role of a container or an instance. Raises LakeRefused.
    """
    try:
        # Without the lock, threads that start together would each open a client.
        with _CLIENT_LOCK:
            return _open_client(options)
    except ProfileNotFound as error:
        raise LakeRefused(
            f"AWS_PROFILE {options.profile} is neither in AWS_CONFIG_FILE "
            "(~/.aws/config) nor in AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials): "
            "set another profile, or unset it"
        ) from error
    except BotoCoreError as error:
        place = f"bucket {bucket_name}"
        raise convert_boto_error(place, error, options.endpoint_url or "") from None


@lru_cache
def _open_client(options: S3Options) -> "S3Client":
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
    measure_calls(client)
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
            region_name=options.region or profile_region or DEFAULT_REGION,
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
