"""Ports on this machine: which is free, and who has one that is not."""

import socket

import psutil

from crypto_assets.errors import PortTaken


def claim_port(port: int, host: str = "127.0.0.1", option: str = "--port") -> socket.socket:
    """A socket bound to the port (0 takes any free one), for the caller to listen on or to close.

    Raises PortTaken, which names the process that has it and the option that chooses another.
    """
    claimed = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claimed.bind((host, port))
    except OSError as error:
        claimed.close()
        raise PortTaken(_describe_refused_port(port, host, option, error)) from None
    return claimed


def require_free_port(port: int, host: str = "127.0.0.1", option: str = "--port") -> int:
    """The port, or for 0 one that is free. Raises PortTaken where somebody listens on it."""
    with claim_port(port, host, option) as claimed:
        return int(claimed.getsockname()[1])


def _describe_refused_port(port: int, host: str, option: str, error: OSError) -> str:
    holder = describe_port_owner(port)
    if holder:
        return f"port {port} is taken by {holder}: stop it or choose another with {option}"
    return f"cannot listen on {host}:{port} ({error.strerror}): choose another with {option}"


def describe_port_owner(port: int) -> str | None:
    """`name (pid N)` of the process that listens on the port, as far as this user may see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr and connection.laddr.port == port:
            return _describe_process(connection.pid)
    return None


def _describe_process(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"
