"""Deletes objects of a lake unless they were fetched again."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from crypto_assets.batches import iter_batches
from crypto_assets.lake.interface import Lake

_WORKERS = 16


def delete_unchanged(lake: Lake, fetch_times: Mapping[str, int]) -> set[str]:
    """Delete the objects that still have these fetch times (epoch ms).

    Returns the keys of those that were deleted or were gone already. A few at a time, so that each
    deletion follows its check at once: no store deletes conditionally, and an object that is put
    in between is deleted too. Raises LakeError.
    """
    gone: set[str] = set()
    with ThreadPoolExecutor(_WORKERS, "check") as pool:
        for batch in iter_batches(fetch_times.items(), _WORKERS):
            infos = pool.map(lake.get_info, [key for key, _ in batch])
            checked = list(zip(batch, infos, strict=True))
            unchanged = [key for (key, at), info in checked if info and info.fetched_at == at]
            lake.delete(unchanged)
            gone.update(unchanged, (key for (key, _), info in checked if info is None))
    return gone
