"""Free ports are claimed; the error of a taken port names its process."""

import os
import socket

import psutil
import pytest

from crypto_assets.errors import PortTaken, WrongUse
from crypto_assets.tcp_ports import claim_port, describe_port_owner, require_free_port


def test_a_free_port_is_claimed_and_the_error_of_a_taken_one_contains_its_process() -> None:
    with claim_port(0) as claimed:
        port = claimed.getsockname()[1]
        claimed.listen()
        name = psutil.Process().name()
        with pytest.raises(PortTaken) as error:
            require_free_port(port, option="--api-port")
        assert str(error.value) == (
            f"port {port} is in use by {name} (pid {os.getpid()}): "
            "stop it, or choose another port with --api-port"
        )
    require_free_port(port)
    assert describe_port_owner(port) is None


def test_the_error_of_a_foreign_address() -> None:
    with pytest.raises(PortTaken, match=r"cannot listen on 192.0.2.1:\d+"):
        claim_port(_free_port(), host="192.0.2.1")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["\udcff", "a" * 64, "\x00"])
def test_a_host_that_cannot_be_encoded_is_refused(host: str) -> None:
    with pytest.raises((WrongUse, PortTaken)):
        claim_port(0, host)
