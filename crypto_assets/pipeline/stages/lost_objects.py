"""Objects that the manifest names and no lake holds any more."""

from crypto_assets.errors import ObjectMissing
from crypto_assets.market.lake_object import LakeObject
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import QuarantineRecord


def drop_lost_object(platform: PipelineContext, item: LakeObject) -> None:
    """Take an unloaded object that is gone out of the manifest, with a record in the quarantine.

    Its minutes are asked for again like any that are missing. A row that another run has changed
    meanwhile stays. Raises ObjectMissing where the lake itself is not there, as when a share is not
    mounted.
    """
    for lake in (platform.raw_lake, platform.archive_lake):
        if lake.get_owner() is None:
            raise ObjectMissing(f"the lake {lake.url} holds no {item.key}, nor its own marker")
    if platform.warehouse.lake_objects.find_object(item.bucket, item.key) != item:
        return
    lost = QuarantineRecord(
        symbol=item.symbol,
        kind=item.kind,
        bucket=item.bucket,
        key=item.key,
        reason="the object is gone from the lake, and was never loaded: the manifest drops it",
        content="",
    )
    platform.warehouse.quarantine.add_records([lost])
    platform.warehouse.lake_objects.forget_objects([item])
