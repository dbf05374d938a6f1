"""What a soak makes of its samples, and a small one on the real engine."""

import pytest

from bench import engine_cost, soak
from bench.soak import MAY_GROW, Sample, grown, growth


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


@pytest.mark.docker
async def test_a_small_soak(capsys: pytest.CaptureFixture[str]) -> None:
    """A daemon runs kata in cells and the table is printed; a soak this short is not
    asked to be flat.
    """
    await soak.main(40, "cells")

    assert "{'green': 40}" in capsys.readouterr().out


@pytest.mark.docker
async def test_a_container_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every variant of a container is made, timed and removed."""
    assert await engine_cost.main(1, "no-such-runtime") == 0

    said = capsys.readouterr().out
    assert "as the" in said
    assert "no-such-runtime" in said
