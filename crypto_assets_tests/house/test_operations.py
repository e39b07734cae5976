"""docs/operations.md names all that runs by itself, and every check that may fail."""

from crypto_assets.definitions import defs
from crypto_assets_tests.house.repository import text


def test_every_schedule_sensor_and_check_is_explained() -> None:
    repository = defs.get_repository_def()
    names = {
        *(schedule.name for schedule in repository.schedule_defs),
        *(sensor.name for sensor in repository.sensor_defs),
        *(key.name for key in repository.asset_graph.asset_check_keys),
    }
    page = text("docs/operations.md")
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_every_job_has_a_word_on_its_failure() -> None:
    page = text("docs/operations.md")
    jobs = {job.name for job in defs.get_repository_def().get_all_jobs()} - {"__ASSET_JOB"}
    assert sorted(name for name in jobs if f"`{name} failed`" not in page) == []
