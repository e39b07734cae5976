"""What an index and pip read: name, version, requirements, classifiers, the long description."""

import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from markdown_it import MarkdownIt
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from crypto_assets_tests.project.repository import text


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads(text("pyproject.toml"))["project"]
    return loaded


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Metadata:
    """The wheel's metadata; packaging raises an error if a field is invalid."""
    with ZipFile(wheel) as archive:
        (path,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(path), validate=True)


def test_the_metadata_is_that_of_the_project(metadata: Metadata, project: dict[str, Any]) -> None:
    assert metadata.name == project["name"]
    assert str(metadata.version) == project["version"]
    assert str(metadata.requires_python) == project["requires-python"]
    assert metadata.summary == project["description"]
    assert metadata.keywords == project["keywords"]
    extras = project["optional-dependencies"]
    assert metadata.provides_extra == list(extras)
    optional = [f'{one}; extra == "{name}"' for name, needed in extras.items() for one in needed]
    required = {str(Requirement(one)) for one in [*project["dependencies"], *optional]}
    assert {str(one) for one in metadata.requires_dist or []} == required


def test_the_wheel_has_the_license_and_the_notice(metadata: Metadata, wheel: Path) -> None:
    assert metadata.license_expression == "MIT"
    assert metadata.license_files == ["LICENSE", "NOTICE"]
    with ZipFile(wheel) as archive:
        for name in metadata.license_files:
            (path,) = (one for one in archive.namelist() if one.endswith(f"licenses/{name}"))
            assert archive.read(path).decode() == text(name)


def test_the_classifiers_state_types_and_supported_versions(metadata: Metadata) -> None:
    """The build refuses a classifier that does not exist."""
    classifiers = metadata.classifiers or []
    assert "Typing :: Typed" in classifiers
    prefix = "Programming Language :: Python :: 3."
    minors = sorted(int(one.removeprefix(prefix)) for one in classifiers if one.startswith(prefix))
    assert minors == list(range(11, minors[-1] + 1)), "from requires-python, without a hole"


def list_targets(markdown: str) -> list[str]:
    """List the addresses of the links and images of a text."""
    tokens = [
        inner
        for token in MarkdownIt("commonmark").parse(markdown)
        for inner in token.children or []
    ]
    return [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in tokens
        if token.type in ("link_open", "image")
    ]


def test_the_long_description_is_the_readme_without_files_of_the_repository(
    metadata: Metadata,
) -> None:
    description, readme = metadata.description or "", text("README.md")
    assert metadata.description_content_type == "text/markdown"
    assert [line for line in description.splitlines() if line.startswith("#")] == [
        line for line in readme.splitlines() if line.startswith("#")
    ]
    relative = [one for one in list_targets(readme) if not one.startswith("http")]
    assert relative, "the README links to pages and images"
    assert list_targets(description) == [one for one in list_targets(readme) if one not in relative]
    assert ":\n\n#" not in description, "a sentence that announced an image"
