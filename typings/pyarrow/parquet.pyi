from pathlib import Path
from typing import IO, Any

from . import BufferOutputStream, Table

def write_table(
    table: Table, where: str | Path | BufferOutputStream | IO[bytes], **options: Any
) -> None: ...
def read_table(source: Any, **options: Any) -> Table: ...
