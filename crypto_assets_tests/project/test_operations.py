"""docs/operations.md explains every schedule, sensor, job and check."""

import re

import dagster as dg
import pytest

from crypto_assets.definitions import defs
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.pipeline.alerting.stale_symbols import build_stale_symbol_alert
from crypto_assets.pipeline.reconciliation.asset_checks import DayCheck
from crypto_assets.settings import load_market_settings
from crypto_assets.warehouse import StaleSymbol
from crypto_assets_tests.project.repository import text


def test_every_schedule_sensor_and_check_is_explained() -> None:
    repository = defs.get_repository_def()
    names = {
        *(schedule.name for schedule in repository.schedule_defs),
        *(sensor.name for sensor in repository.sensor_defs),
        *(key.name for key in repository.asset_graph.asset_check_keys),
    }
    page = text("docs/operations.md")
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_the_failure_of_every_job_is_explained() -> None:
    page = text("docs/operations.md")
    jobs = {job.name for job in defs.get_repository_def().get_all_jobs()} - {"__ASSET_JOB"}
    assert sorted(name for name in jobs if f"`{name} failed`" not in page) == []


def test_the_alert_of_a_stale_symbol_is_explained() -> None:
    alert = build_stale_symbol_alert(StaleSymbol("X", None), link="")
    assert f"`{alert.subject}`" in text("docs/operations.md")


@pytest.mark.parametrize("section", [*DayCheck, "retention", "dagsters-own-history"])
def test_runbook_links_have_a_section(section: str) -> None:
    assert str(runbook_link(section).value) == f"docs/operations.md#{section}"
    headings = re.findall(r"^#+ (.+)$", text("docs/operations.md"), re.MULTILINE)
    assert section in {_anchor(heading) for heading in headings}


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("https://github.com/me/x/tree/v1", "https://github.com/me/x/blob/v1/docs/operations.md"),
        (
            "https://git.example/g/x/-/tree/main",
            "https://git.example/g/x/-/blob/main/docs/operations.md",
        ),
    ],
)
def test_runbook_links_lead_to_the_repository_of_the_source(
    source: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_market_settings("", source_url=source)
    monkeypatch.setattr("crypto_assets.defs.metadata.get_settings", lambda: settings)
    assert runbook_link("retention") == dg.MetadataValue.url(f"{page}#retention")


def _anchor(heading: str) -> str:
    """Build the anchor of a heading as GitHub does."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
