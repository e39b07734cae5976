"""Public names have one meaning each, and most names are more than one word."""

import ast

import pytest

from crypto_assets_tests.project.legibility import (
    LAYERED,
    PACKAGES,
    Source,
    import_arrows,
    import_graph,
    longest_import_chain,
    names_with_several_meanings,
    read_sources,
    share_of_one_word_names,
    split_words,
)
from crypto_assets_tests.project.repository import ROOT

ONE_WORD_LIMITS = {"crypto_assets": 0.35, "streamlit_app": 0.5}
MAX_ARROWS = 25


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return [source for package in PACKAGES for source in read_sources(ROOT, package)]


def parse_module(module: str, text: str) -> Source:
    return Source(module, ast.parse(text), len(text.splitlines()))


def test_every_public_name_is_defined_in_one_module(sources: list[Source]) -> None:
    assert names_with_several_meanings(sources) == {}


@pytest.mark.parametrize(("package", "limit"), ONE_WORD_LIMITS.items())
def test_most_names_are_more_than_one_word(package: str, limit: float) -> None:
    assert share_of_one_word_names(read_sources(ROOT, package)) <= limit


@pytest.mark.parametrize("package", LAYERED)
def test_the_packages_inside_a_layer_depend_on_few_others(
    package: str, sources: list[Source]
) -> None:
    assert 0 < len(import_arrows(sources, package)) <= MAX_ARROWS


def test_a_name_that_two_modules_define_is_found() -> None:
    twice = [parse_module("a", "def load_rows(): ..."), parse_module("b", "class load_rows: ...")]
    private = [parse_module("a", "def _load(): ..."), parse_module("b", "def _load(): ...")]
    assert names_with_several_meanings(twice + private) == {"load_rows": ["a", "b"]}


@pytest.mark.parametrize(
    ("name", "words"),
    [("load", 1), ("_load", 1), ("load_rows", 2), ("Warehouse", 1), ("MySQLStorage", 3)],
)
def test_words_of_a_name_are_counted(name: str, words: int) -> None:
    assert len(split_words(name)) == words


def test_the_longest_chain_of_imports_is_counted() -> None:
    chain = [
        parse_module("p.a", "from p.b import x"),
        parse_module("p.b", "from p import c"),
        parse_module("p.c", ""),
    ]
    assert import_graph(chain) == {"p.a": {"p.b"}, "p.b": {"p.c"}, "p.c": set()}
    assert longest_import_chain(import_graph(chain)) == 3
