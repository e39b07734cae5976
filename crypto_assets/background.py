"""Work that a process repeats in a thread of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def repeat_in_background(
    work: Callable[[], None], seconds: float, join_seconds: float
) -> Iterator[None]:
    """Call `work` every `seconds` within the `with` block, and once more at its end.

    The end waits for the last call, but at most `join_seconds`. An error of `work` ends the calls,
    so it handles its own.
    """
    stopped = Event()

    def repeat() -> None:
        while not stopped.wait(seconds):
            work()
        work()

    thread = Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(join_seconds)
