"""Limits of the responses of a provider of logins: size, encoding, redirects and scheme.

They are hooks of the HTTP client that Authlib uses. The total time is limited by its caller.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx

# Metadata, keys, and what is known about a person have a few kilobytes.
MAX_RESPONSE_BYTES = 1024 * 1024


class ProviderRefused(httpx.HTTPError):
    """A response of the provider that is not accepted, or a request that is not sent."""


def build_event_hooks(metadata_url: str) -> dict[str, list[Any]]:
    """Return the hooks; with metadata over HTTPS, requests without it are refused."""
    is_secure = metadata_url.lower().startswith("https:")

    async def check_request(request: httpx.Request) -> None:
        if is_secure and request.url.scheme != "https":
            raise ProviderRefused(f"the provider names {request.url}, which is not HTTPS")
        # A compressed response could be a thousand times as large as the limit.
        request.headers["Accept-Encoding"] = "identity"

    return {"request": [check_request], "response": [_limit_response]}


async def _limit_response(response: httpx.Response) -> None:
    if 300 <= response.status_code < 400:
        raise ProviderRefused(
            f"the provider redirects (HTTP {response.status_code}), which is not followed: "
            "set CRYPTO_OIDC_METADATA_URL to its final address"
        )
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProviderRefused("the provider sends a compressed response, which it was not asked to")
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _LimitedStream(response.stream)


class _LimitedStream(httpx.AsyncByteStream):
    """The body of a response, up to MAX_RESPONSE_BYTES."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                raise ProviderRefused(f"the provider sends more than {MAX_RESPONSE_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
