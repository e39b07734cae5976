"""The instant from which retention counts ages: no wrong clock may expire anything.

What has expired is in no lake any more, so a run trusts no single clock, and counts ages from only
a few days after the run before it.
"""

from dataclasses import dataclass

from crypto_assets.errors import ClockNotTrusted, ExchangeError
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, format_utc, now_ms
from crypto_assets.pipeline.context import PipelineContext

MAX_CLOCK_DIFFERENCE_MS = HOUR_MS
# More than the nights of a week in which the machine was off, and less than any period that a
# policy is likely to have.
MAX_ADVANCE_MS = 7 * DAY_MS
_LAST_RUN = "state.retention_time"


@dataclass(frozen=True)
class RetentionTime:
    """The instant from which a run counts ages, epoch ms.

    `last_run_ms` is that of the last run, if this run would have counted from an instant more than
    MAX_ADVANCE_MS later, and is limited.
    """

    at_ms: int
    last_run_ms: int | None = None


def find_retention_time(context: PipelineContext, *, unlimited: bool = False) -> RetentionTime:
    """Return the earlier of this machine's time and the exchange's.

    At most MAX_ADVANCE_MS after that of the last run, unless `unlimited`; the first run of a home
    has no limit. The retention policy has no part in it, so that a new policy takes effect at
    once. Raises ClockNotTrusted if the two clocks differ by more than an hour or the exchange does
    not respond.
    """
    now = _read_both_clocks(context)
    last = context.warehouse.app_settings.get_state(_LAST_RUN)
    if last is None or unlimited or now <= last + MAX_ADVANCE_MS:
        return RetentionTime(now)
    return RetentionTime(last + MAX_ADVANCE_MS, last)


def record_retention_time(context: PipelineContext, time: RetentionTime) -> None:
    """Record a run that has expired everything that was due at this time."""
    context.warehouse.app_settings.put_state(_LAST_RUN, time.at_ms)


def _read_both_clocks(context: PipelineContext) -> int:
    try:
        exchange = context.exchange_now()
    except ExchangeError as error:
        raise ClockNotTrusted(
            "nothing was expired, because this machine's clock cannot be compared with the "
            f"exchange's: {error}"
        ) from error
    local = now_ms()
    if abs(local - exchange) > MAX_CLOCK_DIFFERENCE_MS:
        raise ClockNotTrusted(
            f"nothing was expired, because this machine's clock ({format_utc(local)}) is "
            f"{_describe_difference(local - exchange)} the exchange's ({format_utc(exchange)}): "
            "synchronize the wrong clock with NTP"
        )
    return min(local, exchange)


def _describe_difference(ms: int) -> str:
    minutes = abs(ms) // MINUTE_MS
    days, hours = divmod(minutes // 60, 24)
    shown = f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min"
    return f"{shown} {'ahead of' if ms > 0 else 'behind'}"
