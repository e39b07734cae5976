"""`--debug` prints the logs of libraries, but no login and no key."""

import pytest

from crypto_assets_tests.cli.conftest import MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange

PASSWORD = "hush-hush"


@pytest.mark.parametrize(
    "login", [f"anna:{PASSWORD}", f"anna:p%40{PASSWORD}", f"anna:p@{PASSWORD}"]
)
def test_debug_logs_do_not_contain_the_login_of_the_object_store(
    login: str, simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON), LAKE_RAW_URL="s3://crypto-raw")
    ran = desk.run(
        *("--debug", "init"),
        AWS_ENDPOINT_URL_S3=f"http://{login}@127.0.0.1:9",
        AWS_ACCESS_KEY_ID="planted-key",
        AWS_SECRET_ACCESS_KEY="planted-secret",
    )
    assert ran.code != 0
    assert "DEBUG" in ran.err
    for secret in (PASSWORD, "planted-secret"):
        assert secret not in ran.out + ran.err
