"""What `make test-containers` does with the running services, and what must hold afterwards."""

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import requests
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

from crypto_assets.access import SESSION_COOKIE
from crypto_assets_tests.containers.compose_stack import ComposeStack, wait_for
from crypto_assets_tests.containers.stand_ins import list_images
from crypto_assets_tests.services.chromium import ARGUMENTS, TIMEOUT_MS, find_chromium

SYMBOLS = ("BTCUSDT", "ETHUSDT")
MINUTES_PER_DAY = 1440
# A run that its container's end has killed is failed, queued and executed again.
_LOADED_SECONDS = 300.0
_PERIOD_MS = 60_000
_APP_URL, _DAGSTER_URL = "https://localhost:8443", "https://localhost:3443"
# A service has no other rights; the proxy's program file asks for this one.
_CAPABILITIES = {"proxy": ["CAP_NET_BIND_SERVICE"]}

SETTINGS = {
    "CRYPTO_EXCHANGE_URL": "http://simulator:9000",
    "CRYPTO_ARCHIVE_URL": "http://simulator:9000",
    "CRYPTO_SYMBOLS": ",".join(SYMBOLS),
    "MYSQL_BUFFER_POOL": "256M",
}


@contextmanager
def timed_step(name: str) -> Iterator[None]:
    """Print a step with its duration."""
    began = time.monotonic()
    click.echo(f"{name} …")
    yield
    click.echo(f"{name}: {time.monotonic() - began:.0f} s")


@dataclass(frozen=True)
class Scenario:
    """The steps. `first_day` is the first of three closed days, of which each step loads one."""

    stack: ComposeStack
    first_day: date

    def run(self) -> None:
        with timed_step("every service starts and is healthy"):
            self.stack.create()
            self.stack.start_in_order()
        with timed_step("the containers have limits and read-only roots"):
            self.check_limits()
        with timed_step("a backfill"):
            self.request_backfill(self.first_day)
            self.wait_until_loaded(1)
        with timed_step("a browser looks at the app, the API and Dagster through the proxy"):
            self.look_at_pages()
        with timed_step("a backup"):
            self.back_up()
        lasting = self.stack.lasting
        shuffled = random.Random(1).sample(lasting, len(lasting))
        with timed_step("stopped from the last to the first, started in the same order"):
            self.restart(1, lasting[::-1], lasting[::-1])
        with timed_step(f"stopped and started in the order {', '.join(shuffled)}"):
            self.restart(2, shuffled, shuffled)
        with timed_step("nothing is lost or different"):
            self.verify()

    def check_limits(self) -> None:
        """Compare what podman has made of the compose file with the file."""
        for name, service in self.stack.services.items():
            made = self.stack.inspect(name)
            host = made["HostConfig"]
            assert host["ReadonlyRootfs"] is bool(service.get("read_only")), name
            assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
            assert (made["EffectiveCaps"] or []) == _CAPABILITIES.get(name, []), name
            assert "no-new-privileges" in host["SecurityOpt"], name
            assert bool(host["PortBindings"]) is (name == "proxy"), name

    def request_backfill(self, day: date) -> None:
        """Launch a backfill of one day in Dagster."""
        token = (self.stack.folder / ".secrets/operator_token").read_text().strip()
        answer = requests.post(
            f"{_APP_URL}/api/backfills",
            json={"from": str(day), "to": str(day)},
            headers={"Authorization": f"Bearer {token}"},
            verify=str(self.read_authority()),
            timeout=60,
        )
        assert answer.status_code == 202, answer.text

    def wait_until_loaded(self, days: int) -> None:
        wanted = days * MINUTES_PER_DAY * len(SYMBOLS)
        wait_for(lambda: self.count_minutes(days) == wanted, _LOADED_SECONDS, f"{wanted} minutes")

    def count_minutes(self, days: int) -> int:
        """Count the minutes of the first days in the warehouse."""
        start = datetime.combine(self.first_day, datetime.min.time(), UTC)
        first_ms = int(start.timestamp() * 1000)
        end_ms = first_ms + days * MINUTES_PER_DAY * _PERIOD_MS
        statement = (
            "SELECT COUNT(*) FROM crypto.fact_klines "
            f"WHERE open_time >= {first_ms} AND open_time < {end_ms}"
        )
        script = (
            'MYSQL_PWD="$(cat /run/secrets/mysql_root_password)" '
            f'mysql -h 127.0.0.1 -u root -N -e "{statement}"'
        )
        return int(self.stack.execute("mysql", "sh", "-c", script))

    def look_at_pages(self) -> None:
        """Unlock a browser by a link; one cookie must give its rights on all three servers."""
        printed = self.stack.execute("app", "crypto-assets", "unlock")
        found = re.search(rf"{_APP_URL}/unlock\S+", printed)
        assert found, printed
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=list(ARGUMENTS)
            )
            # The certificate is of the proxy's own authority; requests for backfills verify it.
            context = browser.new_context(ignore_https_errors=True)
            context.set_default_timeout(TIMEOUT_MS)
            page = context.new_page()
            try:
                self.visit_pages(page, found[0])
            except (AssertionError, PlaywrightError):
                page.screenshot(path=self.stack.folder.parent / "failed-page.png")
                raise
            other = browser.new_context(ignore_https_errors=True).new_page()
            other.goto(f"{_DAGSTER_URL}/runs")
            other.get_by_text("Read-only").first.wait_for()
            browser.close()

    def visit_pages(self, page: Page, link: str) -> None:
        """Follow the link that unlocks the browser, and look at all three servers."""
        page.goto(link)
        # Streamlit sends the content of a page through a WebSocket.
        page.get_by_text("BTC / USDT").first.wait_for()
        (cookie,) = [one for one in page.context.cookies() if one["name"] == SESSION_COOKIE]
        assert cookie.get("secure") and cookie.get("sameSite") == "Strict", cookie
        symbols = page.goto(f"{_APP_URL}/api/symbols")
        assert symbols and symbols.status == 200, symbols
        page.goto(f"{_DAGSTER_URL}/runs")
        page.get_by_role("link", name="Runs").first.wait_for()
        assert page.get_by_text("Read-only").count() == 0

    def read_authority(self) -> Path:
        """Return a file with the certificate of the proxy's own authority."""
        root = self.stack.folder / "root.crt"
        place = "/data/caddy/pki/authorities/local/root.crt"
        root.write_text(self.stack.execute("proxy", "cat", place))
        return root

    def back_up(self) -> None:
        self.stack.run_once("backup")
        listed = self.stack.run_once("backup", "find", "/var/lib/backups", "-type", "f")
        assert len(listed.split()) > 3, listed

    def restart(self, round_number: int, stopped: list[str], started: list[str]) -> None:
        """Stop and start every service while a backfill runs."""
        self.request_backfill(self.first_day + timedelta(days=round_number))
        self.stack.stop(stopped)
        self.stack.start(started)
        for name in self.stack.lasting:
            self.stack.wait_until_ready(name)
        self.wait_until_loaded(round_number + 1)

    def verify(self) -> None:
        last_day = self.first_day + timedelta(days=2)
        words = ("--from", str(self.first_day), "--to", str(last_day))
        click.echo(self.stack.execute("code", "crypto-assets", "verify", *words))


def write_settings(folder: Path, first_day: date) -> None:
    """Write `.env` as a user would."""
    settings = {**SETTINGS, **list_images(), "CRYPTO_START_DATE": str(first_day)}
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    (folder / ".env").write_text(lines)
