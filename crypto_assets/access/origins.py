"""Whether a request comes from a page of the server itself, and local paths for redirects."""

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import urlsplit


def comes_from_own_page(
    headers: Mapping[str, str], scheme: str, public_origins: Collection[str] = ()
) -> bool:
    """Whether a browser sent the request for a page of the same server.

    `public_origins` are addresses of the server, for a proxy that replaces the Host header.
    Browsers send at least one of the two headers with every request that changes something.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    host = headers.get("host", "")
    # A proxy with TLS may forward the request without saying so.
    own_origins = {f"{scheme}://{host}", f"https://{host}", *public_origins}
    if site == "same-origin" and origin == "null":
        return True  # a page that hides its address; no other page has this value of `site`
    return site in (None, "same-origin") and (origin is None or origin in own_origins)


def list_origins(urls: Iterable[str]) -> frozenset[str]:
    """Return the origins of addresses, such as `https://candles.example`."""
    parts = [urlsplit(url) for url in urls]
    return frozenset(f"{part.scheme}://{part.netloc.lower()}" for part in parts if part.netloc)


def comes_from_no_page(headers: Mapping[str, str]) -> bool:
    """Whether a program other than a browser seems to have sent the request."""
    return "sec-fetch-site" not in headers and "origin" not in headers


def require_own_address(address: str, public_origins: Collection[str]) -> str:
    """Return a local path, or an address of a public origin: "/" in place of any other address."""
    if any(address.startswith(f"{origin}/") for origin in public_origins) and "\\" not in address:
        return address if address.isprintable() else "/"
    return require_local_path(address)


def require_local_path(path: str) -> str:
    """Return a path to which a redirect stays on this server: "/" in place of any other address."""
    is_local = path.startswith("/") and not path.startswith("//")
    # Browsers take a backslash for a slash, and ignore control characters.
    if not is_local or "\\" in path or not path.isprintable():
        return "/"
    return path
