"""Caddy with the Caddyfile of the one-machine size."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.programs import find_program, run_program

CADDYFILE = "deploy/caddy/Caddyfile"


def check_caddyfile(path: Path, variables: Mapping[str, str]) -> None:
    """Fail unless Caddy accepts the file with these variables and would not format it otherwise."""
    program = find_program("caddy", "caddy")
    arguments = ["--config", path, "--adapter", "caddyfile"]
    environment = {"HOME": variables["XDG_DATA_HOME"], **variables}
    run_program([program, "validate", *arguments], env=environment)
    assert run_program([program, "fmt", path]).stdout == path.read_text()


@contextmanager
def serve_caddy(
    folder: Path, ports: Mapping[str, int], variables: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Caddy; `ports` replace those of the file, by their text in it."""
    content = text(CADDYFILE)
    for theirs, ours in ports.items():
        assert theirs in content, theirs
        content = content.replace(theirs, str(ours))
    folder.mkdir(exist_ok=True)
    configuration = folder / "Caddyfile"
    configuration.write_text(content)
    command = [find_program("caddy", "caddy"), "run", "--config", str(configuration)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    with (folder / "caddy.log").open("wb") as output:
        process = subprocess.Popen(
            [*with_parent(), *command, "--adapter", "caddyfile"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
