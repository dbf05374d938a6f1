"""Logs one line at the start: versions, limits, cells and siblings."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from loguru import logger

from pool import EngineError
from runner.cells.cells import CellsStatus
from runner.operators.limits import Limits


def own_version() -> str:
    """The version of this package."""
    try:
        return version_of("dojo-runner")
    except PackageNotFoundError:  # the package was never installed
        return "unknown"


class StartLine:
    """Says that the service can run katas, the first time that it can.

    `engine` is the engine's address, and `engine_version` asks it for its version.
    """

    def __init__(
        self,
        *,
        version: str,
        commit: str,
        engine: str,
        engine_version: Callable[[], Awaitable[str]],
        limits: Limits,
        siblings: Sequence[str],
    ) -> None:
        self._version = version
        self._commit = commit
        self._engine = engine
        self._engine_version = engine_version
        self._limits = limits
        self._siblings = siblings
        self._is_said = False

    async def say(self, cells: CellsStatus) -> None:
        """Log the line, after one question to the engine. A second call does nothing."""
        if self._is_said:
            return
        self._is_said = True
        try:
            engine_version = await self._engine_version()
        except EngineError:  # reported where it failed
            engine_version = "unknown"
        logger.bind(
            version=self._version,
            commit=self._commit,
            engine=self._engine,
            engine_version=engine_version,
            cells=cells.kind,
            why_no_cells=cells.why_no_cells,
            siblings=list(self._siblings),
            limits=asdict(self._limits),
        ).info("ready for runs")
