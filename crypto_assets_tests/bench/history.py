"""Copies the history of a few symbols to many, within the database server."""

from crypto_assets.market.utc_time import DAY_MS
from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.workload import SYMBOLS, Workload


def init_home_with_history(
    servers: Servers, donor: homes.Environment, workload: Workload, name: str, days: int
) -> homes.Environment:
    """Make a home in which every symbol of SYMBOLS has the last `days` of the donor's history.

    `workload` is what the donor has loaded. Copies every table that a tick reads and that grows
    with history. The lake is empty: a tick reads nothing from it.
    """
    home = homes.init_home_on_servers(servers, Workload(SYMBOLS, 1), name, "day")
    since = workload.window.end_ms - days * DAY_MS
    source, target = homes.get_database_name(donor), homes.get_database_name(home)
    for number, symbol in enumerate(SYMBOLS):
        original = workload.symbols[number % len(workload.symbols)]
        ids = [_find_symbol_id(servers, source, original), _find_symbol_id(servers, target, symbol)]
        for table in ("fact_klines", "hourly_klines", "daily_klines"):
            changed = {"symbol_id": str(ids[1])}
            condition = f"symbol_id = {ids[0]} AND open_time >= {since}"
            _copy_rows(servers, source, target, table, changed, condition)
        _copy_rows(
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
        _copy_rows(
            servers,
            source,
            target,
            "extraction_metadata",
            {"symbol_id": str(ids[1]), "record_count": str(days * DAY_MS // 60_000)},
            f"symbol_id = {ids[0]}",
        )
    return home


def _copy_rows(
    servers: Servers, source: str, target: str, table: str, changed: dict[str, str], condition: str
) -> None:
    """Copy the rows of a table that match a condition, with some columns changed."""
    with servers.mariadb.connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(f"SHOW COLUMNS FROM {table}")
        names = [f"`{row[0]}`" for row in cursor.fetchall()]
    values = [changed.get(name, changed.get(name.strip("`"), name)) for name in names]
    servers.mariadb.execute(
        f"INSERT INTO {target}.{table} ({', '.join(names)}) "
        f"SELECT {', '.join(values)} FROM {source}.{table} WHERE {condition}"
    )


def _find_symbol_id(servers: Servers, database: str, symbol: str) -> int:
    with servers.mariadb.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT symbol_id FROM symbols WHERE symbol = %s", (symbol,))
        return int((cursor.fetchone() or (0,))[0])
