"""Describes the machine of the measurement."""

import os
import platform
from pathlib import Path

import psutil

from crypto_assets_tests.services.mariadb import DatabaseServer


def describe_machine(mariadb: DatabaseServer) -> dict[str, str | float]:
    """Return names and values to store beside the figures."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone() or ("",)
    return {
        "mariadb": version,
        "machine_cpu": _read_cpu_name(),
        "machine_cores": psutil.cpu_count() or 1,
        "machine_memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "machine_system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        # If it exceeds the cores, other processes made the figures worse.
        "load_average": round(os.getloadavg()[0], 1),
    }


def _read_cpu_name() -> str:
    """Return the CPU's model name on Linux, elsewhere what Python reports."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
