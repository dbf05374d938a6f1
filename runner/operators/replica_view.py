"""One replica as the live page shows it, read from the JSON of `GET /health`.

This replica's own health goes through the same model as a sibling's, so the page shows both alike.
Anybody may answer at a sibling's address. So a text or a collection that is too long is cut here.
An answer with a number out of range, or with a value of another type, is refused as a whole. Of a
collection only the first such value is told, because words for thousands would hold up the loop.
"""

import statistics
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
)

MOST_ENTRIES = 300  # of each collection
_LONGEST_NAME = 200
_LONGEST_WORDS = 500
_MOST = 10**12

Count = Annotated[int, Field(ge=0, le=_MOST)]
Number = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
Name = Annotated[str, AfterValidator(lambda name: name[:_LONGEST_NAME])]
Words = Annotated[str, AfterValidator(lambda words: words[:_LONGEST_WORDS])]


def _cut(collection: Any) -> Any:
    if isinstance(collection, dict):
        return dict(islice(collection.items(), MOST_ENTRIES))
    return collection[:MOST_ENTRIES] if isinstance(collection, list | tuple) else collection


_T = TypeVar("_T")
_Cut = BeforeValidator(_cut)
ByName = Annotated[dict[Name, _T], FailFast(), _Cut]
Some = Annotated[tuple[_T, ...], FailFast(), _Cut]


class UnreadableHealthError(Exception):
    """A replica's answer is not the health of such a service; the message says why."""


class _Part(BaseModel):
    """A part of the answer. Fields that other versions do not send have defaults."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class EngineView(_Part):
    """Whether a replica's engine answers."""

    answers: bool = False
    listening: bool = False


class ColoursView(_Part):
    """Whether colours can be told, and why not."""

    can_be_told: bool = True
    faulty: Count = 0
    last_error: Words = ""


class LimitsView(_Part):
    """The one limit of a replica that the page shows; None if the replica does not tell it."""

    runs_at_once: Count | None = None


class ReuseView(_Part):
    """The kind of containers that runs get, and why not cells."""

    wanted: Name = ""
    kind: Name = ""
    why_no_cells: Words = ""


class LoopView(_Part):
    """One loop in the background."""

    is_running: bool = True
    failures: Count = 0
    last_error: Words = ""


class PullView(_Part):
    """One pull that is under way, or has failed and will be tried again."""

    since_s: Number = 0
    attempts: Count = 0
    last_error: Words = ""


class ToldView(_Part):
    """A sibling, as the replica that tells it of takes sees it."""

    address: Name = ""
    sent: Count = 0
    failed: Count = 0
    paused_s: Number = 0
    last_error: Words = ""


class ImageView(_Part):
    """One image's pool. docs/api.md tells what each number means."""

    warm: Count = 0
    starting: Count = 0
    leased: Count = 0
    target: Count = 0
    hits: Count = 0
    misses: Count = 0
    fill_seconds: Some[Number] = ()
    mode: Name = ""
    why: Words = ""
    last_error: Words = ""
    breaker_pause_s: Number = 0

    @property
    def hit_rate(self) -> float | None:
        """The part of the takes that found a warm container; None without takes."""
        takes = self.hits + self.misses
        return self.hits / takes if takes else None

    @property
    def warming_s(self) -> float | None:
        """The median of the latest starts' seconds; None without starts."""
        return statistics.median(self.fill_seconds) if self.fill_seconds else None


class BadRunView(_Part):
    """One run that ended badly; see BadRun."""

    at: Number = 0
    kata_id: Name = ""
    image: Name = ""
    outcome: Name = ""
    status: Name = ""
    reason: Words = ""
    took_s: Number = 0
    phases_s: ByName[Number] = {}


class ReplicaView(_Part):
    """A replica. `pulls` is empty if the replica tells only the names of the images it pulls."""

    status: Name
    replica: Name
    uptime_s: Number = 0
    engine: EngineView = EngineView()
    running: Count = 0
    queued: Count = 0
    refused: Count = 0
    limits: LimitsView = LimitsView()
    colours: ColoursView = ColoursView()
    reuse: ReuseView = ReuseView()
    loops: ByName[LoopView] = {}
    pulling: Some[Name] = ()
    pulls: ByName[PullView] = {}
    siblings: Some[ToldView] = ()
    heard_ago_s: ByName[Number] = {}
    images: ByName[ImageView] = {}
    bad_runs: Some[BadRunView] = ()

    @property
    def all_pulls(self) -> Mapping[str, PullView]:
        """All pulls by name, also those of which only the name is known."""
        return {**{name: PullView() for name in self.pulling}, **self.pulls}


def view_of(health: Mapping[str, Any]) -> ReplicaView:
    """The view of this replica's own health, see Health.as_json."""
    return ReplicaView.model_validate(health)


def view_in(answer: bytes) -> ReplicaView:
    """The view of the health that another replica answered. Raises UnreadableHealthError."""
    try:
        return ReplicaView.model_validate_json(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableHealthError(f"{where}: {first['msg']}"[:_LONGEST_NAME]) from error
