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
# For each alert: how many minutes its condition must last; series for which it holds from the first
# minute to the last of a period and no longer, as values before and after; and series that are like
# these, but must not fire.
_MINUTES = 500
_DAY_MINUTES = 1440
_CASES: dict[str, tuple[int, *tuple[dict[str, str], ...]]] = {
    "ApiDown": (
        3,
        {'up{job="crypto-assets"}': "0 1", 'up{job="prometheus"}': "0 0"},
    ),
    "ComponentDown": (
        5,
        {'crypto_assets_up{part="lake"}': "0 1", 'crypto_assets_up{part="dagster"}': "1 1"},
    ),
    "SymbolDelayed": (
        10,
        {'crypto_assets_symbol_state{symbol="BTCUSDT",state="delayed"}': "1 0"},
        {'crypto_assets_symbol_state{symbol="BTCUSDT",state="loading"}': "1 1"},
    ),
    "CandlesStoredLate": (
        15,
        {'crypto_assets_store_delay_seconds{symbol="BTCUSDT"}': "1000 8"},
        {'crypto_assets_store_delay_seconds{symbol="ETHUSDT"}': "300 300"},
    ),
    "MissingMinutes": (
        360,
        {'crypto_assets_missing_minutes{symbol="BTCUSDT"}': "5 0"},
    ),
    "TickOverdue": (
        5,
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
    "TicksFail": (
        15,
        {'crypto_assets_tick_failed{kind="sensor",name="gaps"}': "1 0"},
    ),
    "IngestStopped": (
        60,
        {'crypto_assets_automation_running{kind="schedule",name="ingest_schedule"}': "0 1"},
        {'crypto_assets_automation_running{kind="sensor",name="gaps"}': "0 0"},
    ),
    "RunsWait": (
        5,
        {'crypto_assets_queued_run_age_seconds{kind="tick"}': "400 0"},
        {'crypto_assets_queued_run_age_seconds{kind="backfill"}': "9000 9000"},
    ),
    "DaemonUnhealthy": (
        5,
        {"crypto_assets_unhealthy_daemons": "1 0"},
    ),
    "WorkerLost": (
        1,
        {'crypto_assets_worker_silent_seconds{host="w2",queue="backfills"}': "150 5"},
        {'crypto_assets_worker_silent_seconds{host="w1",queue="backfills"}': "5 5"},
    ),
    "OpenFilesNearLimit": (
        10,
        {
            'crypto_assets_process_open_fds{process="app",host="h1"}': "900 200",
            'crypto_assets_process_max_fds{process="app",host="h1"}': "1024 1024",
        },
        {
            'crypto_assets_process_open_fds{process="api",host="h1"}': "800 800",
            'crypto_assets_process_max_fds{process="api",host="h1"}': "1024 1024",
        },
    ),
    "CheckFailed": (
        60,
        {'crypto_assets_check_failed{asset="raw_klines",check="no_gaps"}': "1 0"},
    ),
    "ObjectsNotLoaded": (
        60,
        {"crypto_assets_unloaded_objects": "200 2"},
    ),
    "AlertsNotSent": (
        15,
        {"crypto_assets_unsent_alerts": "1 0"},
    ),
    "ReplicaLags": (
        10,
        {"crypto_assets_replica_lag_seconds": "400 1"},
    ),
    "DiskFull": (
        30,
        {'crypto_assets_disk_free_bytes{bucket="raw"}': "1000000000 90000000000"},
        {'crypto_assets_disk_free_bytes{bucket="archive"}': "90000000000 90000000000"},
    ),
    "BackupOld": (
        60,
        {"crypto_assets_backup_age_seconds": "260000 3600"},
    ),
}


# Of `predict_linear`: 100 GB that fill by 1 GB an hour, and by 0.1.
_FILLING = "crypto_assets_disk_free_bytes"
_GB = 10**9


def run_promtool(*words: str) -> None:
    run_program([find_program("promtool", "prometheus"), *words])


def test_every_alert_has_a_case_and_a_row_of_the_runbook() -> None:
    own = {
        "RowsRejected",
        "ExchangeRefusesRequests",
        "DiskFilling",
        "BackupMissing",
        "ProcessRestarts",
    }
    assert set(_CASES) | own == set(ALERTS)
    rows = [line for line in (ROOT / "docs" / "monitoring.md").read_text().splitlines()]
    named = {name for row in rows if row.startswith("| `") for name in row.split("|")[1].split("`")}
    assert set(ALERTS) - named == set()


def count_samples(alert: str, state: str, minutes: int, at: int) -> dict[str, Any]:
    """Expect that the alert has had the state in so many minutes, of all its series, until `at`."""
    expression = f'count_over_time(ALERTS{{alertname="{alert}",alertstate="{state}"}}[{at + 1}m])'
    return {
        "expr": f"sum({expression})",
        "eval_time": f"{at}m",
        "exp_samples": [{"labels": "{}", "value": minutes}],
    }


def expect_firing(alert: str, at: int, count: int) -> dict[str, Any]:
    """Expect so many firing series of the alert at a minute."""
    return {
        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
        "eval_time": f"{at}m",
        "exp_samples": [{"labels": "{}", "value": count}] if count else [],
    }


def build_case(alert: str, pending: int, series: dict[str, str]) -> dict[str, Any]:
    """A test: it fires once, after `pending` minutes, until the period ends.

    One period of pending and one of firing samples, with as many as there are minutes: it neither
    cleared in between nor fired twice.
    """
    firing = _MINUTES - pending
    return {
        "interval": "1m",
        "input_series": [
            {"series": labels, "values": f"{first}x{_MINUTES - 1} {then}x{_MINUTES}"}
            for labels, (first, then) in (
                (labels, values.split()) for labels, values in series.items()
            )
        ],
        "promql_expr_test": [
            *([expect_firing(alert, pending - 1, 0)] if pending else []),
            expect_firing(alert, pending, 1),
            expect_firing(alert, _MINUTES - 1, 1),
            expect_firing(alert, _MINUTES, 0),
            count_samples(alert, "firing", firing, 2 * _MINUTES - 1),
            *([count_samples(alert, "pending", pending, 2 * _MINUTES - 1)] if pending else []),
        ],
    }


def expect_summary(alert: str, at: int, labels: dict[str, str], summary: str) -> dict[str, Any]:
    """Expect one firing alert with these labels and this text."""
    rule = ALERTS[alert]
    return {
        "alertname": alert,
        "eval_time": f"{at}m",
        "exp_alerts": [
            {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": {"summary": summary}}
        ],
    }


def build_disk_case() -> dict[str, Any]:
    """A disk that fills within three days at its rate, one that does not, and one that is full.

    The first minutes say nothing about the rate: two samples are needed for one.
    """
    return {
        "interval": "1m",
        "input_series": [
            {"series": f'{_FILLING}{{bucket="fast"}}', "values": f"{50 * _GB}-{_GB // 60}x400"},
            {"series": f'{_FILLING}{{bucket="slow"}}', "values": f"{50 * _GB}-{_GB // 600}x400"},
            {"series": f'{_FILLING}{{bucket="full"}}', "values": f"{4 * _GB}-1000x400"},
        ],
        "promql_expr_test": [
            expect_firing("DiskFilling", 30, 0),
            expect_firing("DiskFilling", 31, 1),
            count_samples("DiskFilling", "firing", 370, 400),
        ],
        "alert_rule_test": [
            expect_summary(
                "DiskFilling",
                300,
                {"bucket": "fast"},
                "The disk of the lake fast has 41.91GiB left, and will be full within three days "
                "if it fills as in the last six hours.",
            ),
            expect_summary(
                "DiskFull", 300, {"bucket": "full"}, "The disk of the lake full has 3.725GiB left."
            ),
        ],
    }


def build_backup_case() -> dict[str, Any]:
    """An installation without a backup until its third day, beside one that has backups."""
    days = f"{3 * _DAY_MINUTES}"
    ours, other = ('{instance="a"}', '{instance="b"}')
    up = 'crypto_assets_up{part="warehouse",instance="%s"}'
    return {
        "interval": "1m",
        "input_series": [
            {"series": up % "a", "values": f"1x{days} 1x{days}"},
            {"series": up % "b", "values": f"1x{days} 1x{days}"},
            {"series": f"crypto_assets_backup_age_seconds{ours}", "values": f"_x{days} 60x{days}"},
            {
                "series": f"crypto_assets_backup_age_seconds{other}",
                "values": f"60x{days} 60x{days}",
            },
        ],
        "promql_expr_test": [
            expect_firing("BackupMissing", 2 * _DAY_MINUTES - 1, 0),
            expect_firing("BackupMissing", 2 * _DAY_MINUTES, 1),
            expect_firing("BackupMissing", 3 * _DAY_MINUTES + 1, 0),
        ],
        "alert_rule_test": [
            expect_summary(
                "BackupMissing",
                2 * _DAY_MINUTES,
                {"instance": "a", "part": "warehouse"},
                "There has never been a backup, and the installation is two days old at least.",
            )
        ],
    }


def build_rejection_case() -> dict[str, Any]:
    """Rows that were rejected within an hour."""
    return {
        "interval": "1m",
        "input_series": [{"series": "crypto_assets_quarantined_rows", "values": "3x99 7x200"}],
        "promql_expr_test": [
            expect_firing("RowsRejected", 99, 0),
            expect_firing("RowsRejected", 100, 1),
            expect_firing("RowsRejected", 170, 0),
            count_samples("RowsRejected", "firing", 60, 290),
        ],
    }


def build_refusal_case() -> dict[str, Any]:
    """Three requests that were refused in one minute, and a counter that stays as it is."""
    alert, name = "ExchangeRefusesRequests", "crypto_assets_exchange_refusals_total"
    return {
        "interval": "1m",
        "input_series": [
            {"series": f'{name}{{kind="backfill",status="429"}}', "values": "2x99 5x200"},
            {"series": f'{name}{{kind="tick",status="418"}}', "values": "1x300"},
        ],
        "promql_expr_test": [
            expect_firing(alert, 99, 0),
            expect_firing(alert, 100, 1),
            expect_firing(alert, 120, 0),
            count_samples(alert, "firing", 15, 290),
        ],
        "alert_rule_test": [
            expect_summary(
                alert,
                105,
                {"status": "429"},
                "The exchange has refused requests of runs for its rate limit within 15 minutes "
                "(HTTP 429).",
            )
        ],
    }


def build_restart_case() -> dict[str, Any]:
    """A daemon that starts every ten minutes, a worker that started twice, and runs."""
    alert, name = "ProcessRestarts", "crypto_assets_process_start_time_seconds"
    starts = " ".join(f"{at}x9" for at in range(0, 6000, 600))
    return {
        "interval": "1m",
        "input_series": [
            {"series": f'{name}{{process="daemon",host="h1"}}', "values": f"{starts} 5400x200"},
            {"series": f'{name}{{process="worker",host="h1"}}', "values": "0x99 5940x200"},
            {"series": f'{name}{{process="run",host="h1"}}', "values": "0+60x300"},
        ],
        "promql_expr_test": [
            expect_firing(alert, 44, 0),
            expect_firing(alert, 45, 1),
            expect_firing(alert, 240, 0),
        ],
        "alert_rule_test": [
            expect_summary(
                alert,
                45,
                {"process": "daemon", "host": "h1"},
                "The daemon on h1 was started 4 times within an hour.",
            )
        ],
    }


@pytest.mark.slow
def test_each_alert_fires_once_for_what_it_is_for_and_clears(tmp_path: Path) -> None:
    run_promtool("check", "config", str(FOLDER / "prometheus.yml"))
    tests = [
        *(
            build_case(name, pending, {k: v for part in series for k, v in part.items()})
            for name, (pending, *series) in _CASES.items()
        ),
        build_disk_case(),
        build_backup_case(),
        build_rejection_case(),
        build_refusal_case(),
        build_restart_case(),
    ]
    file = tmp_path / "tests.yml"
    rules = {
        "rule_files": [str(FOLDER / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": tests,
    }
    file.write_text(yaml.safe_dump(rules))
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
