"""Dagster's home: the project's files are updated, the user's files stay."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import dagster as dg
import pytest

from crypto_assets.dagster_ext import instance_home as homes
from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home, require_usable_home
from crypto_assets.dagster_ext.run_coordinator import RunClassCoordinator
from crypto_assets.dagster_ext.storage import MySQLStorage
from crypto_assets.defs import storage as earlier_storage
from crypto_assets.errors import WrongUse
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.programs import run_program

SHIPPED = (ROOT / "dagster.yaml").read_text()
IN_IMAGE = (ROOT / "deploy" / "dagster.yaml").read_text()
FOR_WORKERS = (ROOT / "deploy/celery/dagster.yaml").read_text()
# The file of an image without MySQLStorage.
IN_EARLIER_IMAGE = Path(__file__).with_name("earlier_dagster_yaml.txt").read_text()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a home with spaces" / "dagster"


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file of a later version of this program."""
    later = tmp_path / "later.yaml"
    later.write_text(SHIPPED.replace("max_retries: 2", "max_retries: 3"))
    monkeypatch.setattr(homes, "_EMBEDDED_CONFIG", str(later))
    return later.read_text()


def test_a_new_home_has_the_projects_settings(home: Path) -> None:
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").read_text().endswith(SHIPPED)
    with open_instance(home) as instance:
        assert instance.run_retries_max_retries == 2
    before = (home / "dagster.yaml").stat()
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").stat().st_mtime_ns == before.st_mtime_ns


def test_an_unchanged_file_is_updated(home: Path, request: pytest.FixtureRequest) -> None:
    prepare_home(home)
    later = request.getfixturevalue("next_version")
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").read_text().endswith(later)
    assert sorted(path.name for path in home.iterdir()) == ["dagster.yaml"]


def test_a_changed_file_stays_and_is_reported_once_per_version(
    home: Path, request: pytest.FixtureRequest
) -> None:
    prepare_home(home)
    own = (home / "dagster.yaml").read_text() + "# mine\n"
    (home / "dagster.yaml").write_text(own)
    notice = prepare_home(home)
    assert notice and str(home / "dagster.yaml") in notice and "dagster.yaml.new" in notice
    assert prepare_home(home) is None
    later = request.getfixturevalue("next_version")
    assert prepare_home(home), "reported again for another version"
    assert (home / "dagster.yaml.new").read_text() == later
    assert (home / "dagster.yaml").read_text() == own


def test_following_the_advice_installs_this_versions_file(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert prepare_home(home)
    (home / "dagster.yaml").unlink()
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").read_text().endswith(SHIPPED)
    assert not (home / "dagster.yaml.new").exists()


@pytest.mark.parametrize(
    "shipped", ["dagster.yaml", "deploy/dagster.yaml", "deploy/celery/dagster.yaml"]
)
def test_a_file_copied_by_the_image_is_updated_without_a_notice(shipped: str, home: Path) -> None:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_bytes((ROOT / shipped).read_bytes())
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").read_text().endswith((ROOT / shipped).read_text())
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongUse, match="cannot write Dagster's home"):
        prepare_home(tmp_path / "file" / "dagster")


@pytest.mark.parametrize(
    ("own", "version"),
    [
        (f"{SHIPPED}# mine\n", "dagster.yaml"),
        (f"{IN_IMAGE}# mine\n", "deploy/dagster.yaml"),
        (IN_EARLIER_IMAGE, "deploy/dagster.yaml"),
        (f"{FOR_WORKERS}# mine\n", "deploy/celery/dagster.yaml"),
    ],
)
def test_a_home_that_cannot_be_written_needs_no_write(
    own: str, version: str, home: Path, tmp_path: Path
) -> None:
    """Such as a ConfigMap of Kubernetes; one line names the file of this version."""
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(own)
    # A read-only mount, which also stops root.
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" -c "$3" "$1"'
    program = (
        "import sys; from pathlib import Path; "
        "from crypto_assets.dagster_ext.instance_home import prepare_home, require_usable_home; "
        "home = Path(sys.argv[1]); require_usable_home(home); print(prepare_home(home))"
    )
    shell = ["sh", "-c", script, "sh", str(home), sys.executable, program]
    ran = run_program(["unshare", "--mount", "--map-root-user", *shell], cwd=tmp_path)
    (notice,) = ran.stdout.splitlines()
    assert "Read-only file system" in notice
    assert notice.endswith(str(ROOT / version))
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


def test_another_database_gets_no_file_of_the_project(home: Path) -> None:
    """None of the project's versions fits; `deploy/dagster.yaml` would switch it to MySQL."""
    home.mkdir(parents=True)
    postgres = "storage: {postgres: {postgres_url: 'postgresql://dagster@db/dagster'}}\n"
    (home / "dagster.yaml").write_text(postgres)
    require_usable_home(home)
    assert prepare_home(home) is None
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


@pytest.mark.parametrize("shipped", [SHIPPED, IN_IMAGE, FOR_WORKERS])
def test_the_digest_of_every_shipped_file_is_listed(shipped: str) -> None:
    """If this fails, add the digest of the changed file to `_SHIPPED_DIGESTS`."""
    assert homes._short_digest(shipped) in homes._SHIPPED_DIGESTS


