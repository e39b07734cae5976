"""Dagster's default launcher, which puts a run back into the queue while its code server stops."""

import dagster as dg

# Dagster exports neither the errors of a launcher, nor the context of its only method.
from dagster._core.errors import DagsterLaunchFailedError, DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext

# Both kinds of Dagster's code servers answer this from the order to stop until their runs have
# ended, which takes up to a minute.
SHUTDOWN_ANSWER = "Tried to start a run on a server after telling it to shut down"


class RestartTolerantLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, for `run_launcher` in dagster.yaml; it has no config fields.

    The run queue launches a run again, as often as `max_user_code_failure_retries` says, if its
    code server cannot be reached, but fails the run for good if the server refuses it. A server
    that is stopping still answers, with a refusal.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run. Raises DagsterUserCodeUnreachableError if the code server is stopping."""
        try:
            super().launch_run(context)
        except DagsterLaunchFailedError as error:
            if str(error) != SHUTDOWN_ANSWER:
                raise
            raise DagsterUserCodeUnreachableError(
                "the code server is stopping: the run waits for the next one"
            ) from error
