"""What runs of an image usually take, as far as it is remembered."""

from hypothesis import given
from hypothesis import strategies as st

from runner.run.usual import IMAGES_REMEMBERED, RUNS_REMEMBERED, Usual, UsualTimes

SECONDS = st.floats(0, 60)


def usual_run_s(*runs_s: float) -> float:
    """What is usual after runs of these lengths."""
    times = UsualTimes()
    for run_s in runs_s:
        times.ended("sha256:1", run_s, run_s + 1)
    return times.of("sha256:1").run_s


def test_of_an_image_without_runs_nothing_is_known() -> None:
    """The times of an image without runs are zeros."""
    assert UsualTimes().of("sha256:1") == Usual(0, 0)


def test_each_image_has_times_of_its_own() -> None:
    """A slow image makes no other one slow."""
    times = UsualTimes()
    times.ended("sha256:1", 9.0, 10.0)

    assert times.of("sha256:1") == Usual(9.0, 10.0)
    assert times.of("sha256:2") == Usual()


def test_nearly_all_runs_take_no_longer() -> None:
    """A single long run decides only when it is the only one."""
    assert usual_run_s(15) == 15
    assert usual_run_s(15, 1) == 1
    assert usual_run_s(*[1] * 18, 15, 15) == 1
    assert usual_run_s(*[1] * 10, *[15] * 10) == 15


def test_what_was_slow_is_forgotten() -> None:
    """Only the latest runs count, as many as are remembered."""
    assert usual_run_s(*[15] * 100, *[1] * RUNS_REMEMBERED) == 1


def test_images_that_had_no_run_for_long_are_forgotten() -> None:
    """However many images there are, the memory has a bound."""
    times = UsualTimes()
    times.ended("old", 1.0, 1.0)
    for number in range(IMAGES_REMEMBERED):
        times.ended(str(number), 1.0, 1.0)

    assert times.of("old") == Usual()
    assert times.of("0") == Usual(1.0, 1.0)


@given(st.lists(SECONDS, min_size=1, max_size=60))
def test_what_is_usual_is_what_a_late_run_took(runs_s: list[float]) -> None:
    """The usual time is one of the remembered times, and at most a few of them are longer."""
    lately_s = runs_s[-RUNS_REMEMBERED:]
    usual_s = usual_run_s(*runs_s)

    assert usual_s in lately_s
    assert sum(one > usual_s for one in lately_s) <= max(1, len(lately_s) // 10 + 1)
