"""What the live page takes of a replica's health, be it ours or that of a hostile one."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from runner.operators.replica_view import (
    MOST_ENTRIES,
    PullView,
    UnreadableHealthError,
    view_in,
    view_of,
)
from tests.serving import Served

LEAST = {"status": "ok", "replica": "b:4597"}


def answer(**fields: Any) -> bytes:
    """The answer of a replica."""
    return json.dumps({**LEAST, **fields}).encode()


async def test_our_own_health_is_read_whole(fake_http: Served) -> None:
    """Each field that the page shows is in the health that a service tells of itself."""
    await fake_http.run()
    health = fake_http.service.health()
    view = view_of(health.as_json())

    assert (view.status, view.replica, view.engine.answers) == ("ok", health.replica, True)
    assert view.images[fake_http.image].hits == health.pools[fake_http.image].hits
    assert view.images[fake_http.image].mode == "read-only"


def test_what_an_older_replica_does_not_tell_has_a_default() -> None:
    """Replicas of two versions serve beside each other during an update."""
    view = view_in(answer())

    assert (view.images, view.running, view.all_pulls) == ({}, 0, {})


def test_what_a_newer_replica_tells_is_passed_over() -> None:
    """A field that we do not know changes nothing."""
    assert view_in(answer(novelty={"deep": [1]})) == view_in(answer())


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<html>",
        b"[]",
        b"[" * 100_000,
        b'{"status": "ok"}',
        answer(running=-1),
        answer(running=10**30),
        answer(running="many"),
        answer(images=[]),
        answer(bad_runs=[{"at": "soon"}]),
        answer(bad_runs=[{"phases_s": {"run": -1}}]),
        answer(images={"x": {"warm": float("nan")}}),
        answer(uptime_s=float("inf")),
        answer(pulls={"x": {"since_s": -1}}),
        b'{"status": "ok", "replica": "\\ud800"}',
        b'{"status": "ok", "replica": "\xff"}',
    ],
)
def test_what_is_no_health_is_refused(sent: bytes) -> None:
    """A number out of range, or a value of another type, refuses the whole answer."""
    with pytest.raises(UnreadableHealthError):
        view_in(sent)


WRONG = ["x"] * MOST_ENTRIES


@pytest.mark.parametrize(
    "fields",
    [
        {"images": {f"image {number}": {"fill_seconds": WRONG} for number in range(MOST_ENTRIES)}},
        {"images": {f"image {number}": 1 for number in range(MOST_ENTRIES)}},
        {"bad_runs": [{"phases_s": dict.fromkeys(map(str, range(MOST_ENTRIES)), "x")}] * 300},
        {"siblings": WRONG, "pulling": [1] * MOST_ENTRIES},
        {key: dict(enumerate(WRONG)) for key in ("pulls", "heard_ago_s", "loops", "images")},
    ],
)
def test_many_wrong_values_are_refused_by_the_first(fields: dict[str, Any]) -> None:
    """Pydantic makes words for each error, so that a hundred thousand would hold up the loop."""
    with pytest.raises(UnreadableHealthError) as caught:
        view_in(answer(**fields))

    assert isinstance(caught.value.__cause__, ValidationError)
    assert caught.value.__cause__.error_count() < 10


def test_what_is_too_long_is_cut() -> None:
    """A sibling can make the page neither slow nor large."""
    images = {f"image {number}": {"last_error": "x" * 9999} for number in range(2 * MOST_ENTRIES)}
    view = view_in(answer(replica="r" * 9999, images=images, pulling=["p"] * 9999))

    assert len(view.images) == MOST_ENTRIES
    assert {len(image.last_error) for image in view.images.values()} == {500}
    assert (len(view.replica), len(view.pulling)) == (200, MOST_ENTRIES)


def test_a_pull_of_which_only_the_name_is_known_is_shown() -> None:
    """A replica that tells no attempts still tells what it pulls."""
    view = view_in(answer(pulling=["a", "b"], pulls={"b": {"attempts": 3, "last_error": "no"}}))

    assert view.all_pulls == {"a": PullView(), "b": PullView(attempts=3, last_error="no")}


def test_rates_need_something_to_tell_of() -> None:
    """Without a take there is no hit rate, and without a start no time to warm."""
    used = {"hits": 3, "misses": 1, "fill_seconds": [0.1, 0.3, 9.0]}
    images = view_in(answer(images={"fresh": {}, "used": used})).images

    assert (images["fresh"].hit_rate, images["fresh"].warming_s) == (None, None)
    assert (images["used"].hit_rate, images["used"].warming_s) == (0.75, 0.3)
