"""Changes that people make to the running pipeline, each recorded in the audit log."""

from collections.abc import Sequence

from crypto_assets.orchestrator import Instigator, Kind, ManualTickResult, Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import BackfillRequest, launch_backfill
from crypto_assets.pipeline.control.bootstrap import register_symbols, require_stores_ready
from crypto_assets.warehouse.catalog.app_settings import AuthorOrName

TRACKED, UNTRACKED = "tracked", "untracked"


def track_symbols(context: PipelineContext, names: Sequence[str], who: AuthorOrName) -> list[str]:
    """Track symbols that the exchange lists, untracked ones again; return those newly tracked.

    Raises UnknownSymbol for one that the exchange does not list, ForeignExchange, ExchangeError.
    """
    require_stores_ready(context)
    known = {symbol.name for symbol in context.warehouse.symbols.list_all()}
    added = register_symbols(context, names)
    for name in added:
        old = UNTRACKED if name in known else None
        _record_change(context, f"symbol {name}", old, TRACKED, who)
    return added


def untrack_symbol(context: PipelineContext, name: str, who: AuthorOrName) -> None:
    """Stop tracking a symbol; its data stays. Raises UnknownSymbol."""
    name = context.warehouse.symbols.resolve_name(name)
    if not context.warehouse.symbols.get_symbol(name).is_tracked:
        return
    context.warehouse.symbols.untrack_symbol(name)
    _record_change(context, f"symbol {name}", TRACKED, UNTRACKED, who)


def set_instigator_running(
    context: PipelineContext,
    orchestrator: Orchestrator,
    kind: Kind,
    name: str,
    running: bool,
    who: AuthorOrName,
) -> Instigator:
    """Start or stop a schedule or sensor; return its state afterwards."""
    before = orchestrator.get_instigator(kind, name)
    after = orchestrator.switch_instigator(kind, name, running)
    if before.running != after.running:
        labels = {True: "running", False: "stopped"}
        old, new = labels[before.running], labels[after.running]
        _record_change(context, f"{kind} {name}", old, new, who)
    return after


def trigger_instigator(
    context: PipelineContext, orchestrator: Orchestrator, kind: Kind, name: str, who: AuthorOrName
) -> ManualTickResult:
    """Evaluate a schedule or sensor now, as its next tick would."""
    launched = orchestrator.run_instigator_now(kind, name)
    if launched.run_ids or launched.added_partitions:
        _record_change(context, f"{kind} {name}", None, "run by hand", who)
    return launched


def trigger_maintenance(
    context: PipelineContext, orchestrator: Orchestrator, task: str, who: AuthorOrName
) -> str:
    """Launch a maintenance task in Dagster; return the run's id. Raises UnknownTarget."""
    run_id = orchestrator.run_maintenance(task)
    _record_change(context, f"maintenance {task}", None, "run by hand", who)
    return run_id


def start_backfill(
    context: PipelineContext,
    orchestrator: Orchestrator,
    request: BackfillRequest,
    who: AuthorOrName,
) -> str:
    """Launch a backfill in Dagster; return its id. Raises OrchestratorError."""
    backfill_id = launch_backfill(orchestrator, request)
    _record_change(context, f"backfill {backfill_id}", None, request.title, who)
    return backfill_id


def cancel_backfill(
    context: PipelineContext, orchestrator: Orchestrator, backfill_id: str, who: AuthorOrName
) -> None:
    """Cancel a backfill; what it has loaded stays. Raises UnknownTarget."""
    before = orchestrator.get_backfill(backfill_id)
    orchestrator.cancel_backfill(backfill_id)
    if not before.ended:
        _record_change(context, f"backfill {backfill_id}", before.title, "canceled", who)


def _record_change(
    context: PipelineContext, what: str, old: str | None, new: str, who: AuthorOrName
) -> None:
    context.warehouse.app_settings.record_change(what, old, new, who)
