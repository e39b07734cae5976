"""Changes made to the warehouse behind its back."""

from typing import Any

from crypto_assets.pipeline.context import PipelineContext


def tamper(platform: PipelineContext, statement: str, symbol: str = "BTCUSDT") -> int:
    """Runs one SQL statement, in which {symbol} stands for the symbol's id; rows changed."""
    database: Any = platform.warehouse._database
    text = statement.format(symbol=platform.warehouse.symbols.get_id(symbol))
    changed: int = database.run_write(lambda c: c.exec_driver_sql(text).rowcount)
    return changed
