"""Settings refuse nonsense."""

import pytest

from pool import PoolSettings


@pytest.mark.parametrize("settings", [{"target": -1}, {"refills_at_once": 0}])
def test_refuses_nonsense(settings: dict[str, int]) -> None:
    """A pool that could never work is refused when its settings are built."""
    with pytest.raises(ValueError, match=f"{next(iter(settings))} must be"):
        PoolSettings(**settings)  # type: ignore[arg-type]


def test_a_target_of_none_is_allowed() -> None:
    """An operator may switch the warm containers off."""
    assert PoolSettings(target=0).target == 0
