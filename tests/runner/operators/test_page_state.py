"""The state that the live page shows: one replica's, and what its siblings tell."""

import json
from typing import Any

from runner.operators.neighbours import Neighbour
from runner.operators.page_state import MOST_ROWS, state_of
from runner.operators.recent_runs import MOST_BAD, BadRun, RunsSeen
from runner.operators.replica_view import BadRunView, ReplicaView

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
    """The latest first, each with the name of its replica."""
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


def test_a_sibling_that_is_ourselves_is_not_shown_twice() -> None:
    """A list of siblings may name this replica, too."""
    itself = Neighbour(OWN.model_copy(update={"bad_runs": (BadRunView(at=30.0),)}))

    assert len(bad_runs(ours(30.0), {"a:1": itself})) == 1
