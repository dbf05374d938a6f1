"""The state that the live page shows: one replica's, and what its siblings tell."""

import json
from typing import Any, ClassVar

from runner.operators.neighbours import Neighbour
from runner.operators.page_state import MOST_ROWS, state_of
from runner.operators.recent_runs import MOST_BAD, BadRun, RunsSeen
from runner.operators.replica_view import BadRunView, ImageView, PullView, ReplicaView

OWN = ReplicaView(status="ok", replica="a:4597", uptime_s=100)


def ours(*times: float) -> RunsSeen:
    """Bad runs that ended at these times."""
    runs = (BadRun(at, f"{at:g}", "gcc:1", "faulty", "143", "why", 1.0, {}) for at in times)
    return RunsSeen({}, {}, tuple(runs))


def sibling(name: str, *times: float) -> Neighbour:
    """A sibling with bad runs that ended at these times."""
    runs = tuple(BadRunView(at=at, kata_id=f"{at:g}", outcome="faulty") for at in times)
    return Neighbour(ReplicaView(status="ok", replica=name, bad_runs=runs))


def bad_runs(runs: RunsSeen, neighbours: dict[str, Neighbour]) -> list[dict[str, Any]]:
    """What the page shows under that heading."""
    found: list[dict[str, Any]] = json.loads(state_of(OWN, neighbours, runs, (), acts=False))[
        "bad_runs"
    ]
    return found


def test_bad_runs_of_all_replicas_are_one_list() -> None:
    """The latest bad run comes first, and each has the name of its replica."""
    shown = bad_runs(ours(30.0, 10.0), {"b:1": sibling("b", 20.0), "c:1": sibling("c", 40.0)})

    assert [(run["replica"], run["at"]) for run in shown] == [
        ("c", 40.0),
        ("a:4597", 30.0),
        ("b", 20.0),
        ("a:4597", 10.0),
    ]
    assert shown[0].keys() == shown[1].keys()


def test_no_sibling_displaces_our_own_bad_runs() -> None:
    """Whatever its clock says, and however many it tells: each has 50, and all have a bound."""
    future = [1e11 + number for number in range(300)]
    many = {f"s:{number}": sibling(f"s{number}", *future) for number in range(20)}

    shown = bad_runs(ours(30.0, 10.0), many)

    assert [run["at"] for run in shown if run["replica"] == OWN.replica] == [30.0, 10.0]
    assert len([run for run in shown if run["replica"] == "s0"]) == MOST_BAD
    assert len(shown) == MOST_ROWS


class CountedImage(ImageView):
    """Counts how many rows are made of images."""

    made: ClassVar[int] = 0

    @property
    def hit_rate(self) -> float | None:
        """The same, counted."""
        CountedImage.made += 1
        return super().hit_rate


class CountedPull(PullView):
    """Counts how many rows are made of pulls."""

    made: ClassVar[int] = 0

    def model_dump(self, **kwargs: Any) -> dict[str, Any]:
        """The same, counted."""
        CountedPull.made += 1
        return super().model_dump(**kwargs)


def test_no_more_rows_are_made_than_are_sent() -> None:
    """A hundred siblings of many images and pulls take no longer than a few; our own are sent."""
    CountedImage.made = CountedPull.made = 0
    names = [f"image {number}" for number in range(100)]
    images = {name: CountedImage(hits=1) for name in names}
    view = ReplicaView(status="ok", replica="b", uptime_s=1)
    full = view.model_copy(
        update={"images": images, "pulls": {name: CountedPull() for name in names}}
    )
    own = full.model_copy(update={"replica": "a"})
    neighbours = {f"b:{number}": Neighbour(full) for number in range(100)}

    state = json.loads(state_of(own, neighbours, ours(), (), acts=False))

    assert (CountedImage.made, CountedPull.made) == (MOST_ROWS, MOST_ROWS)
    for key in ("images", "pulls"):
        assert len(state[key]) == MOST_ROWS
        assert {row["name"] for row in state[key] if row["replica"] == "a"} == set(names)
    assert state["images_left_out"] == 101 * len(names) - MOST_ROWS


def test_a_sibling_that_is_ourselves_is_not_shown_twice() -> None:
    """A list of siblings may name this replica, too."""
    itself = Neighbour(OWN.model_copy(update={"bad_runs": (BadRunView(at=30.0),)}))

    assert len(bad_runs(ours(30.0), {"a:1": itself})) == 1
