"""Copies of this project, in which tests add and remove definitions with the command `dg`."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crypto_assets.installation import PROJECT_ROOT
from crypto_assets_tests.cli.conftest import Desk, Ran, desk_at
from crypto_assets_tests.project.repository import copy_folder

COMPONENT = "crypto_assets.components.ExchangeCandles"
DG = str(Path(sys.executable).with_name("dg"))


@dataclass(frozen=True)
class ProjectCopy:
    """A copy of the package and its configuration; programs in it import the copy."""

    folder: Path
    desk: Desk

    @classmethod
    def make(cls, folder: Path, exchange_url: str, **settings: str) -> "ProjectCopy":
        copy_folder(PROJECT_ROOT / "crypto_assets", folder / "crypto_assets")
        for name in ("pyproject.toml", "dagster.yaml", "workspace.yaml"):
            shutil.copy(PROJECT_ROOT / name, folder / name)
        desk = desk_at(folder / "home", exchange_url, **settings)
        desk.environment["PYTHONPATH"] = f"{folder}:{PROJECT_ROOT}"  # type: ignore[index]
        desk.environment["NO_COLOR"] = "1"  # type: ignore[index]
        return cls(folder, desk)

    @property
    def defs(self) -> Path:
        return self.folder / "crypto_assets" / "defs"

    def dg(self, *words: str, **environment: str) -> Ran:
        """Run `dg WORDS` in the copy."""
        return self._run([DG, *words], environment)

    def scaffold_market(self, name: str, exchange: str, symbols: str = "BTCUSDT") -> Path:
        """Add a market, and return its YAML file."""
        ran = self.dg(
            "scaffold", "defs", COMPONENT, name,
            "--exchange", exchange, "--archive", exchange, "--symbols", symbols,
        )  # fmt: skip
        assert ran.code == 0, ran.out + ran.err
        return self.defs / name / "defs.yaml"

    def command(self, *words: str, **environment: str) -> Ran:
        """Run `crypto-assets WORDS` of the copy."""
        return self._run([sys.executable, "-m", "crypto_assets", *words], environment)

    def python(self, module: str, *words: str, **environment: str) -> Any:
        """Run a module of the tests on the copy, and return the JSON of its last line."""
        ran = self._run([sys.executable, "-m", module, *words], environment)
        assert ran.code == 0, ran.out + ran.err
        return json.loads(ran.out.splitlines()[-1])

    def _run(self, command: list[str], environment: dict[str, str]) -> Ran:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.desk.environment, **environment},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)
