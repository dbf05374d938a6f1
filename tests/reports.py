"""What a supervisor of background tasks hears, kept for a test to look at."""

import asyncio

from pool import Supervisor


class Reports:
    """The names and the errors of the tasks that failed, in order. Must be made in a loop."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.errors: list[BaseException] = []
        self.came = asyncio.Event()

    def __call__(self, name: str, error: BaseException) -> None:
        """What a supervisor calls for each task that failed."""
        self.names.append(name)
        self.errors.append(error)
        self.came.set()


def unheard() -> Supervisor:
    """A supervisor for tests in which no task of the background is meant to fail."""

    def failed(name: str, error: BaseException) -> None:
        raise AssertionError(f"the task {name!r} failed") from error

    return Supervisor(failed)