@pytest.mark.parametrize("shipped", [SHIPPED, IN_IMAGE])
def test_a_home_of_a_version_without_a_launcher_gets_it(home: Path, shipped: str) -> None:
    """As an image copied it, without the header that `init` writes."""
    launcher = r"\n# Dagster's own launcher.*?\n(?=\n)"
    threads = r"\n# A schedule or sensor that waits.*?(?=\n# )"
    earlier = re.sub(f"{launcher}|{threads}", "", shipped, flags=re.DOTALL)
    assert "run_launcher" not in earlier
    assert homes._short_digest(earlier) in homes._SHIPPED_DIGESTS
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(earlier)
    assert prepare_home(home) is None
    assert "class: RestartTolerantLauncher" in (home / "dagster.yaml").read_text()


def test_the_file_of_an_earlier_image_is_updated_and_keeps_the_database(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(IN_EARLIER_IMAGE)
    (home / "dagster.yaml.new").write_text(SHIPPED)
    for _ in range(2):
        assert prepare_home(home) is None
        assert (home / "dagster.yaml").read_text().endswith(IN_IMAGE)
        assert [path.name for path in home.iterdir()] == ["dagster.yaml"]
        require_usable_home(home)


@pytest.mark.parametrize("before", [IN_IMAGE, IN_EARLIER_IMAGE])
def test_a_changed_file_with_a_database_server_gets_the_servers_new_file(
    before: str, home: Path
) -> None:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(f"{before}# mine\n")
    notice = prepare_home(home)
    assert notice and "replace dagster.yaml with it" in notice and "delete" not in notice
    assert (home / "dagster.yaml.new").read_text() == IN_IMAGE
    assert prepare_home(home) is None
    (home / "dagster.yaml.new").replace(home / "dagster.yaml")
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").read_text() == IN_IMAGE


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"storage:\n  mysql: [", "not valid YAML at line 2"),
        (b"\0", "not valid YAML"),
        (b"\xff", "not encoded in UTF-8"),
        (b"- hush\n", "not a mapping of settings"),
        (b"hush", "not a mapping of settings"),
        (b"storage: 3\n", "not a mapping of settings"),
        (b"no_such_setting: 1\n", "no_such_setting"),
        (b"storage: {}\n", "Expected one of"),
    ],
)
def test_the_error_of_an_unreadable_file_contains_its_path(
    content: bytes, complaint: str, home: Path
) -> None:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_bytes(content)
    for use in (require_usable_home, prepare_home):
        with pytest.raises(WrongUse, match=complaint) as error:
            use(home)
        message = str(error.value)
        assert str(home / "dagster.yaml") in message and "correct the file" in message
        assert "hush" not in message and "\n" not in message and len(message) < 500
    assert (home / "dagster.yaml").read_bytes() == content


def test_a_folder_without_a_file_causes_no_warning(tmp_path: Path) -> None:
    """For example, a new home whose folder another command has created."""
    look = (
        "import sys; from pathlib import Path; from crypto_assets.dagster_ext.instance_home import"
        " require_usable_home; require_usable_home(Path(sys.argv[1]))"
    )
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
    ran = run_program([sys.executable, "-c", look, str(tmp_path)], env=environment)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_a_changed_file_that_names_the_modules_of_an_earlier_version_works(home: Path) -> None:
    home.mkdir(parents=True)
    module = "crypto_assets.dagster_ext.run_coordinator\n  class: RunClassCoordinator"
    earlier = SHIPPED.replace(module, "crypto_assets.defs.queue\n  class: LanedRunCoordinator")
    assert earlier != SHIPPED
    (home / "dagster.yaml").write_text(f"{earlier}# mine\n")
    prepare_home(home)
    with open_instance(home) as instance:
        assert isinstance(instance.run_coordinator, RunClassCoordinator)
    assert earlier_storage.MySQLStorage is MySQLStorage


def test_an_unchanged_file_with_the_header_of_an_earlier_version_is_updated(home: Path) -> None:
    home.mkdir(parents=True)
    earlier = SHIPPED.replace("max_concurrent_runs", "# earlier\n    max_concurrent_runs")
    assert earlier != SHIPPED
    header = "# Written by `crypto-assets init`, in other words than those of today: "
    (home / "dagster.yaml").write_text(f"{header}{homes._short_digest(earlier)}\n{earlier}")
    assert prepare_home(home) is None
    assert (home / "dagster.yaml").read_text().endswith(SHIPPED)
    (home / "dagster.yaml").write_text(f"{header}{homes._short_digest(SHIPPED)}\n{earlier}")
    notice = prepare_home(home)
    assert notice and "dagster.yaml.new" in notice


def test_dagster_may_be_installed_below_a_path_with_a_percent_sign(
    home: Path, tmp_path: Path
) -> None:
    """As in a clone in such a folder, which contains `.venv`."""
    packages = tmp_path / "7% packages"
    packages.mkdir()
    copytree(Path(dg.__file__).parent, packages / "dagster")
    code = (
        "import sys; from pathlib import Path\n"
        "from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home\n"
        "prepare_home(Path(sys.argv[1]))\n"
        "with open_instance(Path(sys.argv[1])) as instance: print(instance.get_runs_count())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("0\n", 0), ran.stderr
