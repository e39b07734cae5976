"""The table of faults in the docs is current."""

from crypto_assets_tests.pipeline.fault_table import PAGE, page
from crypto_assets_tests.pipeline.faults import FAULTS


def test_the_page_has_the_generated_table() -> None:
    hint = "write it again: .venv/bin/python -m crypto_assets_tests.pipeline.fault_table"
    assert PAGE.read_text() == page(), hint


def test_fault_names_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 25
