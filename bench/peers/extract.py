"""What a peer does with one table: read it whole and write it as Parquet (zstd). Runs in the peers' own environment.

    python bench/peers/extract.py PEER URL TABLE OUT.parquet

Each is written as its documentation shows it, with the largest batches that it recommends; nothing here is ours.
Leaves with 3 and one line on standard error when the peer cannot run here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROWS = 65_536


class UnavailableError(Exception):
    """The peer has no way to this kind of database, or a part of it cannot be had here."""


def kind(url: str) -> str:
    """Tell the DBMS from an address."""
    return url.partition(":")[0].replace("mysql", "mariadb")


def write(batches, schema, out: str) -> None:  # noqa: ANN001
    """Write record batches as they come."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, schema, compression="zstd", compression_level=3) as writer:
        for batch in batches:
            writer.write_batch(batch)


def adbc(url: str, table: str, out: str) -> None:
    """ADBC, raw: what the driver gives is written."""
    if kind(url) == "postgresql":
        from adbc_driver_postgresql import dbapi

        connection = dbapi.connect(url)
    elif kind(url) == "sqlite":
        from adbc_driver_sqlite import dbapi

        connection = dbapi.connect(url.removeprefix("sqlite:///"))
    else:
        raise UnavailableError("there is no ADBC driver for MariaDB on the package index")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        reader = cursor.fetch_record_batch()
        write(reader, reader.schema, out)


def connectorx(url: str, table: str, out: str) -> None:
    """ConnectorX, as a stream of Arrow batches."""
    import connectorx

    address = url.replace("sqlite:///", "sqlite://") if kind(url) == "sqlite" else url.replace("mariadb:", "mysql:")
    reader = connectorx.read_sql(address, f"SELECT * FROM {table}", return_type="arrow_stream", batch_size=ROWS)
    write(reader, reader.schema, out)


def arrow_odbc(url: str, table: str, out: str) -> None:
    """arrow-odbc over the DBMS's own ODBC driver."""
    from arrow_odbc import read_arrow_batches_from_odbc

    parts = urlsplit(url)
    server = (
        f"Server={parts.hostname};Port={parts.port};Database={parts.path[1:]};Uid={unquote(parts.username or '')};"
        f"Pwd={unquote(parts.password or '')};"
    )
    connection = {
        "postgresql": f"Driver={{PostgreSQL Unicode}};{server}UseDeclareFetch=1;Fetch=10000;MaxLongVarcharSize=8190;",
        "mariadb": f"Driver={{MariaDB Unicode}};{server}NO_CACHE=1;FORWARDONLY=1;",
        "sqlite": f"Driver={{SQLite3}};Database={url.removeprefix('sqlite:///')};",
    }[kind(url)]
    reader = read_arrow_batches_from_odbc(
        f"SELECT * FROM {table}", connection_string=connection, batch_size=ROWS, max_text_size=1024
    )
    write(reader, reader.schema, out)


def pandas(url: str, table: str, out: str) -> None:
    """pandas.read_sql over SQLAlchemy, in chunks, as its documentation advises for large tables."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import sqlalchemy

    engine = sqlalchemy.create_engine(_sqlalchemy(url))
    writer = None
    with engine.connect().execution_options(stream_results=True) as connection:
        for chunk in pd.read_sql(sqlalchemy.text(f"SELECT * FROM {table}"), connection, chunksize=ROWS):
            schema = writer.schema if writer else None
            part = pa.Table.from_pandas(chunk, schema=schema, preserve_index=False)
            writer = writer or pq.ParquetWriter(out, part.schema, compression="zstd", compression_level=3)
            writer.write_table(part)
    if writer:
        writer.close()


def dlt(url: str, table: str, out: str) -> None:
    """Dlt's sql_database source with its pyarrow backend, to Parquet on disk."""
    import dlt as library
    from dlt.sources.sql_database import sql_table

    folder = Path(out).with_suffix("")
    pipeline = library.pipeline(
        pipeline_name=folder.name.replace("-", "_"),
        pipelines_dir=str(folder / "work"),
        destination=library.destinations.filesystem(bucket_url=str(folder / "out")),
        dataset_name="bench",
    )
    source = sql_table(credentials=_sqlalchemy(url), table=table, backend="pyarrow", chunk_size=ROWS)
    pipeline.run(source, loader_file_format="parquet", write_disposition="replace")
    files = sorted((folder / "out/bench" / table).glob("*.parquet"))
    import pyarrow.dataset as ds

    read = ds.dataset(files)
    write(read.to_batches(), read.schema, out)


def duckdb(url: str, table: str, out: str) -> None:
    """DuckDB's scanner of the DBMS, and COPY TO."""
    import duckdb as library

    extension = {"postgresql": "postgres", "mariadb": "mysql", "sqlite": "sqlite"}[kind(url)]
    engine = library.connect()
    try:
        engine.execute(f"INSTALL {extension}; LOAD {extension}")
    except library.Error as error:
        raise UnavailableError(f"its extension {extension} cannot be had here") from error
    parts = urlsplit(url)
    address = url.removeprefix("sqlite:///")
    if extension == "mysql":
        address = f"host={parts.hostname} port={parts.port} user={parts.username} database={parts.path[1:]}"
        address += f" password={unquote(parts.password)}" if parts.password else ""
    elif extension == "postgres":
        address = url
    engine.execute(f"ATTACH '{address}' AS source (TYPE {extension}, READ_ONLY)")
    engine.execute(f"COPY (FROM source.{table}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)")


def _sqlalchemy(url: str) -> str:
    head, _, rest = url.partition("://")
    return {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}.get(
        head, head
    ) + f"://{rest}"


PEERS = {each.__name__: each for each in (adbc, connectorx, arrow_odbc, pandas, dlt, duckdb)}


def main() -> int:
    """Run one peer."""
    name, url, table, out = sys.argv[1:]
    try:
        PEERS[name](url, table, out)
    except (UnavailableError, ImportError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
