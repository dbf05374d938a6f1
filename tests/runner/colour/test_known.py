"""A colour is asked for once for the same lambda, output and status."""

from runner.colour.known import KnownColours, question_of
from runner.colour.traffic_light import Colour

SOURCE = "lambda { |_stdout, _stderr, status| status == 0 ? :green : :red }"


class TestQuestion:
    def test_the_same_arguments_are_the_same_question(self) -> None:
        assert question_of(SOURCE, "out", "err", "0") == question_of(SOURCE, "out", "err", "0")

    def test_each_argument_counts_and_where_it_ends(self) -> None:
        questions = [
            question_of(*arguments)
            for arguments in (
                (SOURCE, "out", "err", "0"),
                (SOURCE + " ", "out", "err", "0"),
                (SOURCE, "oute", "rr", "0"),
                (SOURCE, "out", "err0", ""),
                (SOURCE, "err", "out", "0"),
                (SOURCE, "out", "err", "1"),
                (SOURCE, "", "outerr", "0"),
            )
        ]
        assert len(set(questions)) == len(questions)

    def test_nothing_that_a_learner_printed_is_kept(self) -> None:
        assert len(question_of(SOURCE, "x" * 51_200, "y" * 51_200, "0")) == 32

    def test_a_lone_surrogate_is_a_question_too(self) -> None:
        assert question_of(SOURCE, "\ud800", "", "0") != question_of(SOURCE, "", "", "0")


class TestKnownColours:
    def test_what_was_never_decided_is_not_known(self) -> None:
        assert KnownColours().get(b"one") is None

    def test_what_was_decided_is_known(self) -> None:
        known = KnownColours()
        known.put(b"one", Colour.RED)
        assert known.get(b"one") is Colour.RED
        assert known.get(b"two") is None

    def test_the_one_asked_for_longest_ago_is_forgotten(self) -> None:
        known = KnownColours(most=2)
        known.put(b"one", Colour.RED)
        known.put(b"two", Colour.AMBER)
        assert known.get(b"one") is Colour.RED
        known.put(b"three", Colour.GREEN)
        assert [known.get(name) for name in (b"one", b"two", b"three")] == [
            Colour.RED,
            None,
            Colour.GREEN,
        ]

    def test_putting_again_makes_it_young(self) -> None:
        known = KnownColours(most=2)
        known.put(b"one", Colour.RED)
        known.put(b"two", Colour.AMBER)
        known.put(b"one", Colour.RED)
        known.put(b"three", Colour.GREEN)
        assert known.get(b"one") is Colour.RED
        assert known.get(b"two") is None
