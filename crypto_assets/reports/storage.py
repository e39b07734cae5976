"""Storage usage: objects and bytes in the lake, bytes in the warehouse."""

from dataclasses import dataclass

from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.lake_objects import LakeTotal


@dataclass(frozen=True)
class StorageUsage:
    """Usage per bucket and kind of object; `warehouse_bytes` is the server's own estimate."""

    lake: tuple[LakeTotal, ...]
    warehouse_bytes: int

    @property
    def objects(self) -> int:
        return sum(total.objects for total in self.lake)

    @property
    def lake_bytes(self) -> int:
        return sum(total.size_bytes for total in self.lake)


def measure_storage(warehouse: Warehouse) -> StorageUsage:
    return StorageUsage(
        lake=tuple(warehouse.lake_objects.list_lake_totals()),
        warehouse_bytes=sum(warehouse.coverage.read_table_sizes().values()),
    )
