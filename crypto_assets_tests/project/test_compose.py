"""The services of docker-compose.yml: ports, networks, rights, health and restarts."""

import os
import re
from io import StringIO
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from crypto_assets.warehouse.engine.grants import list_readable_tables
from crypto_assets_tests.project.compose import interpolate, require_valid_compose
from crypto_assets_tests.project.conftest import OUR_IMAGES, WORKERS, Checkout
from crypto_assets_tests.project.env_example import uncomment_example
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.caddy import CADDYFILE
from crypto_assets_tests.services.programs import run_program

DATABASE_SECRETS = {"warehouse_url", "warehouse_read_url", "dagster_password"}


def test_the_compose_file_matches_the_compose_schema(compose: dict[str, Any]) -> None:
    require_valid_compose(compose)
    with pytest.raises(AssertionError, match="imagee"):
        require_valid_compose({"services": {"mysql": {"imagee": "mysql"}}})


def test_the_services_are_those_of_the_one_machine_size(services: dict[str, Any]) -> None:
    served = {"code", "webserver", "daemon", "app", "api", "proxy"}
    on_request = {name for name, service in services.items() if service.get("profiles")}
    assert on_request == {"simulator", "backup", *WORKERS}
    assert set(services) - on_request == {"mysql", "lake", "lake-user", "init", *served}


