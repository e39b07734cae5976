"""Measures how readable the code is: `python -m crypto_assets_tests.project.legibility [CHECKOUT]`.

Prints a Markdown table. With a path it measures another checkout, for a comparison. Names are those
of functions, methods and classes, nested and private ones included, without `__dunder__` names; a
word ends at an underscore or before a capital letter.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from crypto_assets_tests.project.repository import ROOT

PACKAGES = ("crypto_assets", "streamlit_app")
LAYERED = ("crypto_assets.pipeline", "crypto_assets.warehouse")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Source:
    module: str
    tree: ast.Module
    lines: int


def read_sources(root: Path, package: str) -> list[Source]:
    """Parse every module of a package."""
    sources = []
    for path in sorted((root / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        dotted = ".".join(path.relative_to(root).with_suffix("").parts)
        sources.append(
            Source(dotted.removesuffix(".__init__"), ast.parse(text), len(text.splitlines()))
        )
    return sources


def split_words(name: str) -> list[str]:
    return _WORD.findall(name)


def share_of_one_word_names(sources: Iterable[Source]) -> float:
    names = [node.name for source in sources for node in _definitions(source.tree)]
    return sum(len(split_words(name)) == 1 for name in names) / len(names)


def names_with_several_meanings(sources: Iterable[Source]) -> dict[str, list[str]]:
    """Map each public class or function name to its modules, where it is defined in several.

    Migrations do not count: each one must have a function that Alembic calls by its name.
    """
    places = defaultdict(list)
    for source in sources:
        if ".migrations." in source.module:
            continue
        for node in source.tree.body:
            if _is_definition(node) and not node.name.startswith("_"):
                places[node.name].append(source.module)
    return {name: modules for name, modules in places.items() if len(modules) > 1}


def median_function_length(sources: Iterable[Source]) -> float:
    """Lines from `def` to the end of the body."""
    return median(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in sources
        for node in _definitions(source.tree)
        if not isinstance(node, ast.ClassDef)
    )


def import_arrows(sources: Iterable[Source], package: str) -> set[tuple[str, str]]:
    """Pairs of direct children of a package, of which the first imports the second."""
    own = [source for source in sources if source.module.startswith(f"{package}.")]
    child = {source.module: source.module[len(package) + 1 :].split(".")[0] for source in own}
    return {
        (child[module], child[imported])
        for module, targets in import_graph(own).items()
        for imported in targets
        if child[module] != child[imported]
    }


def longest_import_chain(graph: Mapping[str, set[str]]) -> int:
    """Modules on the longest path of imports; raises RecursionError where there is a cycle."""

    @cache
    def depth(module: str) -> int:
        return 1 + max((depth(imported) for imported in graph[module]), default=0)

    return max(depth(module) for module in graph)


def import_graph(sources: Iterable[Source]) -> dict[str, set[str]]:
    """Map each module to those that it imports at its top level, of the same sources."""
    trees = {source.module: source.tree for source in sources}
    return {
        module: {name for name in _imports(tree, trees) if name != module}
        for module, tree in trees.items()
    }


def measure(root: Path) -> dict[str, str]:
    """The rows of the table: what is measured, and its value."""
    per_package = {package: read_sources(root, package) for package in PACKAGES}
    every = [source for sources in per_package.values() for source in sources]
    rows = {
        f"one-word names, `{package}`": f"{share_of_one_word_names(sources):.0%}"
        for package, sources in per_package.items()
    }
    rows["public names with several meanings"] = str(len(names_with_several_meanings(every)))
    rows["median function, lines"] = f"{median_function_length(every):g}"
    for package in LAYERED:
        rows[f"import arrows inside `{package}`"] = str(len(import_arrows(every, package)))
    rows["longest import chain, modules"] = str(longest_import_chain(import_graph(every)))
    rows |= {
        f"lines, `{package}`": f"{sum(source.lines for source in sources):,}"
        for package, sources in per_package.items()
    }
    return rows


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    print("| measure | value |\n|---|---|")  # noqa: T201
    for what, value in measure(root).items():
        print(f"| {what} | {value} |")  # noqa: T201


def _is_definition(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _definitions(tree: ast.Module) -> Iterator[Definition]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not (
            node.name.startswith("__") and node.name.endswith("__")
        ):
            yield node


def _imports(tree: ast.Module, modules: Container[str]) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            children = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [child if child in modules else node.module for child in children]
        else:
            continue
        yield from (name for name in names if name in modules)


if __name__ == "__main__":
    main()
