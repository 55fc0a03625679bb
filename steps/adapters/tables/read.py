"""Reading a person's own table, Parquet or CSV, with every fault said in one sentence."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from modelmedic.steps.adapters.tables.header import refuse_other_text
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.core.tables.thinning import thin

_CSV_BLOCK = 8 << 20  # bytes
MOST_ROWS = 400_000  # rows of a row-level test; more rows are sampled evenly, and the answer says so


def read_table(path: Path) -> tuple[pa.Table, int]:
    """The table, at most MOST_ROWS rows spread evenly over it in their order, and the number of
    rows in the file.
    """
    table = read_whole(path)
    return thin(table, MOST_ROWS), table.num_rows


def read_whole(path: Path, texts: Sequence[str] = ()) -> pa.Table:
    """Every row of the table. Of a CSV the columns `texts` stay text, such as ids with leading
    zeros.
    """
    refuse_empty(path)
    if is_parquet(path):
        table = _read_parquet(path)
    else:
        refuse_other_text(path)
        table = read_csv(path, texts)
    refuse_doubled(path, table.column_names)
    return table


def refuse_empty(path: Path) -> None:
    if not path.exists():
        raise BadInput(f"file {path} does not exist; expected a Parquet or CSV file")
    if path.is_dir():
        raise BadInput(f"{path} is a folder; expected a Parquet or CSV file")
    if path.stat().st_size == 0:
        raise BadInput(f"file {path} is empty; expected a Parquet or CSV file with at least one column")


def refuse_doubled(path: Path, names: Sequence[str]) -> None:
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise BadInput(f"file {path} has the column {doubled[0]!r} more than once; expected every name once")


def is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"file {path} cannot be read as Parquet: {first_line(error)}") from error


def stream_csv(path: Path) -> pyarrow.csv.CSVStreamingReader:
    """The rows in blocks. A block that does not fit the types of the first one raises
    pa.ArrowInvalid: read it whole then.
    """
    return pyarrow.csv.open_csv(path, read_options=pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK))


def read_csv(path: Path, texts: Sequence[str] = ()) -> pa.Table:
    kept = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(texts, pa.string()))
    try:
        table = pyarrow.csv.read_csv(path, convert_options=kept)
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"file {path} is neither Parquet nor a clean CSV: {first_line(error)}") from error
    return with_times(table)


def with_times(table: pa.Table) -> pa.Table:
    """Arrow leaves times with a zone suffix it does not know as text; ISO texts are tried once
    more.
    """
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and ("time" in field.name.lower() or "date" in field.name.lower()):
            try:
                times = table.column(index).cast(pa.timestamp("us", tz="UTC"))
            except pa.ArrowInvalid:
                continue
            table = table.set_column(index, field.name, times)
    return table


def first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
