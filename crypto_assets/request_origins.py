"""Whether a browser sent a request for a page of the server itself: the one rule of all servers.

Browsers tell it with the headers Origin and Sec-Fetch-Site, of which they send at least one with
every request that changes something. Programs that are no browsers send neither.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_OWN_SITES = frozenset({"same-origin", "none"})
_SECURE_SCHEMES = frozenset({"https", "wss"})


@dataclass(frozen=True)
class RequestSource:
    """What a request says about the page that caused it, each header as often as it was sent.

    `host` is the Host header, `scheme` that of the request as the server sees it.
    """

    sites: Sequence[str]
    origins: Sequence[str]
    host: str
    scheme: str

    @property
    def has_page(self) -> bool:
        """Whether it names a page; that of a program does not, nor that of a typed address."""
        return bool(self.sites or self.origins) and "none" not in self.sites

    def is_own(self, public_origins: Collection[str] = ()) -> bool:
        """Whether no page of another origin caused it.

        `public_origins` are addresses of the server, for a proxy that replaces the Host header.
        """
        if not set(self.sites) <= _OWN_SITES:
            return False
        # A page without a referrer policy that allows it hides its own origin from its own server.
        is_hidden = list(self.origins) == ["null"] and set(self.sites) == {"same-origin"}
        own = {origin.lower() for origin in (*self._list_own_origins(), *public_origins)}
        return is_hidden or all(origin.lower() in own for origin in self.origins)

    def uses_https(self, public_origins: Collection[str] = ()) -> bool:
        """Whether the browser speaks HTTPS, also if a proxy forwards the request without it.

        Then the page of the request says so, or `public_origins` have the host with HTTPS only.
        """
        schemes = {one.partition(":")[0] for one in public_origins if self._has_host(one)}
        return (
            self.scheme in _SECURE_SCHEMES
            or schemes == {"https"}
            or any(one.lower().startswith("https://") for one in self.origins)
        )

    def _list_own_origins(self) -> list[str]:
        # A proxy with TLS may forward the request without saying so.
        own = [f"https://{self.host}"]
        return own if self.scheme in _SECURE_SCHEMES else [f"http://{self.host}", *own]

    def _has_host(self, origin: str) -> bool:
        return urlsplit(origin).netloc.lower() == self.host.lower()


def list_origins(urls: Iterable[str]) -> frozenset[str]:
    """Return the origins of addresses, such as `https://candles.example`."""
    parts = [urlsplit(url) for url in urls]
    return frozenset(f"{part.scheme}://{part.netloc.lower()}" for part in parts if part.netloc)
