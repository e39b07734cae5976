"""`crypto-assets up`: serve Dagster, the app and the API until Ctrl-C."""

import os
from collections.abc import Callable
from typing import Any

import click

from crypto_assets.cli import served_programs
from crypto_assets.cli.child_environment import build_folder_variables
from crypto_assets.cli.home_lock import hold_home_lock
from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.cli.init import run_init
from crypto_assets.cli.process_tree import ProcessTree
from crypto_assets.cli.unlock import print_unlock_link
from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings, get_settings
from crypto_assets.tcp_ports import require_free_port


def _build_port_option(option: str, default: int, program: str) -> Callable[[Any], Any]:
    return click.option(
        option,
        type=click.IntRange(1, 65535),
        default=default,
        show_default=True,
        help=f"Port of {program}.",
    )


dagster_port_option = _build_port_option("--dagster-port", 3000, "Dagster's webserver")
app_port_option = _build_port_option("--app-port", 8501, "the app")
api_port_option = _build_port_option("--api-port", 8000, "the API")


@click.command()
@dagster_port_option
@app_port_option
@api_port_option
def up(dagster_port: int, app_port: int, api_port: int) -> None:
    """Serve Dagster, the app and the API until Ctrl-C.

    Runs `init` first.
    """
    require_distinct_ports(dagster_port, app_port, api_port)
    restrict_home(get_settings())
    with hold_home_lock(get_settings().dagster_home), ProcessTree(click.echo) as tree:
        run_init()
        start_services(tree, dagster_port, app_port, api_port)
        tree.wait_until_stopped()


def require_distinct_ports(dagster_port: int, app_port: int, api_port: int) -> None:
    """Raise WrongUse if two ports are the same, and PortTaken, which names the port's option."""
    ports = {"--dagster-port": dagster_port, "--app-port": app_port, "--api-port": api_port}
    if len(set(ports.values())) < len(ports):
        raise WrongUse(f"{', '.join(ports)} must be different ports")
    for option, port in ports.items():
        require_free_port(port, option=option)


def start_services(tree: ProcessTree, dagster_port: int, app_port: int, api_port: int) -> None:
    """Start Dagster, the app and the API, and print their addresses.

    Raises PortTaken if a port has been taken since the first check.
    """
    require_distinct_ports(dagster_port, app_port, api_port)
    settings = get_settings()
    home = settings.dagster_home
    os.environ.update(build_folder_variables())
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["CRYPTO_DAGSTER_URL"] = f"http://127.0.0.1:{dagster_port}"
    # On a busy machine a code server may take minutes to respond; Dagster's default is one.
    os.environ.setdefault("DAGSTER_GRPC_TIMEOUT_SECONDS", "300")
    # A backfill waits while the code server restarts, instead of failing for good.
    os.environ.setdefault("DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR", "1")
    set_link_addresses(dagster_port, app_port)
    logs = home.parent / "logs"
    programs = (
        served_programs.webserver_program(dagster_port, logs),
        served_programs.daemon_program(dagster_port, logs),
        served_programs.app_program(app_port, logs),
        served_programs.api_program(api_port, logs),
    )
    click.echo(f"starting {', '.join(program.name for program in programs)} ...")
    tree.start_programs(*programs)
    click.echo(f"\n  app      http://127.0.0.1:{app_port}")
    click.echo(f"  Dagster  http://127.0.0.1:{dagster_port}")
    click.echo(f"  API      http://127.0.0.1:{api_port}/docs")
    click.echo(f"  logs     {logs}")
    print_unlock_link(get_settings(), f"http://127.0.0.1:{app_port}")
    click.echo("\nCtrl-C stops everything.")


def set_link_addresses(dagster_port: int, app_port: int) -> None:
    """Let links of this process and its children lead to these ports, or to those of the settings.

    `.env.example` of earlier versions contained the addresses with the default ports.
    """
    settings = get_settings()
    if settings.app_link_url == Settings.model_fields["app_link_url"].default:
        os.environ["CRYPTO_APP_LINK_URL"] = f"http://127.0.0.1:{app_port}"
    if settings.dagster_link_url == Settings.model_fields["dagster_url"].default:
        os.environ["CRYPTO_DAGSTER_LINK_URL"] = f"http://127.0.0.1:{dagster_port}"
