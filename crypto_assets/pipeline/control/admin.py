"""What people do to the running pipeline, each with a line in the change log: who, what, when."""

from collections.abc import Sequence

from crypto_assets.orchestrator import Instigator, Kind, ManualTickResult, Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import BackfillRequest, launch_backfill
from crypto_assets.pipeline.control.bootstrap import register_symbols, require_stores_ready

TRACKED, RETIRED = "tracked", "retired"


def track_symbols(platform: PipelineContext, names: Sequence[str], who: str) -> list[str]:
    """Tracks symbols that the exchange lists, retired ones again; answers those that were not.

    Raises UnknownSymbol for one that it does not list, ForeignExchange, ExchangeError.
    """
    require_stores_ready(platform)
    known = {symbol.name for symbol in platform.warehouse.symbols.list_all()}
    added = register_symbols(platform, names)
    for name in added:
        old = RETIRED if name in known else None
        _record_change(platform, f"symbol {name}", old, TRACKED, who)
    return added


def untrack_symbol(platform: PipelineContext, name: str, who: str) -> None:
    """No longer tracked; what is held of it stays. Raises UnknownSymbol."""
    name = platform.warehouse.symbols.resolve_name(name)
    if not platform.warehouse.symbols.get_symbol(name).is_tracked:
        return
    platform.warehouse.symbols.untrack_symbol(name)
    _record_change(platform, f"symbol {name}", TRACKED, RETIRED, who)


def set_instigator_running(
    platform: PipelineContext,
    orchestrator: Orchestrator,
    kind: Kind,
    name: str,
    running: bool,
    who: str,
) -> Instigator:
    """Starts or stops a schedule or sensor; answers how it then stands."""
    before = orchestrator.get_instigator(kind, name)
    after = orchestrator.switch_instigator(kind, name, running)
    if before.running != after.running:
        words = {True: "running", False: "stopped"}
        _record_change(platform, f"{kind} {name}", words[before.running], words[after.running], who)
    return after


def trigger_instigator(
    platform: PipelineContext, orchestrator: Orchestrator, kind: Kind, name: str, who: str
) -> ManualTickResult:
    """What its next tick would do, done now."""
    launched = orchestrator.run_instigator_now(kind, name)
    if launched.run_ids or launched.added_partitions:
        _record_change(platform, f"{kind} {name}", None, "run by hand", who)
    return launched


def start_backfill(
    platform: PipelineContext, orchestrator: Orchestrator, wanted: BackfillRequest, who: str
) -> str:
    """Hands it to Dagster; answers its id. Raises OrchestratorError."""
    backfill_id = launch_backfill(orchestrator, wanted)
    _record_change(platform, f"backfill {backfill_id}", None, wanted.title, who)
    return backfill_id


def cancel_backfill(
    platform: PipelineContext, orchestrator: Orchestrator, backfill_id: str, who: str
) -> None:
    """What is loaded stays. Raises UnknownTarget."""
    before = orchestrator.get_backfill(backfill_id)
    orchestrator.cancel_backfill(backfill_id)
    if not before.ended:
        _record_change(platform, f"backfill {backfill_id}", before.title, "called off", who)


def _record_change(
    platform: PipelineContext, what: str, old: str | None, new: str, who: str
) -> None:
    platform.warehouse.app_settings.record_change(what, old, new, who)
