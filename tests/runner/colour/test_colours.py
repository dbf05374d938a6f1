"""What a lambda is given, and which answers of it are colours."""

import asyncio
import statistics
import time

import pytest

from runner.colour.questions import Colour
from runner.colour.traffic_light import TrafficLight
from tests.runner.colour.support import (
    GREEN_IF_OK,
    ask,
)

pytestmark = pytest.mark.docker


class TestColours:
    """What an honest lambda is given and may say."""

    @pytest.mark.parametrize("colour", list(Colour))
    @pytest.mark.parametrize("literal", [":{}", "'{}'"])
    async def test_a_colour_is_a_string_or_a_symbol(
        self, light: TrafficLight, colour: Colour, literal: str
    ) -> None:
        """Red, amber and green count as string and as symbol."""
        assert await ask(light, f"->(o, e, s) {{ {literal.format(colour)} }}") is colour

    async def test_any_callable_will_do(self, light: TrafficLight) -> None:
        """A proc is called as a lambda is."""
        assert await ask(light, "proc { |stdout| :amber }") is Colour.AMBER

    async def test_the_three_arguments_come_in_order(self, light: TrafficLight) -> None:
        """A lambda is called with stdout, stderr and status."""
        source = '->(o, e, s) { [o, e, s] == ["out", "err", 7] ? :green : :red }'

        assert await ask(light, source, "out", "err", "7") is Colour.GREEN

    @pytest.mark.parametrize(
        ("status", "number"),
        [("0", 0), ("256", 256), ("", 0), ("abc", 0), ("3x", 3), ("-1", -1), (" 4", 4)],
    )
    async def test_status_is_made_an_integer_as_ruby_does_it(
        self, light: TrafficLight, status: str, number: int
    ) -> None:
        """The status is text; the lambda gets `to_i` of it."""
        source = f"->(o, e, s) {{ s.equal?({number}) ? :green : :red }}"

        assert await ask(light, source, status=status) is Colour.GREEN

    @pytest.mark.parametrize(
        ("text", "ruby"),
        [
            ("a\0b", r'"a\0b"'),
            ("__END__\nx", r'"__END__\nx"'),
            ("#{exit!} #$0", r"'#{exit!} #$0'"),
            ('1 16\n{"colour":"green"}', r"""%q(1 16) + "\n" + '{"colour":"green"}'"""),
            ("\"\\'`\r\x1b\x7f", r"""%q("\\') + "`\r\e\x7f" """),
            ("\u20ac \U0001f600 \ufffd \u2028", r'"\u20ac \u{1f600} \ufffd \u2028"'),
            ("\u20ac" * 50_000, r'"\u20ac" * 50_000'),
            ("\0" * 51_200, r'"\0" * 51_200'),
        ],
    )
    async def test_output_is_passed_as_data(
        self, light: TrafficLight, text: str, ruby: str
    ) -> None:
        """The lambda gets the output unchanged, as valid UTF-8."""
        source = f"""->(o, e, s) {{
            [o, e].all? {{ |it| it == {ruby} && it.encoding == Encoding::UTF_8 }} ? :green : :red
        }}"""

        assert await ask(light, source, text, text) is Colour.GREEN

    async def test_a_source_may_be_any_text(self, light: TrafficLight) -> None:
        """Source is UTF-8, with comments and helpers of its own."""
        source = """
            # décide
            COLOUR = "vert €"
            def colour_of(text) = text.include?("€") ? :green : :red
            ->(stdout, stderr, status) { colour_of(COLOUR) }
        """

        assert await ask(light, source) is Colour.GREEN

    async def test_many_questions_keep_their_answers_apart(self, light: TrafficLight) -> None:
        """Each of a hundred questions that are asked at once gets its own answer."""
        colours = [list(Colour)[index % 3] for index in range(100)]

        answers = await asyncio.gather(
            *(ask(light, "->(o, e, s) { o }", colour) for colour in colours)
        )

        assert answers == colours

    async def test_a_warm_answer_takes_a_fraction_of_a_cold_one(
        self, light: TrafficLight, own_light: TrafficLight
    ) -> None:
        """A warm colour takes 3 ms, a start 300.

        A quarter of that would mean that no process was waiting.
        """

        async def time_of(light: TrafficLight) -> float:
            begin_s = time.perf_counter()
            await ask(light, GREEN_IF_OK)
            return time.perf_counter() - begin_s

        cold_s = await time_of(own_light)
        warm_s = [await time_of(light) for _ in range(50)]

        assert statistics.median(warm_s) < cold_s / 4
