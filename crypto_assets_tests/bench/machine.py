"""The machine that the figures are of."""

import os
import platform
from pathlib import Path

import psutil

from crypto_assets_tests.services.mariadb import DatabaseServer


def describe(mariadb: DatabaseServer) -> dict[str, str | float]:
    """Names and values that go beside the figures."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone() or ("",)
    return {
        "mariadb": version,
        "machine_cpu": _cpu(),
        "machine_cores": psutil.cpu_count() or 1,
        "machine_memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "machine_system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        # What others took of the machine shows here: above the cores, figures are too low.
        "load_average": round(os.getloadavg()[0], 1),
    }


def _cpu() -> str:
    """The model's name, as Linux has it; elsewhere what Python knows."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
