"""Which addresses belong to one client, for limits that each client has."""

from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

_IPV6_PREFIX_BITS = 64


# A server groups the addresses of all of its connections for each new one.
@lru_cache(maxsize=10_000)
def group_client_address(address: str) -> str:
    """Return the network of an IPv6 address, which one client may have as a whole.

    A server that listens on `::` sees IPv4 addresses as `::ffff:192.0.2.1`.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _IPV6_PREFIX_BITS), strict=False))
