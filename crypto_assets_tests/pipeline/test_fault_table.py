"""The docs' table of faults is the one that is tested."""

from crypto_assets_tests.pipeline.fault_table import PAGE, page
from crypto_assets_tests.pipeline.faults import FAULTS


def test_the_page_is_current() -> None:
    hint = "write it again: .venv/bin/python -m crypto_assets_tests.pipeline.fault_table"
    assert PAGE.read_text() == page(), hint


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 25
