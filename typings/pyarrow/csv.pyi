from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self

from . import BufferOutputStream, BufferReader, DataType, RecordBatch, Schema, Table

class ReadOptions:
    def __init__(self, **options: Any) -> None: ...

class ParseOptions:
    def __init__(self, **options: Any) -> None: ...

class ConvertOptions:
    def __init__(
        self, *, column_types: Mapping[str, DataType] | Schema = ..., **options: Any
    ) -> None: ...

class WriteOptions:
    def __init__(self, **options: Any) -> None: ...

def read_csv(
    input_file: str | Path | BufferReader | IO[bytes],
    read_options: ReadOptions | None = ...,
    parse_options: ParseOptions | None = ...,
    convert_options: ConvertOptions | None = ...,
) -> Table: ...
def write_csv(
    data: Table | RecordBatch,
    output_file: str | Path | BufferOutputStream | IO[bytes],
    write_options: WriteOptions | None = ...,
) -> None: ...

class CSVStreamingReader:
    schema: Schema
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def __iter__(self) -> Iterator[RecordBatch]: ...

def open_csv(
    input_file: str | Path | BufferReader | IO[bytes],
    read_options: ReadOptions | None = ...,
    parse_options: ParseOptions | None = ...,
    convert_options: ConvertOptions | None = ...,
) -> CSVStreamingReader: ...
