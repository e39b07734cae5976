"""Addresses of redirects, which must stay on the server."""

from collections.abc import Collection


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
