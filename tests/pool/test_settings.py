"""Settings refuse nonsense."""

from typing import Any

import pytest

from pool import PoolSettings, Sizes


@pytest.mark.parametrize("settings", [{"host_containers": -1}, {"refills_at_once": 0}])
def test_refuses_nonsense(settings: dict[str, Any]) -> None:
    """A pool that could never work is refused when its settings are built."""
    with pytest.raises(ValueError, match=f"{next(iter(settings))} must be"):
        PoolSettings(**settings)


@pytest.mark.parametrize("sizes", [(-1, 2, 0), (3, 2, 0), (0, 2, -1)])
def test_refuses_sizes_that_cannot_be(sizes: tuple[int, int, int]) -> None:
    """A minimum above the maximum, or a negative number, is refused."""
    with pytest.raises(ValueError, match="must be"):
        Sizes(*sizes)
