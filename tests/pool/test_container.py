"""A container only ever moves forward."""

import pytest

from pool import Container, State
from tests.fakes import FakeStream


def a_container(state: State) -> Container:
    """A container in that state."""
    return Container("id", "name", "image", FakeStream(), born_s=1.0, stale_s=9.0, state=state)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.WARM, State.LEASED),
        (State.WARM, State.DISCARDED),
        (State.LEASED, State.WARM),
        (State.LEASED, State.DISCARDED),
    ],
)
def test_makes_the_legal_moves(before: State, after: State) -> None:
    """A warm container is leased, a leased one becomes warm or resetting, and each
    may be discarded.
    """
    container = a_container(before)

    container.move(after)

    assert container.state is after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.WARM, State.WARM),
        (State.LEASED, State.LEASED),
        (State.DISCARDED, State.WARM),
        (State.DISCARDED, State.LEASED),
        (State.DISCARDED, State.DISCARDED),
    ],
)
def test_refuses_all_other_moves(before: State, after: State) -> None:
    """No container is leased twice, discarded twice, or warm after that."""
    container = a_container(before)

    with pytest.raises(ValueError, match=f"name is {before.value}, cannot become {after.value}"):
        container.move(after)

    assert container.state is before


def test_two_containers_are_never_equal() -> None:
    """A container is itself, not its data: books hold it by identity."""
    assert a_container(State.WARM) != a_container(State.WARM)
