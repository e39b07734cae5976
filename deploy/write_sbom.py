"""Prints the bill of materials (CycloneDX, JSON) of the packages in a lock file, or of an image.

The packages are those of `requirements.lock`, or of `--lock`. `--debian` adds those of an image's
system, from a file with a line for each: source package, package, version and architecture.

The same files give the same bytes. Packages are named by package URL instead of an address, because
their files can come from any index. Their hashes are those of the lock.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parent.parent
_SCHEMA = SchemaVersion.V1_6
_ROOT_REFERENCE = "root-component"


def read_components(lock: str) -> dict[str, Any]:
    """Return the bill that the generator makes of a lock file and `pyproject.toml`."""
    generator = [sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements"]
    options = ["--pyproject", str(_ROOT / "pyproject.toml"), "--output-reproducible"]
    # The final text is validated instead.
    options += ["--no-validate", "--spec-version", _SCHEMA.to_version()]
    done = subprocess.run(  # noqa: S603 - our own arguments  # nosec B603
        [*generator, *options, str(_ROOT / lock)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def name_by_package_url(bill: dict[str, Any]) -> None:
    """Replace line numbers and addresses of an index by package URLs."""
    for component in bill["components"]:
        component["bom-ref"] = component["purl"]
        del component["description"]
        for reference in component["externalReferences"]:
            reference["url"] = component["purl"]
            del reference["comment"]
    for tool in bill["metadata"]["tools"]["components"]:
        del tool["externalReferences"]


def add_direct_dependencies(bill: dict[str, Any]) -> None:
    """Record what the project itself requires; the lock has no further dependencies."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    direct = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    locked = [(canonicalize_name(one["name"]), one["purl"]) for one in bill["components"]]
    required = sorted(purl for name, purl in locked if name in direct)
    root = bill["metadata"]["component"]
    root["purl"] = f"pkg:pypi/{project['name']}@{project['version']}"
    bill["dependencies"] = [{"ref": _ROOT_REFERENCE, "dependsOn": required}]


def add_debian_packages(bill: dict[str, Any], listing: Path) -> None:
    """Add the packages of the image's system."""
    for line in sorted(listing.read_text().splitlines()):
        source, name, version, architecture = line.split()
        url = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
        upstream = "" if source == name else f"&upstream={quote(source)}"
        bill["components"].append(
            {
                "type": "library",
                "name": name,
                "version": version,
                "purl": url + upstream,
                "bom-ref": url + upstream,
            }
        )


def main() -> None:
    """Print the bill. Exits with an error if it does not match CycloneDX's schema."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", default="requirements.lock")
    parser.add_argument("--debian", type=Path)
    arguments = parser.parse_args()
    bill = read_components(arguments.lock)
    name_by_package_url(bill)
    add_direct_dependencies(bill)
    if arguments.debian:
        add_debian_packages(bill, arguments.debian)
    text = json.dumps(bill, indent=2, sort_keys=True)
    if error := JsonStrictValidator(_SCHEMA).validate_str(text):
        sys.exit(f"the bill of materials is invalid: {error}")
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
