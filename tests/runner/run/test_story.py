"""The facts of a run while it goes on."""

import pytest

from runner.run.story import Story


def test_the_colour_takes_what_it_takes_longer_than_the_files() -> None:
    """Files and colour are looked at side by side, so no second of a learner's counts twice."""
    story = Story(0.0, harvested_s=10.25)

    story.judged(answered_s=10.0, judged_s=11.0)

    assert story.phases_s == {"harvest": 0.25, "colour": 0.75}


def test_a_colour_that_was_known_before_the_files_takes_no_time() -> None:
    """The files alone are what the learner has waited for."""
    story = Story(0.0, harvested_s=10.5)

    story.judged(answered_s=10.0, judged_s=10.5)

    assert story.phases_s == {"harvest": 0.5, "colour": 0.0}


def test_without_a_colour_there_is_no_such_phase() -> None:
    """A time-out has no colour, so none was asked for."""
    story = Story(0.0, harvested_s=None)

    story.judged(answered_s=10.0, judged_s=10.125)

    assert story.phases_s == {"harvest": pytest.approx(0.125)}
