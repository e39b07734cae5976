"""Build hook of the wheel: adds single files outside the package to `project_files/`.

The names are in `pyproject.toml`. An editable installation uses the files of the clone instead, so
it gets no copies.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_TARGET = "crypto_assets/project_files"


class WheelFilesHook(BuildHookInterface[Any]):
    """Maps each of the hook's `files` to its place in the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a standard wheel, not to an editable one."""
        if version == "standard":
            build_data["force_include"].update(
                {name: f"{_TARGET}/{name}" for name in self.config["files"]}
            )
