"""Dagster's daemon by simulated minutes: evaluates what is due, and executes the run requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._utils.schedules import schedule_execution_time_iterator

from crypto_assets.market.utc_time import MINUTE_MS, floor_ms, format_utc, from_epoch_ms
from crypto_assets_tests.soak.world import World

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class FinishedRun:
    """A run that a schedule or a sensor requested, and whether it succeeded."""

    at: int
    job: str
    run_id: str
    success: bool


@dataclass
class Daemon:
    """Evaluates schedules and sensors; `failed_ticks` lists the ticks that raised."""

    world: World
    failed_ticks: list[str] = field(default_factory=list)
    _cursors: dict[str, str | None] = field(default_factory=dict)
    _run_keys: set[tuple[str, str]] = field(default_factory=set)

    def run_minute(self) -> list[FinishedRun]:
        """Run everything that is due in the current minute of the exchange's clock."""
        at = floor_ms(self.world.now, MINUTE_MS)
        requests = [*self._evaluate_schedules(at), *self._evaluate_sensors(at)]
        return [self._run(at, job, request) for job, request in requests]

    def _evaluate_schedules(self, at: int) -> Iterator[tuple[str, dg.RunRequest]]:
        for schedule in self.world.definitions.schedules or ():
            assert isinstance(schedule, dg.ScheduleDefinition)
            if not _is_due(schedule, from_epoch_ms(at)):
                continue
            context = dg.build_schedule_context(
                self.world.instance,
                scheduled_execution_time=from_epoch_ms(at),
                resources=self._resources(schedule.required_resource_keys),
                repository_def=self.world.definitions.get_repository_def(),
            )
            self._lend_instance(context)
            with self._record_failure(at, schedule.name):
                data = schedule.evaluate_tick(context)
                for request in data.run_requests or ():
                    yield request.job_name or schedule.job_name, request

    def _evaluate_sensors(self, at: int) -> Iterator[tuple[str, dg.RunRequest]]:
        for sensor in self.world.definitions.sensors or ():
            assert isinstance(sensor, dg.SensorDefinition)
            every = max(1, (sensor.minimum_interval_seconds or 60) // 60)
            if at // MINUTE_MS % every:
                continue
            context = dg.build_sensor_context(
                self.world.instance,
                cursor=self._cursors.get(sensor.name),
                resources=self._resources(sensor.required_resource_keys),
                definitions=self.world.definitions,
                sensor_name=sensor.name,
            )
            self._lend_instance(context)
            with self._record_failure(at, sensor.name):
                yield from self._list_requests(sensor, sensor.evaluate_tick(context))

    def _list_requests(
        self, sensor: dg.SensorDefinition, data: SensorExecutionData
    ) -> Iterator[tuple[str, dg.RunRequest]]:
        self._cursors[sensor.name] = data.cursor
        for change in data.dynamic_partitions_requests or ():
            if isinstance(change, dg.AddDynamicPartitionsRequest):
                self.world.instance.add_dynamic_partitions(
                    change.partitions_def_name, list(change.partition_keys)
                )
        for request in data.run_requests or ():
            key = (sensor.name, request.run_key or "")
            if not request.run_key or key not in self._run_keys:
                self._run_keys.add(key)
                yield request.job_name or str(sensor.job_name), request

    @contextmanager
    def _record_failure(self, at: int, name: str) -> Iterator[None]:
        """Record a tick that raised; the daemon continues after it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self.failed_ticks.append(f"{format_utc(at)} {name}: {type(error).__name__} {error}")

    def _lend_instance(
        self, context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext
    ) -> None:
        """Set the instance: otherwise each evaluation opens one, which the daemon does not."""
        context._instance = self.world.instance

    def _resources(self, names: set[str]) -> dict[str, object]:
        return {name: (self.world.definitions.resources or {})[name] for name in names}

    def _run(self, at: int, name: str, request: dg.RunRequest) -> FinishedRun:
        job = self.world.definitions.resolve_job_def(name)
        if request.asset_selection:
            checks = request.asset_check_keys
            job = job.get_subset(
                asset_selection=frozenset(request.asset_selection),
                asset_check_selection=None if checks is None else frozenset(checks),
            )
        result = job.execute_in_process(
            instance=self.world.instance,
            tags=dict(request.tags),
            run_config={**_QUIET, **request.run_config},
            raise_on_error=False,
        )
        return FinishedRun(at, name, result.run_id, result.success)


def _is_due(schedule: dg.ScheduleDefinition, at: datetime) -> bool:
    times = schedule_execution_time_iterator(
        at.timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    return next(times) == at
