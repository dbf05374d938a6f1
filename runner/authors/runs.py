"""Runs start points through a daemon, and measures how long a learner would wait."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from runner.authors.files import StartPointError
from runner.authors.options import COLOURS, Replacement, in_colour
from runner.authors.start_point import StartPoint
from runner.client import Result, RunnerClient

PATIENCE_S = 30.0  # how long a busy daemon is asked again


@dataclass(frozen=True)
class Ran:
    """One run, and the milliseconds from the request to the whole of its answer."""

    result: Result
    took_ms: float

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"took_ms": round(self.took_ms), **asdict(self.result)}


@dataclass(frozen=True)
class Checked:
    """The run of a start point in one colour; `reason` tells why it could not even be run."""

    colour: str
    outcome: str
    took_ms: float
    reason: str = ""
    result: Result | None = None

    @property
    def is_right(self) -> bool:
        """Whether the run's outcome is the colour that it must have."""
        return self.outcome == self.colour

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "colour": self.colour,
            "result": self.outcome,
            "is_right": self.is_right,
            "duration_ms": round(self.took_ms),
            **({"reason": self.reason} if self.reason else {}),
        }


async def run_once(client: RunnerClient, start_point: StartPoint) -> Ran:
    """Run the start point, as a learner's press of [test] would."""
    began_s = time.perf_counter()
    result = await client.run(
        start_point.files,
        start_point.image_name,
        max_seconds=start_point.max_seconds,
        rag_lambda=start_point.rag_lambda,
        hidden_filenames=start_point.hidden_filenames,
        id="author",
    )
    return Ran(result, 1000 * (time.perf_counter() - began_s))


async def check_colours(
    client: RunnerClient, start_point: StartPoint, replacements: Mapping[str, Replacement]
) -> AsyncIterator[Checked]:
    """Run the start point in each of its colours, and yield each result."""
    for colour in COLOURS:
        try:
            changed = in_colour(colour, start_point, replacements)
        except StartPointError as error:
            yield Checked(colour, "not run", 0.0, str(error))
        else:
            ran = await run_once(client, changed)
            yield Checked(colour, ran.result.outcome, ran.took_ms, result=ran.result)
