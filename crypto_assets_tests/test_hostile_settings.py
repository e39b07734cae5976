"""Hostile values of every setting: accepted, or refused in one clean line without a password."""

from pathlib import Path

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings, get_variable_name, load_settings
from crypto_assets.wiring import open_alert_destination, open_pipeline_context

PASSWORD = "hush-hush"
VALUES = [
    "~no-such-user/x",
    f"http://{'a' * 64}.example",
    "http://[::1",
    f"https://user:{PASSWORD}@host:99999/",
    f"http://user:{PASSWORD}/x@host",
    f"mysql://user:{PASSWORD}@{PASSWORD}@host/x",
    f"mysql://user:{PASSWORD}@host/x?bogus=1",
    f"mysql://user:{PASSWORD}@host/x?ssl_ca=/nonexistent",
    "sqlite:///",
    "s3://",
    "s3://BUCKET",
    "-1",
    "9" * 5000,
    "x" * 5000,
    "inf",
    "1e999999",
    "nan",
    ",,,",
    " ",
    "a\x1b]0;TITLE\x07",
    "\udcff",
    "%zz%00?x#y",
    "{{ env.X }}{0}%s",
    "0001-01-01",
    "1969-12-31",
    "9999-12-31",
    "10000-01-01",
]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_hostile_values_are_accepted_or_refused_in_one_line(
    field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_HOME", str(tmp_path))
    for value in VALUES:
        monkeypatch.setenv(get_variable_name(field), value)
        try:
            settings = load_settings()
            context = open_pipeline_context(settings)
            open_alert_destination(settings, context.warehouse)
        except WrongUse as error:
            assert PASSWORD not in str(error) and len(str(error)) < 6000
            continue
        assert PASSWORD not in repr(settings.model_dump(exclude=_PLAIN_TEXTS))


# Plain text: addresses that may have a login, which pages and errors show without it, and names.
_PLAIN_TEXTS = {
    *("exchange_url", "archive_url", "dagster_url", "s3_endpoint_url", "lake_raw_url"),
    *("lake_archive_url", "home", "dagster_home", "s3_region", "s3_profile", "api_cors_origins"),
    *(
        "otel_endpoint",
        "sentry_dsn",
        "oidc_metadata_url",
        "oidc_client_id",
        "oidc_operators",
        "oidc_viewers",
    ),
}


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9999-12-31"])
def test_a_first_day_that_no_data_can_have_is_refused(
    day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_START_DATE", day)
    with pytest.raises(WrongUse, match="CRYPTO_START_DATE: must be between 1970-01-01 and today"):
        load_settings()


def test_commas_alone_are_no_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTO_SYMBOLS", ", ,,")
    with pytest.raises(WrongUse, match="CRYPTO_SYMBOLS: contains no symbol"):
        load_settings()
