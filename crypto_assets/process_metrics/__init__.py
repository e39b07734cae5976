"""Figures of every process for /metrics: what it uses, and its calls to database and S3 server.

    meter           what this process measures, in Prometheus' own counters and histograms
    recorder        writes the figures of this process to a file of the home, again and again
    figure_files    reads the files of all processes, and adds up those of processes that have ended

A process writes its figures to `metrics/HOST/PROCESS-PID-START.prom` in the home, in the text
format of Prometheus. Nothing listens at a port, a run's counters survive its end, and a process
that is killed leaves a whole file. The API reads the files at each scrape.
"""

from crypto_assets.process_metrics.figure_files import collect_figures
from crypto_assets.process_metrics.meter import get_meter
from crypto_assets.process_metrics.recorder import find_metrics_folder, record_run, start_recording

__all__ = [
    "collect_figures",
    "find_metrics_folder",
    "get_meter",
    "record_run",
    "start_recording",
]
