"""The column names of a person's table, found before any row of it is read, and the refusal of a
file that is no table.
"""

import codecs
import csv
import io
from pathlib import Path

from modelmedic.steps.contracts.errors import BadInput

LONGEST_HEADER = 1 << 20  # bytes; Arrow looks for a CSV's columns no further
_EXPECTED = "expected a Parquet or CSV file"
_CHUNK = 4 << 20  # bytes


def columns_of(path: Path) -> tuple[str, ...]:
    """The names, in the order of the file. Raises BadInput with one sentence about what is wrong
    with the file, if anything is.
    """
    try:
        if not path.exists():
            raise BadInput(f"file {path} does not exist; {_EXPECTED}")
        if not path.is_file():
            raise BadInput(f"{path} is {'a folder' if path.is_dir() else 'no plain file'}; {_EXPECTED}")
        with path.open("rb") as file:
            start = file.read(LONGEST_HEADER)
    except OSError as error:
        raise BadInput(f"file {path} cannot be read ({(error.strerror or str(error)).lower()}); {_EXPECTED}") from error
    if not start:
        raise BadInput(f"file {path} is empty; {_EXPECTED} with at least one column")
    return _parquet_columns(path) if start.startswith(b"PAR1") else _csv_columns(path, start)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        names = pyarrow.parquet.read_schema(path).names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"file {path} cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from error
    if not names:
        raise BadInput(f"file {path} has no columns; {_EXPECTED} with at least one")
    return tuple(names)


def _csv_columns(path: Path, start: bytes) -> tuple[str, ...]:
    refuse_other_text(path)
    if b"\n" not in start and b"\r" not in start:
        whole = len(start) < LONGEST_HEADER
        said = "has a single line" if whole else f"has a first line of more than {LONGEST_HEADER} bytes"
        raise BadInput(f"file {path} {said}; expected CSV, a line with the columns' names and then the rows")
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    try:
        return tuple(next(csv.reader(io.StringIO(text, newline="")), ()))
    except csv.Error as error:
        raise BadInput(f"file {path} begins with no line of columns' names ({error}); {_EXPECTED}") from error


def refuse_other_text(path: Path) -> None:
    """Arrow takes a column of another encoding for bytes, which nothing here can compare."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            line = _decode(decoder, chunk, path, line)
    _decode(decoder, b"", path, line, final=True)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, path: Path, line: int, final: bool = False) -> int:
    """The number of the line that the chunk ends in."""
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        number = line + error.object.count(b"\n", 0, error.start)
        byte = error.object[error.start]
        raise BadInput(f"file {path} holds the byte 0x{byte:02x} in line {number}, which is no UTF-8; save the file as UTF-8") from None
    return line + chunk.count(b"\n")
