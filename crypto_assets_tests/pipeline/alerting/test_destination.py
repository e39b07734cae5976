"""The alert webhook: a user's address takes effect at once, and its secret is never shown."""

from pathlib import Path

import orjson
import pytest

from crypto_assets.errors import AlertNotSent, WrongUse
from crypto_assets.pipeline.alerting.destination import (
    AlertAddress,
    send_test_alert,
    validate_webhook_url,
)
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

FIRST, SECOND = "https://hooks.example/T0/s3cret", "https://other.example:8443/an0ther"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    return warehouse


def test_an_override_replaces_the_address_of_the_environment(warehouse: Warehouse) -> None:
    address = AlertAddress(warehouse, FIRST)
    assert (address.read_webhook_or_last().url, address.is_overridden) == (FIRST, False)
    address.set_override(f" {SECOND} ", who="anna")
    assert (address.read_webhook_or_last().url, address.is_overridden) == (SECOND, True)
    address.set_override("", who="anna")
    assert (address.read_webhook_or_last().url, address.is_overridden) == (None, True)
    address.remove_override(who="anna")
    assert (address.read_webhook_or_last().url, address.is_overridden) == (FIRST, False)
    changes = [
        (change.who, change.old, change.new) for change in warehouse.app_settings.list_changes()
    ]
    assert len(changes) == 3 and "s3cret" not in str(changes) and "an0ther" not in str(changes)


def test_alerts_go_to_the_last_address_while_the_warehouse_fails(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    address = AlertAddress(warehouse, FIRST)
    address.set_override(SECOND, who="anna")
    address.read_webhook()
    warehouse.close()
    (tmp_path / "warehouse.db").write_bytes(b"not a database, but long enough to be read as one")
    assert address.read_webhook_or_last().url == SECOND
    assert AlertAddress(warehouse, FIRST).read_webhook_or_last().url == FIRST


@pytest.mark.parametrize(
    "url", ["hooks.example", "ftp://hooks.example/x", "https://", "https://a b/", "http://[1", "x"]
)
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(WrongUse, match="enter a full URL"):
        validate_webhook_url(url)


def test_a_test_alert_is_sent_like_any_other() -> None:
    with scripted(in_turn(Answer(body=b"ok"), Answer(404))) as server:
        send_test_alert([Webhook(f"{server.url}/hooks/s3cret")])
        with pytest.raises(AlertNotSent, match=r"answers 404") as raised:
            send_test_alert([Webhook(f"{server.url}/hooks/s3cret")])
    assert b"This is a test" in server.requests[0].body
    (attachment,) = orjson.loads(server.requests[0].body)["attachments"]
    assert attachment["color"] == "#2e7d32", "red, as problems are"
    assert [field["title"] for field in attachment["fields"]] == ["message"]
    assert "s3cret" not in str(raised.value)
    with pytest.raises(WrongUse, match="no target of alerts is set"):
        send_test_alert(())


def test_only_host_and_port_of_an_address_are_shown() -> None:
    assert Webhook("https://anna:pw@hooks.example/T0/s3cret").display_address == "hooks.example"
    assert Webhook("http://127.0.0.1:8065/s3cret").display_address == "127.0.0.1:8065"
    assert Webhook().display_address == ""
