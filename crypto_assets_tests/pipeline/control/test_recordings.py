"""Recorded candles as an exchange: a home accepts one recording, which may grow, and no other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from crypto_assets.errors import ForeignExchange
from crypto_assets.exchange import open_exchange
from crypto_assets.lake.interface import MARKER_KEY
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import initialize_stores, require_stores_ready
from crypto_assets_tests.pipeline.conftest import START, TODAY_MS, BuildPlatform
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange
from crypto_assets_tests.services.scripted import Answer, Request, Respond, forward_to, scripted

_HEADER = "open_time,open,high,low,close,volume"
# Takes the number of candles by file name; the price of a candle is `base` plus its number.
Record = Callable[..., Path]


@pytest.fixture
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    def record(base: int = 100, **files: int) -> Path:
        folder = tmp_path_factory.mktemp("recording")
        for symbol, rows in files.items():
            lines = [
                ",".join(map(str, (TODAY_MS + n * MINUTE_MS, *(base + n,) * 4, 1)))
                for n in range(rows)
            ]
            (folder / f"{symbol}-1m.csv").write_text("\n".join([_HEADER, *lines]) + "\n")
        return folder

    return record


def _serve_from(platform: PipelineContext, server: ExchangeServer) -> PipelineContext:
    """Return the same warehouse and lakes with another exchange."""
    fields = vars(platform) | {"exchange": open_exchange(server.url, server.archive_url)}
    return PipelineContext(**fields)


def _list_owners(platform: PipelineContext) -> set[str | None]:
    stores = (platform.raw_lake, platform.archive_lake)
    return {platform.warehouse.app_settings.get_exchange(), *(lake.get_owner() for lake in stores)}


@pytest.fixture
def home(
    record: Record, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> PipelineContext:
    """A home that is bound to a recording of two symbols with 60 candles each."""
    server = simulated_exchange(data=record(ETHUSDC=60, USDCUSDT=60))
    return build_platform(server, "ETHUSDC")


@pytest.mark.parametrize(
    "files",
    [
        {"ETHUSDC": 60, "USDCUSDT": 60},
        {"ETHUSDC": 90, "USDCUSDT": 60},
        {"USDCUSDT": 90, "OTHERUSDT": 90},
        {"USDCUSDT": 60},
        {"ETHUSDC": 60, "USDCUSDT": 60, "OTHERUSDT": 5},
    ],
)
def test_the_same_recording_is_accepted_elsewhere_and_with_more_candles_or_files(
    home: PipelineContext,
    record: Record,
    simulated_exchange: StartExchange,
    files: dict[str, int],
) -> None:
    later = _serve_from(home, simulated_exchange(data=record(**files)))
    require_stores_ready(later)
    initialize_stores(later, (), START)
    assert len(_list_owners(later)) == 1
    require_stores_ready(_serve_from(home, simulated_exchange(data=record(**files))))


@pytest.mark.parametrize(
    ("base", "files", "reason"),
    [
        (101, {"ETHUSDC": 60, "USDCUSDT": 60}, "the first 60 candles of ETHUSDC-1m differ"),
        (101, {"USDCUSDT": 90}, "the first 60 candles of USDCUSDT-1m differ"),
        (100, {"USDCUSDT": 59}, "USDCUSDT-1m has 59 candles, fewer than the earlier 60"),
        (100, {"OTHERUSDT": 60}, "it does not contain ETHUSDC-1m, USDCUSDT-1m"),
    ],
)
def test_another_recording_is_refused_without_a_change(
    home: PipelineContext,
    record: Record,
    simulated_exchange: StartExchange,
    base: int,
    files: dict[str, int],
    reason: str,
) -> None:
    before = _list_owners(home)
    other = _serve_from(home, simulated_exchange(data=record(base, **files)))
    with pytest.raises(ForeignExchange, match=f"serves a recording that differs .*: {reason}"):
        require_stores_ready(other)
    with pytest.raises(ForeignExchange, match="set another CRYPTO_HOME"):
        initialize_stores(other, (), START)
    assert _list_owners(home) == before
    require_stores_ready(home)


def test_one_changed_candle_is_another_recording(
    home: PipelineContext, record: Record, simulated_exchange: StartExchange
) -> None:
    folder = record(ETHUSDC=90, USDCUSDT=90)
    path = folder / "USDCUSDT-1m.csv"
    path.write_text(path.read_text().replace(",130,130,130,130,1\n", ",130,130,130,130,2\n"))
    with pytest.raises(ForeignExchange, match="the first 60 candles of USDCUSDT-1m differ"):
        require_stores_ready(_serve_from(home, simulated_exchange(data=folder)))


def test_added_candles_become_part_of_the_recording(
    home: PipelineContext, record: Record, simulated_exchange: StartExchange
) -> None:
    """Also the candles of a file that is missing later, and returns with other candles."""
    require_stores_ready(_serve_from(home, simulated_exchange(data=record(USDCUSDT=90))))
    with pytest.raises(
        ForeignExchange, match="USDCUSDT-1m has 60 candles, fewer than the earlier 90"
    ):
        require_stores_ready(home)
    folder = record(101, ETHUSDC=90)
    (folder / "USDCUSDT-1m.csv").write_bytes((record(USDCUSDT=90) / "USDCUSDT-1m.csv").read_bytes())
    with pytest.raises(ForeignExchange, match="the first 60 candles of ETHUSDC-1m differ"):
        require_stores_ready(_serve_from(home, simulated_exchange(data=folder)))


def test_generated_and_recorded_candles_do_not_mix(
    home: PipelineContext, simulated_exchange: StartExchange
) -> None:
    with pytest.raises(
        ForeignExchange,
        match=r"contains data of simulated:recorded \(2 files\), not of simulated:seed=",
    ):
        require_stores_ready(_serve_from(home, simulated_exchange()))


def _name_as_before(platform: PipelineContext, name: str) -> None:
    """Write the name that an earlier version gave the exchange into warehouse and lakes."""
    platform.warehouse.app_settings.put_value("claimed.exchange", name, "test")
    for lake in (platform.raw_lake, platform.archive_lake):
        marker = Path(lake.url) / MARKER_KEY
        marker.write_bytes(orjson.dumps({"exchange": name}))


def test_a_home_of_an_earlier_version_is_bound_to_the_first_recording(
    home: PipelineContext, record: Record, simulated_exchange: StartExchange
) -> None:
    named = _list_owners(home)
    _name_as_before(home, "simulated:recorded")
    with pytest.raises(ForeignExchange, match="contains data of simulated:recorded, not of"):
        require_stores_ready(_serve_from(home, simulated_exchange()))
    require_stores_ready(home)
    assert _list_owners(home) == named
    with pytest.raises(ForeignExchange, match="serves a recording that differs"):
        require_stores_ready(_serve_from(home, simulated_exchange(data=record(7, ETHUSDC=60))))


def test_an_earlier_name_in_one_of_the_stores_is_replaced(home: PipelineContext) -> None:
    """As after a process that was killed in between."""
    named = _list_owners(home)
    (Path(home.archive_lake.url) / MARKER_KEY).write_bytes(b'{"exchange":"simulated:recorded"}')
    require_stores_ready(home)
    assert _list_owners(home) == named


def _forward_archive(server: ExchangeServer) -> Respond:
    """Forward only the archive of `server`, under a path."""
    forward = forward_to(server.url)

    def respond(request: Request) -> Answer:
        path = request.path.removeprefix("/archive")
        is_archive = path != request.path and path.startswith("/data/")
        return forward(replace(request, path=path)) if is_archive else Answer(404)

    return respond


def test_an_archive_under_a_path_belongs_to_the_same_recording(
    record: Record, simulated_exchange: StartExchange
) -> None:
    folder, other = (record(base, ETHUSDC=60, USDCUSDT=60) for base in (100, 101))
    rest = simulated_exchange(data=folder)
    for data in (folder, other):
        with scripted(_forward_archive(simulated_exchange(data=data))) as proxy:
            exchange = open_exchange(rest.url, f"{proxy.url}/archive")
            if data is folder:
                assert (
                    exchange.resolve_identity()
                    == open_exchange(rest.url, rest.url).resolve_identity()
                )
                continue
            with pytest.raises(ForeignExchange, match="set CRYPTO_EXCHANGE_URL") as error:
                exchange.resolve_identity()
            assert f"{rest.url} is simulated:recorded (2 files), but the archive" in str(
                error.value
            )


def test_an_error_does_not_list_the_files_of_a_recording(
    home: PipelineContext, record: Record, simulated_exchange: StartExchange
) -> None:
    one = simulated_exchange(data=record(ETHUSDC=60))
    (Path(home.archive_lake.url) / MARKER_KEY).write_bytes(b'{"exchange":"simulated:seed=1"}')
    with pytest.raises(ForeignExchange) as error:
        require_stores_ready(home)
    assert "belongs to simulated:seed=1, not to simulated:recorded (2 files): set" in str(
        error.value
    )
    with pytest.raises(ForeignExchange) as error:
        open_exchange(simulated_exchange().url, one.url).resolve_identity()
    assert "is simulated:recorded (1 file): set" in str(error.value)
