"""A long history for many symbols, copied within the database server from a few symbols' own."""

from crypto_assets.market.utc_time import DAY_MS
from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.work import SYMBOLS, Work


def stocked(
    servers: Servers, donor: homes.Environment, work: Work, name: str, days: int
) -> homes.Environment:
    """A new home in which every symbol of SYMBOLS has the last `days` that the donor holds.

    `work` is what was loaded there. What a tick may read, and what grows with history, is all
    there; the lake is empty, of which a tick reads nothing.
    """
    home = homes.on_servers(servers, Work(SYMBOLS, 1), name, "day")
    since = work.window.end_ms - days * DAY_MS
    source, target = homes.database(donor), homes.database(home)
    for place, symbol in enumerate(SYMBOLS):
        original = work.symbols[place % len(work.symbols)]
        ids = [_symbol_id(servers, source, original), _symbol_id(servers, target, symbol)]
        for table in ("fact_klines", "hourly_klines", "daily_klines"):
            changed = {"symbol_id": str(ids[1])}
            rows = f"symbol_id = {ids[0]} AND open_time >= {since}"
            _copy(servers, source, target, table, changed, rows)
        _copy(
            servers,
            source,
            target,
            "lake_objects",
            {
                "symbol": f"'{symbol}'",
                "bucket": f"'{home['CRYPTO_LAKE_RAW_URL'].rpartition('/')[2]}'",
                "`key`": f"REPLACE(`key`, '{original}', '{symbol}')",
            },
            f"symbol = '{original}' AND first_time >= {since}",
        )
        _copy(
            servers,
            source,
            target,
            "extraction_metadata",
            {"symbol_id": str(ids[1]), "record_count": str(days * DAY_MS // 60_000)},
            f"symbol_id = {ids[0]}",
        )
    return home


def _copy(
    servers: Servers, source: str, target: str, table: str, changed: dict[str, str], rows: str
) -> None:
    """Rows of a table that fulfil `rows`, with some columns changed."""
    with servers.mariadb.connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(f"SHOW COLUMNS FROM {table}")
        names = [f"`{row[0]}`" for row in cursor.fetchall()]
    values = [changed.get(name, changed.get(name.strip("`"), name)) for name in names]
    servers.mariadb.execute(
        f"INSERT INTO {target}.{table} ({', '.join(names)}) "
        f"SELECT {', '.join(values)} FROM {source}.{table} WHERE {rows}"
    )


def _symbol_id(servers: Servers, database: str, symbol: str) -> int:
    with servers.mariadb.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT symbol_id FROM symbols WHERE symbol = %s", (symbol,))
        return int((cursor.fetchone() or (0,))[0])
