"""A provider of OpenID Connect with some people, as a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.lifetime import with_parent

OPERATOR, VIEWER, OTHER = "anna@example.com", "bert@example.com", "carl@other.example"
# The provider names an address, but has not verified it.
UNVERIFIED = "dora"
_READY_SECONDS = 60


@contextmanager
def oidc_provider(log: Path) -> Iterator[str]:
    """Serve until the `with` block ends; yield the address of the metadata."""
    port = require_free_port(0)
    people = [
        {"sub": email, "email": email, "email_verified": True}
        for email in (OPERATOR, VIEWER, OTHER)
    ]
    people.append({"sub": UNVERIFIED, "email": OPERATOR, "email_verified": False})
    program = str(Path(sys.executable).with_name("oidc-provider-mock"))
    claims = [word for person in people for word in ("--user-claims", json.dumps(person))]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*with_parent(), program, "--port", str(port), *claims],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    try:
        _wait_until_ready(process, url, log)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail(f"the provider did not start:\n{log.read_text()}")
