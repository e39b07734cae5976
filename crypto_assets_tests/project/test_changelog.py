"""CHANGELOG.md has the form of Keep a Changelog."""

import re
from datetime import date
from itertools import pairwise

import pytest

from crypto_assets_tests.project.repository import text

# In the order in which a version lists them.
SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_RELEASE = re.compile(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d{2}-\d{2})(?: \[YANKED\])?")


def find_faults(changelog: str) -> list[str]:
    """List what differs from the form, one text per fault."""
    head, *versions = re.split(r"^## ", changelog, flags=re.MULTILINE)
    faults = [] if head.startswith("# Changelog\n") else ["it does not begin with # Changelog"]
    if not versions or not versions[0].startswith("Unreleased\n"):
        faults.append("the first version is not Unreleased")
    releases = []
    for version in versions:
        title, *sections = re.split(r"^### ", version, flags=re.MULTILINE)
        title = title.strip()
        if match := _RELEASE.fullmatch(title):
            *number, day = match.groups()
            releases.append((tuple(map(int, number)), date.fromisoformat(day)))
        elif title != "Unreleased":
            faults.append(f"{title!r} is neither Unreleased nor [1.2.3] - 2025-01-31")
        names = [section.partition("\n")[0] for section in sections]
        if names != [name for name in SECTIONS if name in names]:
            faults.append(f"{title}: {names} are not in the order {SECTIONS}")
        for section in sections:
            faults += find_faults_in_section(section)
    if not all(newer > older for newer, older in pairwise(releases)):
        faults.append("versions are not in descending order")
    return faults


def find_faults_in_section(section: str) -> list[str]:
    name, _, body = section.partition("\n")
    entries = [line for line in body.splitlines() if line.strip()]
    faults = [
        f"{name}: {entry[:40]!r} is not an entry"
        for entry in entries
        if not re.match(r"- \S.*[.:)]$", entry)
    ]
    if not entries:
        faults.append(f"{name} is empty")
    faults += [
        f"{name}: {entry[:40]!r} twice" for entry in set(entries) if entries.count(entry) > 1
    ]
    return faults


def test_the_changelog_has_the_form() -> None:
    assert find_faults(text("CHANGELOG.md")) == []


HEAD = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A.\n"


@pytest.mark.parametrize(
    ("changelog", "count"),
    [
        (HEAD, 0),
        (HEAD + "\n## [0.2.0] - 2026-02-01\n\n### Fixed\n\n- B.\n\n## [0.1.0] - 2026-01-01\n", 0),
        (HEAD + "\n## [0.1.0] - 2026-01-01\n\n## [0.2.0] - 2026-02-01\n", 1),
        (HEAD + "\n## 0.1.0\n", 1),
        (HEAD + "\n### Repaired\n\n- B.\n", 1),
        (HEAD + "\n- A.\n", 1),
        (HEAD + "\nB.\n", 1),
        (HEAD + "\n### Fixed\n", 1),
        ("# Changelog\n", 1),
    ],
)
def test_the_parser_finds_what_it_must(changelog: str, count: int) -> None:
    assert len(find_faults(changelog)) == count
