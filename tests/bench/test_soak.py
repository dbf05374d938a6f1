"""What a soak makes of its samples and answers, and a small one on the real engine."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bench import engine_cost, soak
from bench.mixture import changed, created, ended, in_order, mixture, refused
from bench.soak import MAY_GROW, Found, Sample, faults, grown, growth
from tests.adversary.alive import AliveTimes


def samples(**held: list[float]) -> list[Sample]:
    """One sample for each number; what is not given stays the same."""
    count = len(next(iter(held.values())))
    return [
        Sample(number, {**dict.fromkeys(MAY_GROW, 5.0), **{n: v[number] for n, v in held.items()}})
        for number in range(count)
    ]


def test_what_stays_is_flat() -> None:
    """Neither a warm-up nor a peak counts as growth."""
    found = samples(memory_mib=[50, 60, 70, 70, 70, 70, 90, 70, 70, 70, 70, 70])

    assert grown(growth(found)) == []


@pytest.mark.parametrize("name", MAY_GROW)
def test_what_grows_is_named(name: str) -> None:
    """What grows a little with each sample, and more than it may in all, is named."""
    found = samples(**{name: [float(number) for number in range(40)]})

    assert growth(found)[name] > MAY_GROW[name]
    assert grown(growth(found)) == [name]


def test_all_that_is_wrong_is_told() -> None:
    """Growth, wrong answers, what is left behind, and a daemon that is not quick to answer."""
    flat = samples(memory_mib=[60.0] * 12)
    growing = samples(volumes=[float(number) for number in range(12)])

    assert faults(Found(AliveTimes([0.01]), flat)) == []
    assert faults(Found(AliveTimes([0.2]), growing, wrong=["green: 500"], left=2)) == [
        "grown: volumes",
        "1 wrong answers, such as green: 500",
        "2 containers were left behind",
        "/alive took 200 ms, at the 99th percentile",
    ]


def result(outcome: str, status: str, **more: Any) -> dict[str, Any]:
    """The answer of a run."""
    keys = {"stdout": {"content": "out"}, "changed": {}, "created": {}, **more}
    return {"run_cyber_dojo_sh": {"outcome": outcome, "status": status, **keys}}


@pytest.mark.parametrize(
    ("is_right", "status", "answer", "expected"),
    [
        (ended("green/0"), 200, result("green", "0"), True),
        (ended("faulty/144 green/0"), 200, result("faulty", "144"), True),
        (ended("green/0"), 200, result("green", "1"), False),
        (ended("green/0", "out"), 200, result("green", "0"), True),
        (ended("green/0", "other"), 200, result("green", "0"), False),
        (ended("green/0"), 503, {"exception": {}}, False),
        (changed(1), 200, result("green", "0", changed={"a": {}}), True),
        (changed(2), 200, result("green", "0", changed={"a": {}}), False),
        (created(1), 200, result("green", "0", created={"a": {}}), True),
        (created(1), 200, result("red", "0", created={"a": {}}), False),
        (refused(400), 400, {"exception": {}}, True),
        (refused(400), 200, result("green", "0"), False),
    ],
)
def test_an_answer_is_judged(
    is_right: Callable[[int, Mapping[str, Any]], bool],
    status: int,
    answer: dict[str, Any],
    expected: bool,
) -> None:
    """Each kind of request knows the answers that are right for it."""
    assert is_right(status, answer) is expected


def test_the_order_is_the_same_each_time_and_has_every_kind() -> None:
    """A soak sends its requests in the same order each time, with every kind, so two
    soaks can be compared.
    """
    kinds = mixture()
    order = [kind.name for kind in in_order(kinds, 1000)]

    assert order == [kind.name for kind in in_order(kinds, 1000)]
    assert set(order) == {kind.name for kind in kinds}


@pytest.mark.docker
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("reuse", "requests"), [("cells", 100), ("never", 40)])
async def test_a_small_soak(reuse: str, requests: int) -> None:
    """Good, failing and hostile runs, and clients that leave: all answers right, nothing grown."""
    found = await soak.soak(requests, reuse)

    assert found.wrong == []
    assert found.sent.total() == requests
    assert grown(growth(found.samples)) == []
    assert found.killed >= 1
    assert found.left == 0
    assert len(found.alive.seconds) > requests
    assert found.alive.worst_s < math.inf


@pytest.mark.docker
@pytest.mark.long
async def test_a_container_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every variant of a container is made, timed and removed."""
    assert await engine_cost.main(1, "no-such-runtime") == 0

    said = capsys.readouterr().out
    assert "as the" in said
    assert "no-such-runtime" in said
