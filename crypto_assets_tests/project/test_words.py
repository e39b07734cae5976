"""Words that the glossary has replaced do not come back.

Words are searched in prose and within identifiers: `mend_gaps` and `MendGaps` contain "mend". Names
that users, files or databases depend on stay, and are listed in `CONTRACT`.
"""

import re

import pytest

from crypto_assets_tests.project.repository import files, name

# Each old word with what to write instead; docs/glossary.md explains the terms.
REPLACED = {
    "anew": "again",
    "errand errands": "ingest mode",
    "mend mends mended mending": "repair, fix",
    "leftover leftovers": "orphaned objects, what an interrupted run left",
    "whence": "source, from where",
    "tenancy tenant": "lock",
    "steer steers steered steering": "control, admin",
    "outdone": "superseded",
    "contested": "conflicting",
    "tidy tidies tidied tidying": "compact",
    "lane lanes": "run class",
    "stretch stretches": "range, window",
    "retire retires retired retiring retirement": "expire (data), untrack (symbol)",
    "verdict verdicts": "result",
    "bring brings brought bringing": "ingest, load, fetch",
    "told tells hears": "report, notify",
    "stands stood": "is, status",
    "house room rooms door doors floors": "project, package, client, endpoint, layer",
    "patience": "retry policy, timeout",
    "station stations": "stage",
    "storm storms": "repeated alerts",
    "silence silences": "stale",
    "held": "stored",
    "yardstick yardsticks": "reference",
    "whoever nobody": "the subject by name",
    "cure cures": "fix",
    "judge judges judged": "evaluate",
    "sweep sweeps swept": "compact",
    "stranger strangers": "a newcomer, another program",
}
PHRASES = {
    r"\bfor ever\b": "permanently",
    r"\bset aside\b": "quarantined",
    r"\bat one with\b": "consistent with",
    r"\banswers? with\b": "returns",
    r"\ba (row|key|line|file|run|tile) an? \w+": "one per ...",
}
# Names that are a contract: asset, job, check and tag names, JSON fields, routes, columns.
CONTRACT = frozenset(
    [
        # pipeline: ingestion, stages, gaps
        # pipeline: reconciliation, recovery, retention, alerting, control
        # warehouse: engine, catalog, quality, retention, stats
        # warehouse: klines; market
        # exchange, lake
        # app
        "stretch",  # a value of CSS and of Streamlit's width and height
        *("getStretchFactor", "setStretchFactor"),  # methods of Lightweight Charts
        *("retire_", "retire_BTCUSDT", "retire_SHIBUSDT"),  # keys of buttons
        "retired",  # a value in the change log
        # Dagster, orchestrator, commands, settings
        "bring_klines",
        "errand",
        "leftovers",
        "load_leftover_books",
        "load_leftovers",
        "mend_gaps",
        "mending",
        # reports, API, analytics
        '"held"',  # a JSON field, in quotes alone
        "retire_symbol",  # an operation id
        "Lane",  # a person
        # docs
    ]
)
EXEMPT = {"crypto_assets_tests/project/test_words.py", "CHANGELOG.md"}
SUFFIXES = {".py", ".md", ".js", ".css", ".toml", ".yaml", ".yml", ".sh"}

_OLD = {word: instead for words, instead in REPLACED.items() for word in words.split()}
_TOKEN = re.compile(r'"[A-Za-z][\w-]*"|[A-Za-z][\w-]*')
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def find_old_words(content: str) -> list[str]:
    """List old words and phrases as `line: word -> what to write`."""
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        for token in _TOKEN.findall(line):
            if token in CONTRACT or token.strip('"') in CONTRACT:
                continue
            found += [
                f"{number}: {token} -> {_OLD[word.lower()]}"
                for word in _WORD.findall(token)
                if word.lower() in _OLD
            ]
        found += [
            f"{number}: {match.group()} -> {instead}"
            for pattern, instead in PHRASES.items()
            for match in re.finditer(pattern, line)
        ]
    return found


def test_no_file_uses_a_word_that_the_glossary_has_replaced() -> None:
    found = [
        f"{name(path)}:{hit}"
        for path in files()
        if path.suffix in SUFFIXES and name(path) not in EXEMPT
        for hit in find_old_words(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("computed anew", 1),
        ("def mend_rows(): ...", 1),
        ("class LeftoverObjects: ...", 1),
        ("kept for ever", 1),
        ("Retry the request; the days are stored again.", 0),
    ],
)
def test_the_search_finds_what_it_must(content: str, count: int) -> None:
    assert len(find_old_words(content)) == count