def test_only_the_proxy_opens_ports_on_loopback_by_default(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["proxy"]
    assert [interpolate(port, {}) for port in ports["proxy"]] == [
        "127.0.0.1:8443:8443",
        "127.0.0.1:3443:3443",
    ]
    listening = re.findall(r"^\{\$SITE_NAME:localhost\}:(\d+) ", text(CADDYFILE), re.MULTILINE)
    assert listening == ["8443", "3443"]


def test_the_servers_trust_only_the_address_of_the_proxy(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    """No other container can get its address, nor is it that of clients of published ports."""
    (config,) = compose["networks"]["front"]["ipam"]["config"]
    network, others = (ip_network(interpolate(config[key], {})) for key in ("subnet", "ip_range"))
    address = interpolate(services["proxy"]["networks"]["front"]["ipv4_address"], {})
    assert ip_address(address) in network
    assert ip_address(address) not in others and others.subnet_of(network)
    assert ip_address(address) != network[1], "the gateway"
    assert list(services["proxy"]["networks"]) == ["front"]
    for name in ("webserver", "app", "api"):
        trusted = services[name]["environment"]["CRYPTO_TRUSTED_PROXIES"]
        assert interpolate(trusted, {}) == address
        assert "front" in services[name]["networks"]


def test_links_have_the_addresses_of_the_proxy(services: dict[str, Any]) -> None:
    environment = services["app"]["environment"]
    site = {"SITE_NAME": "candles.example", "DAGSTER_HTTPS_PORT": "9443"}
    assert {
        name: interpolate(environment[name], site)
        for name in ("CRYPTO_APP_LINK_URL", "CRYPTO_DAGSTER_LINK_URL")
    } == {
        "CRYPTO_APP_LINK_URL": "https://candles.example:8443",
        "CRYPTO_DAGSTER_LINK_URL": "https://candles.example:9443",
    }


@pytest.mark.parametrize(
    ("dotenv", "options"),
    [
        ("", ""),
        ("APP_PORT=\n", ""),
        ("APP_PORT=9000\n", "-f docker-compose.yml -f deploy/published-ports.yml\n"),
        ("export DAGSTER_PORT=3000\n", "-f docker-compose.yml -f deploy/published-ports.yml\n"),
        ("API_PORT=8000\nCOMPOSE_FILE=mine.yml\n", ""),
        ("MYSQL_HOST=mysql\n", ""),
        ("MYSQL_HOST=db.example\n", "-f docker-compose.yml -f deploy/external-mysql.yml\n"),
        (
            "API_PORT=8000\nMYSQL_HOST=db.example\n",
            "-f docker-compose.yml -f deploy/published-ports.yml -f deploy/external-mysql.yml\n",
        ),
    ],
)
def test_settings_select_the_files_of_compose(
    dotenv: str, options: str, checkout: "Checkout"
) -> None:
    (checkout.folder / ".env").write_text(dotenv)
    printed = run_program(
        ["sh", checkout.folder / "deploy/compose-files.sh"], env={"PATH": os.environ["PATH"]}
    ).stdout
    assert printed == options


def test_the_published_ports_are_those_of_earlier_versions(services: dict[str, Any]) -> None:
    override = yaml.safe_load(text("deploy/published-ports.yml"))["services"]
    ports = {"APP_PORT": "1", "API_PORT": "2", "DAGSTER_PORT": "3"}
    opened = {name: interpolate(one["ports"][0], ports) for name, one in override.items()}
    assert opened == {
        "webserver": "127.0.0.1:3:3000",
        "app": "127.0.0.1:1:8501",
        "api": "127.0.0.1:2:8000",
    }
    for name, port in opened.items():
        assert port.rpartition(":")[2] in yaml.dump(services[name]["command"])


def test_another_database_server_takes_the_place_of_the_service(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    override = yaml.safe_load(text("deploy/external-mysql.yml"))
    require_valid_compose(override)
    changed = override["services"]
    assert changed.pop("mysql") == {"profiles": ["own-mysql"]}
    users = {n for n, one in services.items() if DATABASE_SECRETS & set(one["secrets"])}
    assert changed.keys() == users - {"mysql"}
    waiting = {n for n, one in services.items() if "mysql" in one.get("depends_on", {})}
    assert waiting == changed.keys()
    for name, service in changed.items():
        # Compose merges the entries of both files.
        assert service["depends_on"] == {
            "mysql": {**services[name]["depends_on"]["mysql"], "required": False}
        }
        assert set(service["networks"]) == {"database"} and "database" not in compose["networks"]
        assert type(service["networks"]) is type(services[name]["networks"])
        environment = services[name]["environment"]
        server = {"MYSQL_HOST": "db.example", "MYSQL_PORT": "3307"}
        if "DAGSTER_MYSQL_HOST" in environment:
            assert interpolate(environment["DAGSTER_MYSQL_HOST"], server) == "db.example"
            assert interpolate(environment["DAGSTER_MYSQL_PORT"], server) == "3307"
    # An internal network would not reach it.
    assert override["networks"] == {"database": {}}


def test_services_that_others_depend_on_have_a_healthcheck(services: dict[str, Any]) -> None:
    for service in services.values():
        for waited_for, how in service.get("depends_on", {}).items():
            ready = how["condition"] == "service_completed_successfully"
            assert ready or services[waited_for].get("healthcheck"), waited_for


def test_services_that_stay_up_are_restarted_and_have_a_healthcheck(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        once = name in {"init", "lake-user", "backup"}
        assert service["restart"] == ("no" if once else "unless-stopped"), name
        assert once or service.get("healthcheck"), name


def test_the_service_with_the_runs_has_a_permanent_host_name(services: dict[str, Any]) -> None:
    """Only the service with the runs: another with that name would fail live runs."""
    assert {name: service.get("hostname") for name, service in services.items()} == {
        **dict.fromkeys(services),
        "code": "code",
    }


def test_the_containers_have_few_rights_and_bounded_resources(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["logging"]["driver"] == "json-file", name
        writes = name in {"mysql", "lake", "lake-user"}
        assert bool(service.get("read_only")) is not writes, name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])


def test_only_those_that_must_reach_a_service(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    def list_members(*networks: str) -> set[str]:
        return {name for name, one in services.items() if set(networks) & set(one["networks"])}

    def list_neighbours(name: str) -> set[str]:
        return list_members(*services[name]["networks"]) - {name}

    # The runs are processes of the code server's container, so it needs more networks. Its server,
    # which has no login, listens at the one address that this name has.
    names = {
        network: options["aliases"]
        for network, options in services["code"]["networks"].items()
        if options
    }
    assert names == {"control": ["code-control"]}
    assert services["code"]["command"][1:3] == ["deploy/code-server.sh", "code-control"]
    assert list_members("control") == {"code", "webserver", "daemon"}
    on_request = {"simulator", "backup", *WORKERS}
    assert list_neighbours("proxy") - on_request == {"webserver", "app", "api"}
    assert {"app", "api", "code", "init"} <= list_neighbours("simulator")
    assert list_neighbours("code") - on_request == {"mysql", "lake", "webserver", "daemon", "init"}
    assert list_members("exchange") - WORKERS == {"code", "init", "simulator"}
    # Redis has no login.
    assert list_members("queue") == {*WORKERS, "daemon", "webserver"}
    assert list_neighbours("redis") == list_members("queue") - {"redis"}
    assert list_neighbours("lake-user") == {"mysql", "lake", "init"}
    for server in ("mysql", "lake"):
        assert all(compose["networks"][name]["internal"] for name in services[server]["networks"])
        assert not services[server].get("ports")
    for name, service in services.items():
        is_ours = service["image"] in OUR_IMAGES and name != "simulator"
        reached = {"mysql", "lake"} if is_ours else set()
        assert reached <= list_neighbours(name), name
    for page in ("app", "api"):
        assert "webserver" in list_neighbours(page)


def test_the_three_servers_share_opened_links_and_ended_sessions(services: dict[str, Any]) -> None:
    home = re.search(r"CRYPTO_HOME=(\S+)", text("Dockerfile"))
    assert home
    for name, service in services.items():
        shared = f"home:{home[1]}" in service.get("volumes", [])
        is_server = "operator_token" in service["secrets"] and name != "init"
        # A restore writes the home's files.
        assert shared is (is_server or name == "backup"), name
    # A new volume gets the owner of the image's directory.
    assert re.search(rf"install -d -o crypto -g crypto {home[1]} ", text("Dockerfile"))


def test_the_read_only_user_has_the_grants_of_init() -> None:
    script = re.search(r'^readable="([^"]+)"', text("deploy/mysql/10-databases.sh"), re.MULTILINE)
    assert script
    assert sorted(script[1].split()) == sorted(list_readable_tables())


def test_the_defaults_of_the_compose_file_match_the_example() -> None:
    example = dotenv_values(stream=StringIO(uncomment_example()))
    files = ("docker-compose.yml", "deploy/published-ports.yml", "deploy/external-mysql.yml")
    defaults = dict(re.findall(r"\$\{(\w+):-([^${}]+)\}", "".join(map(text, files))))
    # People read the logs of `up`, and programs those of containers.
    assert defaults.pop("CRYPTO_LOG_FORMAT") == "json"
    assert {name: example[name] for name in defaults} == defaults
