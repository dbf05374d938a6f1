"""Which file names the traffic light hides."""

import asyncio

import pytest

from runner.colour.questions import BadPatternError, NoAnswerError
from runner.colour.traffic_light import TrafficLight
from tests.runner.colour.support import (
    GREEN_IF_OK,
    ask,
)

pytestmark = pytest.mark.docker


class TestHidden:
    """Which file names are not returned."""

    @pytest.mark.parametrize(
        ("patterns", "names", "hidden"),
        [
            ([], ["a"], set()),
            (["x"], [], set()),
            (["^a", "b$"], ["ab", "ba", "xyb", "xyz", "ya"], {"ab", "xyb"}),
            ([r"\.pyc?\Z"], ["a.py", "a.pyc", "a.pycc"], {"a.py", "a.pyc"}),
            (["(?i)README"], ["readme.md", "src/ReadMe"], {"readme.md", "src/ReadMe"}),
            (["^b"], ["a\nb", "ab"], {"a\nb"}),
            (["."], ["", "\n", "x"], {"x"}),
            ([r"\h+\z"], ["xyz", "0f"], {"0f"}),
            (["\u20ac|\\p{Greek}"], ["a\u20ac", "\u03b1", "a"], {"a\u20ac", "\u03b1"}),
            (["#{x}", "'", '"', "\\\\"], ["'", '"', "\\", "#x"], {"'", '"', "\\"}),
            (["^(?!keep)"], ["keep", "drop"], {"drop"}),
        ],
    )
    async def test_patterns_are_rubys_own(
        self, light: TrafficLight, patterns: list[str], names: list[str], hidden: set[str]
    ) -> None:
        """A name is hidden if one of the patterns matches in it, by Ruby's rules."""
        assert await light.hidden(patterns, names) == hidden

    @pytest.mark.parametrize(("pattern", "words"), [("(b", "unmatched"), ("*", "repeat")])
    async def test_a_bad_pattern_is_named(
        self, light: TrafficLight, pattern: str, words: str
    ) -> None:
        """The error says which pattern is none, in Ruby's words."""
        with pytest.raises(BadPatternError) as caught:
            await light.hidden(["fine", "fine", pattern], ["a"])

        assert caught.value.index == 2
        assert words in caught.value.message

    async def test_a_catastrophic_pattern_is_ended(self, hasty: TrafficLight) -> None:
        """A pattern that never ends has no answer, and harms no other question."""
        await ask(hasty, GREEN_IF_OK)
        slow = asyncio.create_task(hasty.hidden([r"^(a|aa)+\1?b$"], ["a" * 60 + "b!"]))

        assert await hasty.hidden(["a"], ["a", "b"]) == {"a"}
        with pytest.raises(NoAnswerError) as caught:
            await slow
        assert caught.value.class_ == "Timeout"

    async def test_thousands_of_names(self, light: TrafficLight) -> None:
        """A run may have created any number of files."""
        names = [f"src/deep/down/file_{index}.txt" for index in range(20_000)]

        assert await light.hidden(["[02468].txt$"], names) == set(names[::2])
