"""`make test-containers`: builds the images and runs the compose file's services in podman."""

import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import click

from crypto_assets_tests.containers.compose_stack import (
    ComposeStack,
    copy_project,
    remove_containers,
)
from crypto_assets_tests.containers.sandbox import (
    list_devices,
    prepare_sandbox,
    remove_control_groups,
    run_in_sandbox,
)
from crypto_assets_tests.containers.scenario import Scenario, timed_step, write_settings
from crypto_assets_tests.containers.stand_ins import (
    build_project_images,
    build_stand_ins,
    pull_images,
)
from crypto_assets_tests.project.repository import ROOT

# Of images and caches. `rm -r` it to build everything again.
STATE = ROOT / ".services/containers"
_PROJECT = STATE / "project"


@click.group(invoke_without_command=True)
@click.option("--pull", is_flag=True, help="Pull the images that start from registries.")
@click.pass_context
def test_containers(context: click.Context, pull: bool) -> None:
    """Build the images, run the services, and exit with 1 unless everything holds."""
    if context.invoked_subcommand:
        return
    began, devices = time.monotonic(), list_devices()
    STATE.mkdir(parents=True, exist_ok=True)
    module = "crypto_assets_tests.containers"
    code = run_in_sandbox(module, ["build", *(["--pull"] if pull else [])], own_network=False)
    code = code or run_in_sandbox(module, ["run"], own_network=True)
    if list_devices() != devices:
        raise click.ClickException("the devices of this machine have changed")
    click.echo(f"{'failed' if code else 'passed'} after {time.monotonic() - began:.0f} s")
    sys.exit(code)


@test_containers.command(hidden=True)
@click.option("--pull", is_flag=True)
def build(pull: bool) -> None:
    """Get the images that the project's start from, and build these."""
    prepare_sandbox(STATE)
    remove_containers()
    shutil.rmtree(_PROJECT, ignore_errors=True)
    copy_project(_PROJECT)
    with timed_step("the images of others"):
        pull_images() if pull else build_stand_ins()
    with timed_step("the images of the project"):
        build_project_images(_PROJECT)


@test_containers.command(hidden=True)
def run() -> None:
    """Run the services, and remove them."""
    prepare_sandbox(STATE)
    first_day = datetime.now(UTC).date() - timedelta(days=9)
    write_settings(_PROJECT, first_day)
    subprocess.run(["sh", str(_PROJECT / "deploy/write-secrets.sh")], check=True)
    try:
        Scenario(ComposeStack(_PROJECT), first_day).run()
    finally:
        remove_containers()
        remove_control_groups()
        shutil.rmtree(_PROJECT)


if __name__ == "__main__":
    test_containers()
