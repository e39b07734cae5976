"""Virtual environments with the wheel, in which commands run without this repository."""

import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.cli.conftest import Ran
from crypto_assets_tests.services.lifetime import with_parent

COMMAND_SECONDS = 240
READY_SECONDS = 400


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel, and with the packages that it requires.

    Commands get no environment variables except those that a test passes.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path, wheel: Path) -> "Installation":
        """Install the wheel; its dependencies are those of the running interpreter."""
        venv.create(folder, symlinks=True)
        installation = cls(folder)
        # The path alone: the `.pth` file there, which would add this repository, is not read.
        (installation.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        pip = [sys.executable, "-m", "pip", "--python", str(installation.python), "install"]
        options = ["--quiet", "--no-deps", "--no-index", "--ignore-installed"]
        subprocess.run([*pip, *options, str(wheel)], check=True)
        return installation

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    @property
    def project_files(self) -> Path:
        return self.packages / "crypto_assets" / "project_files"

    def run(self, *words: str, folder: Path, **environment: str) -> Ran:
        """Run `crypto-assets WORDS` in a folder."""
        return self._finish(
            [str(self.folder / "bin" / "crypto-assets"), *words], folder, environment
        )

    def run_python(self, code: str, folder: Path, **environment: str) -> Ran:
        return self._finish([str(self.python), "-c", code], folder, environment)

    @contextmanager
    def serve(self, *words: str, folder: Path, **environment: str) -> Iterator[Path]:
        """Run `crypto-assets WORDS` within the `with` block; yield its output once it serves."""
        output = folder.with_name(f"{folder.name}-{words[0]}.log")
        with output.open("wb") as log:
            process = subprocess.Popen(
                [*with_parent(), str(self.folder / "bin" / "crypto-assets"), *words],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + READY_SECONDS
            while "Ctrl-C stops everything." not in output.read_text():
                assert process.poll() is None, output.read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.2)
            yield output
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        assert code == 0, output.read_text()

    def _finish(self, command: list[str], folder: Path, environment: dict[str, str]) -> Ran:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


def choose_ports() -> tuple[tuple[str, ...], tuple[str, str, str]]:
    """Return options of `up` with free ports, and the addresses of Dagster, the app and the API."""
    ports = [require_free_port(0) for _ in range(3)]
    names = ("--dagster-port", "--app-port", "--api-port")
    options = tuple(
        word for name, port in zip(names, ports, strict=True) for word in (name, str(port))
    )
    dagster, app, api = (f"http://127.0.0.1:{port}" for port in ports)
    return options, (dagster, app, api)
