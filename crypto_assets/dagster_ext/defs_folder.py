"""Loads a folder of definitions, as `dg.load_from_defs_folder` does, but in less time.

That function also imports every installed package with components, for the documentation of their
attributes in the UI. Each process that loads the definitions, so each run, would need 0.4 seconds
of processor time more. It also needs a `pyproject.toml` beside the package, which an installed
wheel does not have.
"""

import warnings
from pathlib import Path
from types import ModuleType

import dagster as dg


def load_defs_folder(package: ModuleType) -> dg.Definitions:
    """Load what the modules and YAML files of a package define."""
    [folder] = map(Path, package.__path__)
    tree = dg.ComponentTree.from_module(package, project_root=folder.parent.parent)
    with warnings.catch_warnings():
        # Dagster warns about preview and beta features that it uses itself to load a folder.
        for category in (dg.PreviewWarning, dg.BetaWarning):
            warnings.simplefilter("ignore", category)
        found = tree.build_defs(folder)
    return dg.Definitions.merge(found, dg.Definitions(component_tree=tree))
