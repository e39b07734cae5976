"""The table of faults in docs/truth.md, generated from the faults that are tested.

.venv/bin/python -m crypto_assets_tests.pipeline.fault_table
"""

from crypto_assets_tests.pipeline.faults import FAULTS, Fault
from crypto_assets_tests.project.repository import ROOT

PAGE = ROOT / "docs" / "truth.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"


def table() -> str:
    """The faults as a Markdown table."""
    head = [("fault", "during", "handling", "result of the run"), ("---",) * 4]
    rows = [*head, *(_row(fault) for fault in FAULTS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page() -> str:
    """The page with its current text and the generated table."""
    before, rest = PAGE.read_text().split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


def _row(fault: Fault) -> tuple[str, ...]:
    return fault.name, fault.during.value, fault.handled, fault.end.value


if __name__ == "__main__":
    PAGE.write_text(page())
