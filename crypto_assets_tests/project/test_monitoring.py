"""The alert rules of deploy/prometheus fire once each and clear; Grafana's panels fit."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.programs import find_program, run_program

FOLDER = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "crypto-assets.json"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
# For each alert: series that are bad for 500 minutes and good for 500 more, with one value per
# minute; and series that are like the bad ones, but must not fire.
_MINUTES = 500
_CASES: dict[str, tuple[dict[str, str], ...]] = {
    "ApiDown": ({'up{job="crypto-assets"}': "0 1", 'up{job="prometheus"}': "0 0"},),
    "ComponentDown": (
        {'crypto_assets_up{part="lake"}': "0 1", 'crypto_assets_up{part="dagster"}': "1 1"},
    ),
    "SymbolDelayed": (
        {'crypto_assets_symbol_state{symbol="BTCUSDT",state="delayed"}': "1 0"},
        {'crypto_assets_symbol_state{symbol="BTCUSDT",state="loading"}': "1 1"},
    ),
    "CandlesStoredLate": (
        {'crypto_assets_store_delay_seconds{symbol="BTCUSDT"}': "1000 8"},
        {'crypto_assets_store_delay_seconds{symbol="ETHUSDT"}': "300 300"},
    ),
    "MissingMinutes": ({'crypto_assets_missing_minutes{symbol="BTCUSDT"}': "5 0"},),
    "TickOverdue": (
        {
            'crypto_assets_tick_age_seconds{kind="sensor",name="gaps"}': "1000 30",
            'crypto_assets_sensor_interval_seconds{kind="sensor",name="gaps"}': "60 60",
            'crypto_assets_automation_running{kind="sensor",name="gaps"}': "1 1",
        },
        {
            'crypto_assets_tick_age_seconds{kind="sensor",name="stopped"}': "9000 9000",
            'crypto_assets_sensor_interval_seconds{kind="sensor",name="stopped"}': "60 60",
            'crypto_assets_automation_running{kind="sensor",name="stopped"}': "0 0",
            'crypto_assets_tick_age_seconds{kind="sensor",name="hourly"}': "5000 5000",
            'crypto_assets_sensor_interval_seconds{kind="sensor",name="hourly"}': "3600 3600",
            'crypto_assets_automation_running{kind="sensor",name="hourly"}': "1 1",
        },
    ),
    "TicksFail": ({'crypto_assets_tick_failed{kind="sensor",name="gaps"}': "1 0"},),
    "IngestStopped": (
        {'crypto_assets_automation_running{kind="schedule",name="ingest_schedule"}': "0 1"},
        {'crypto_assets_automation_running{kind="sensor",name="gaps"}': "0 0"},
    ),
    "RunsWait": (
        {'crypto_assets_queued_run_age_seconds{kind="tick"}': "400 0"},
        {'crypto_assets_queued_run_age_seconds{kind="backfill"}': "9000 9000"},
    ),
    "DaemonUnhealthy": ({"crypto_assets_unhealthy_daemons": "1 0"},),
    "WorkerLost": (
        {'crypto_assets_worker_silent_seconds{host="w2",queue="backfills"}': "150 5"},
        {'crypto_assets_worker_silent_seconds{host="w1",queue="backfills"}': "5 5"},
    ),
    "CheckFailed": ({'crypto_assets_check_failed{asset="raw_klines",check="no_gaps"}': "1 0"},),
    "ObjectsNotLoaded": ({"crypto_assets_unloaded_objects": "200 2"},),
    "AlertsNotSent": ({"crypto_assets_unsent_alerts": "1 0"},),
    "ReplicaLags": ({"crypto_assets_replica_lag_seconds": "400 1"},),
    "DiskFull": (
        {'crypto_assets_disk_free_bytes{bucket="raw"}': "1000000000 90000000000"},
        {'crypto_assets_disk_free_bytes{bucket="archive"}': "90000000000 90000000000"},
    ),
    "BackupOld": ({"crypto_assets_backup_age_seconds": "260000 3600"},),
}


def run_promtool(*words: str) -> None:
    run_program([find_program("promtool", "prometheus"), *words])


def test_every_alert_has_a_case_and_a_section_of_the_runbook() -> None:
    assert set(_CASES) | {"RowsRejected"} == set(ALERTS)
    runbook = (ROOT / "docs" / "monitoring.md").read_text()
    assert [name for name in ALERTS if f"| `{name}` |" not in runbook] == []


@pytest.mark.slow
def test_each_alert_fires_for_what_it_is_for_and_clears(tmp_path: Path) -> None:
    run_promtool("check", "config", str(FOLDER / "prometheus.yml"))
    tests = []
    for name, (bad, *good) in _CASES.items():
        series = [
            {"series": labels, "values": f"{first}x{_MINUTES} {then}x{_MINUTES}"}
            for labels, (first, then) in (
                (labels, values.split()) for part in (bad, *good) for labels, values in part.items()
            )
        ]
        count = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
        tests.append(
            {
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [
                    {
                        "expr": count,
                        "eval_time": f"{_MINUTES - 1}m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    },
                    {"expr": count, "eval_time": f"{2 * _MINUTES}m", "exp_samples": []},
                    # Once: it never cleared in between.
                    {
                        "expr": f'count(changes(ALERTS{{alertname="{name}",'
                        f'alertstate="firing"}}[{_MINUTES - 400}m]) > 0)',
                        "eval_time": f"{_MINUTES - 1}m",
                        "exp_samples": [],
                    },
                ],
            }
        )
    rejected = 'ALERTS{alertname="RowsRejected",alertstate="firing"}'
    tests.append(
        {
            "interval": "1m",
            "input_series": [{"series": "crypto_assets_quarantined_rows", "values": "3x100 7x200"}],
            "promql_expr_test": [
                {"expr": f"count({rejected})", "eval_time": "90m", "exp_samples": []},
                {
                    "expr": f"count({rejected})",
                    "eval_time": "110m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                },
                {"expr": f"count({rejected})", "eval_time": "200m", "exp_samples": []},
            ],
        }
    )
    file = tmp_path / "tests.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(FOLDER / "alerts.yml")],
                "evaluation_interval": "1m",
                "tests": tests,
            }
        )
    )
    run_promtool("test", "rules", str(file))


def list_dashboard_queries() -> list[str]:
    """List the queries of all panels."""
    return [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", ())
    ]


def test_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    titles = [panel["title"] for panel in panels]
    assert len(titles) == len(set(titles))
    cells = [
        (x, y)
        for panel in panels
        for place in (panel["gridPos"],)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
