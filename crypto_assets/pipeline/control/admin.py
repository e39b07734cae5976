"""What people do to the running pipeline, each with a line in the change log: who, what, when."""

from collections.abc import Sequence

from crypto_assets.orchestrator import Instigator, Kind, ManualTickResult, Orchestrator
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.control.backfill import Backfill, launch_backfill
from crypto_assets.pipeline.control.bootstrap import admit, track

TRACKED, RETIRED = "tracked", "retired"


def add_symbols(platform: Platform, names: Sequence[str], who: str) -> list[str]:
    """Tracks symbols that the exchange lists, retired ones again; answers those that were not.

    Raises UnknownSymbol for one that it does not list, ForeignExchange, ExchangeError.
    """
    admit(platform)
    known = {symbol.name for symbol in platform.warehouse.symbols.list_all()}
    added = track(platform, names)
    for name in added:
        old = RETIRED if name in known else None
        _record(platform, f"symbol {name}", old, TRACKED, who)
    return added


def retire_symbol(platform: Platform, name: str, who: str) -> None:
    """No longer tracked; what is held of it stays. Raises UnknownSymbol."""
    name = platform.warehouse.symbols.resolve_name(name)
    if not platform.warehouse.symbols.get_symbol(name).is_tracked:
        return
    platform.warehouse.symbols.untrack_symbol(name)
    _record(platform, f"symbol {name}", TRACKED, RETIRED, who)


def switch(
    platform: Platform, orchestrator: Orchestrator, kind: Kind, name: str, running: bool, who: str
) -> Instigator:
    """Starts or stops a schedule or sensor; answers how it then stands."""
    before = orchestrator.get_instigator(kind, name)
    after = orchestrator.switch_instigator(kind, name, running)
    if before.running != after.running:
        words = {True: "running", False: "stopped"}
        _record(platform, f"{kind} {name}", words[before.running], words[after.running], who)
    return after


def run_now(
    platform: Platform, orchestrator: Orchestrator, kind: Kind, name: str, who: str
) -> ManualTickResult:
    """What its next tick would do, done now."""
    launched = orchestrator.run_instigator_now(kind, name)
    if launched.run_ids or launched.added_partitions:
        _record(platform, f"{kind} {name}", None, "run by hand", who)
    return launched


def start_backfill(
    platform: Platform, orchestrator: Orchestrator, wanted: Backfill, who: str
) -> str:
    """Hands it to Dagster; answers its id. Raises OrchestratorError."""
    backfill_id = launch_backfill(orchestrator, wanted)
    _record(platform, f"backfill {backfill_id}", None, wanted.title, who)
    return backfill_id


def cancel_backfill(
    platform: Platform, orchestrator: Orchestrator, backfill_id: str, who: str
) -> None:
    """What is loaded stays. Raises UnknownTarget."""
    before = orchestrator.get_backfill(backfill_id)
    orchestrator.cancel_backfill(backfill_id)
    if not before.ended:
        _record(platform, f"backfill {backfill_id}", before.title, "called off", who)


def _record(platform: Platform, what: str, old: str | None, new: str, who: str) -> None:
    platform.warehouse.app_settings.record_change(what, old, new, who)
