"""Ports on this machine: bind one, or name the process that listens on it."""

import socket

import psutil

from crypto_assets.errors import PortTaken, WrongUse
from crypto_assets.foreign_text import shorten_text


def claim_port(port: int, host: str = "127.0.0.1", option: str = "--port") -> socket.socket:
    """Bind a socket to the port (0 chooses a free one), for the caller to listen on or to close.

    Raises PortTaken, which names the process that has the port and the option for another port.
    """
    claimed = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claimed.bind((host, port))
    except OSError as error:
        claimed.close()
        raise PortTaken(_describe_refused_port(port, host, option, error)) from None
    except (TypeError, ValueError):  # for a null character or a surrogate in the host
        claimed.close()
        raise WrongUse(f"{shorten_text(repr(host))} is not a host name or an IP address") from None
    return claimed


def require_free_port(port: int, host: str = "127.0.0.1", option: str = "--port") -> int:
    """Return the port, or a free one for 0. Raises PortTaken if a process listens on it."""
    with claim_port(port, host, option) as claimed:
        return int(claimed.getsockname()[1])


def _describe_refused_port(port: int, host: str, option: str, error: OSError) -> str:
    if owner := describe_port_owner(port):
        return f"port {port} is in use by {owner}: stop it, or choose another port with {option}"
    return f"cannot listen on {host}:{port} ({error.strerror}): choose another with {option}"


def describe_port_owner(port: int) -> str | None:
    """Return `name (pid N)` of the process that listens on the port, if this user may see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        is_listening = connection.status == psutil.CONN_LISTEN
        if is_listening and connection.laddr and connection.laddr.port == port:
            return _describe_process(connection.pid)
    return None


def _describe_process(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"
