"""Addresses that the webhook must not have: link-local ones and the unspecified one.

At a link-local address, clouds serve a machine's credentials to every program on that machine
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html). Other
internal addresses are allowed, such as that of a Mattermost in the same network.
"""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from crypto_assets.errors import WrongUse

# Amazon's service for credentials, which is no link-local address.
_CREDENTIALS_OVER_IPV6 = ip_address("fd00:ec2::254")
# Networks whose addresses contain an IPv4 address in their last four bytes: IPv4-compatible ones,
# and those that NAT64 translates (RFC 6052).
_EMBEDDING_NETWORKS = (ip_network("::/96"), ip_network("64:ff9b::/96"))


def refuse_host(host: str, *, look_up: bool) -> None:
    """Raise WrongUse for a host with an address that is refused.

    `host` may be an address in any spelling, decimal or IPv6 with an IPv4 address in it. A name is
    looked up only if `look_up` is set; one that is unknown is not refused.
    """
    try:
        name = host.encode("idna").decode()
        flags = 0 if look_up else socket.AI_NUMERICHOST
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        found = []
    for address in {host, *(str(entry[4][0]) for entry in found)}:
        refuse_address(address)


def refuse_address(text: str) -> None:
    """Raise WrongUse for an IP address that is refused; other texts are not."""
    try:
        address = ip_address(text)
    except ValueError:
        return
    for each in _iter_addresses(address):
        if each.is_link_local or each.is_unspecified or each == _CREDENTIALS_OVER_IPV6:
            raise WrongUse(
                f"{each} cannot receive alerts: a link-local or unspecified address leads to "
                "services of this machine or its cloud"
            )


def _iter_addresses(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield an address, and the IPv4 addresses that it contains."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if inner := address.ipv4_mapped or address.sixtofour:
        yield inner
    if any(address in network for network in _EMBEDDING_NETWORKS):
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
