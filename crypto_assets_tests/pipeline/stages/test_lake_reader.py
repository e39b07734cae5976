"""Reading minutes from the lake while retention moves its objects."""

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.stages.lake_reader import read_lake_minutes
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange


def test_an_object_that_retention_moves_during_the_read_is_not_lost(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform)
    day = Window.of_day(TODAY)
    (item,) = platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, day)
    assert platform.raw_lake.copy_to(platform.archive_lake, item.key)
    platform.raw_lake.delete([item.key])
    found = read_lake_minutes(platform, "BTCUSDT", day)
    assert (found.candles.num_rows, found.lost) == (720, ())
    platform.archive_lake.delete([item.key])
    found = read_lake_minutes(platform, "BTCUSDT", day)
    assert (found.candles.num_rows, found.lost) == (0, (item.key,))
