"""What an engine tells of its containers, which may have any shape."""

import pytest

from pool import DockerClient, DockerContainers, EngineError
from pool.orphans import is_orphan, is_provably_dead

from .fake_dockerd import FakeDockerd, answer


@pytest.fixture
def containers(client: DockerClient) -> DockerContainers:
    """Containers of the scripted engine."""
    return DockerContainers(client)


async def test_one_whose_removal_is_under_way_is_listed_without_a_name(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """The engine forgets a name before it forgets its container."""
    dying = {"Id": "c1", "Names": [], "State": "removing", "Labels": {"a": "1"}}
    dockerd.on("GET /containers/json", answer([dying]))

    (seen,) = await containers.list_containers("a=1")

    assert (seen.container_id, seen.name, seen.state) == ("c1", "", "removing")


@pytest.mark.parametrize("more", [{"Created": 1_700_000_000}, {}])
async def test_when_it_was_created_is_in_the_list(
    dockerd: FakeDockerd, containers: DockerContainers, more: dict[str, int]
) -> None:
    """The list has the time of creation in Unix time; None where the engine does not tell it."""
    listed = {"Id": "c1", "Names": ["/one"], "State": "created", "Labels": {"a": "1"}, **more}
    dockerd.on("GET /containers/json", answer([listed]))

    (seen,) = await containers.list_containers("a=1")

    assert seen.created_s == more.get("Created")


@pytest.mark.parametrize(
    "odd",
    [
        {"Labels": None, "Created": None},
        {"Labels": {"a": 1}, "Created": "soon"},
        {"Labels": ["a"], "Created": True, "Names": None},
        {"Labels": "a", "Created": {}, "State": ["running"]},
        {"Names": None, "State": None},
    ],
)
async def test_what_is_odd_in_a_list_is_passed_over(
    dockerd: FakeDockerd, containers: DockerContainers, odd: dict[str, object]
) -> None:
    """A container is listed without what is odd in its description, so it keeps no
    others from a sweep.
    """
    listed = {"Id": "c1", "Names": ["/one"], "State": "created", "Labels": {}, "Created": 1, **odd}
    dockerd.on("GET /containers/json", answer([listed]))

    (seen,) = await containers.list_containers("a=1")

    assert seen.container_id == "c1"
    assert seen.name == ("one" if odd.get("Names", 1) else "")
    assert seen.labels == {}
    assert seen.created_s == (None if "Created" in odd else 1)
    assert not is_orphan(seen, is_provably_dead, now_s=0)


@pytest.mark.parametrize(
    "state",
    [
        {"Status": "exited \ud83d", "ExitCode": 1, "Error": "\ud83d"},
        {"Status": ["exited"], "ExitCode": None, "Error": {"a": "x" * 10_000}},
    ],
)
async def test_last_words_can_be_written_down(
    dockerd: FakeDockerd, containers: DockerContainers, state: dict[str, object]
) -> None:
    """A learner reads them: they can be encoded, and are no longer than an error of the engine."""
    dockerd.on("POST /containers/c1/wait", answer({"StatusCode": 1}))
    dockerd.on("GET /containers/c1/json", answer({"State": state}))

    words = await containers.last_words("c1")

    assert words.encode()
    assert "exited" in words
    assert len(words) < 1_100


@pytest.mark.parametrize(
    "listed",
    [
        {"message": "hello"},
        None,
        [5],
        [{"Names": []}],
        [{"Id": 5, "Names": [], "State": "", "Labels": {}}],
    ],
)
async def test_a_list_of_another_shape_is_an_error(
    dockerd: FakeDockerd,
    containers: DockerContainers,
    reported: list[EngineError],
    listed: object,
) -> None:
    """An answer that is no list of containers is an error of the engine, and is reported."""
    dockerd.on("GET /containers/json", answer(listed))

    with pytest.raises(EngineError) as caught:
        await containers.list_containers("a=1")

    assert reported == [caught.value]
