"""Run Schemathesis on a running API, in its own process, with a fixed seed and few examples."""

import subprocess
import sys
from pathlib import Path

from crypto_assets_tests.api.serving import TOKEN, Api

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
# Sends wrong tokens. After some of them the API refuses all, unless right ones come between.
_TOKEN_CHECK = "ignored_auth"


def check_contract(api: Api, folder: Path, *selection: str, token: str | None = TOKEN) -> str:
    """Run Schemathesis with a token or without, and return its report; fail with it on an error.

    Tests every parameter at and beyond its bounds (`coverage`), then at random (`fuzzing`).
    """
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{api.url}/openapi.json"),
        *("--checks", ",".join((*_CHECKS, _TOKEN_CHECK) if token else _CHECKS)),
        *(("--header", f"Authorization: Bearer {token}") if token else ()),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "2", "--seed", "1"),
        *("--continue-on-failure", "--generation-database", "none", "--no-color"),
        *selection,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout
