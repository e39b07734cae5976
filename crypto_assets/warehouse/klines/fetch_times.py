"""Corrects the fetch time of an object wherever the warehouse has it."""

from sqlalchemy import Connection, case, update

from crypto_assets.market.lake_object import LakeObject
from crypto_assets.warehouse.engine.schema import (
    extraction_metadata,
    fact_klines,
    lake_objects,
)


def change_fetch_time(
    connection: Connection, symbol_id: int, item: LakeObject, fetched_at: int
) -> None:
    """Replace the fetch time of a klines object by an earlier one (epoch ms), as one transaction.

    Minutes that come from another fetch stay as they are. The object does not count as loaded
    later than it was fetched, so that it can expire.
    """
    minutes = fact_klines.c
    connection.execute(
        update(fact_klines)
        .where(
            minutes.symbol_id == symbol_id,
            minutes.open_time.between(item.first_time, item.last_time),
            minutes.fetched_at == item.fetched_at,
            minutes.source == item.source.value,
        )
        .values(fetched_at=fetched_at)
    )
    columns, mark = lake_objects.c, extraction_metadata.c
    loaded_at = case((columns.loaded_at >= item.fetched_at, fetched_at), else_=columns.loaded_at)
    connection.execute(
        update(lake_objects)
        .where(
            columns.bucket == item.bucket,
            columns.key == item.key,
            columns.fetched_at == item.fetched_at,
        )
        .values(loaded_at=loaded_at, fetched_at=fetched_at)
    )
    connection.execute(
        update(extraction_metadata)
        .where(
            mark.symbol_id == symbol_id,
            mark.kind == item.kind.value,
            mark.last_fetch_time == item.fetched_at,
        )
        .values(last_fetch_time=fetched_at)
    )
