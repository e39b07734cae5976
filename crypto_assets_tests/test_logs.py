"""JSON lines: what a line has, and that warnings and uncaught errors are lines too."""

import logging
import subprocess
import sys
from typing import Any

import orjson
import pytest

from crypto_assets.logs import JsonLinesFormatter, bind_log_fields, find_error_text

_PASSWORD = "hush-hush"
_PROGRAM = """
import logging, threading, warnings
from crypto_assets.logs import configure_json_logs
configure_json_logs("app")
logging.getLogger("crypto_assets.some").info("two\\nlines")
warnings.warn("old")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise KeyError("missing")
"""


def format_line(message: str, *arguments: object) -> dict[str, Any]:
    record = logging.LogRecord("some", logging.INFO, "file", 1, message, arguments, None)
    line: dict[str, Any] = orjson.loads(JsonLinesFormatter("app").format(record))
    return line


def test_a_line_has_the_fields_of_its_process_and_no_login() -> None:
    with bind_log_fields(run_id="r1", job="ingest"):
        line = format_line("first\nfailed: https://anna:%s@host.example/x", _PASSWORD)
    assert line["message"] == "first\nfailed: https://host.example/x"
    assert (line["process"], line["run_id"], line["job"]) == ("app", "r1", "ingest")
    assert "run_id" not in format_line("later")


def test_a_long_message_is_not_cut() -> None:
    lines = "\n".join(["a" * 80] * 1000)
    assert format_line(lines)["message"] == lines


def test_the_name_of_a_file_that_is_not_utf_8_is_shown_with_question_marks() -> None:
    assert format_line("skipped %s", "caf\udce9.json")["message"] == "skipped caf?.json"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("ValueError: no port", "ValueError: no port"),
        ("Shutting down", None),
        ('{"level":"INFO","logger":"uvicorn.error","message":"Shutting down"}', None),
        ('{"level":"ERROR","logger":"some","message":"no port"}', "no port"),
        (
            '{"level":"CRITICAL","message":"uncaught","traceback":"at x\\nKeyError: 1"}',
            "KeyError: 1",
        ),
        ("7", None),
    ],
)
def test_the_text_of_an_error_is_found_in_both_formats(line: str, text: str | None) -> None:
    assert find_error_text(line) == text


@pytest.mark.slow
def test_warnings_and_uncaught_errors_are_lines() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=120
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    lines = [orjson.loads(line) for line in ran.stderr.splitlines()]
    assert [(line["level"], line["logger"]) for line in lines] == [
        ("INFO", "crypto_assets.some"),
        ("WARNING", "py.warnings"),
        ("CRITICAL", "crypto_assets.logs"),
        ("CRITICAL", "crypto_assets.logs"),
    ]
    assert lines[0]["message"] == "two\nlines"
    assert lines[2]["traceback"].endswith("ZeroDivisionError: division by zero")
    assert lines[3]["traceback"].endswith("KeyError: 'missing'")
