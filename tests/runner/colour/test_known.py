"""A colour is asked for once for the same lambda, output and status."""

from runner.colour.known import KnownColours, question_of
from runner.colour.questions import Colour

SOURCE = "lambda { |_stdout, _stderr, status| status == 0 ? :green : :red }"


class TestQuestion:
    """What makes two questions the same."""

    def test_the_same_arguments_are_the_same_question(self) -> None:
        """Equal lambda, output and status make equal digests."""
        assert question_of(SOURCE, "out", "err", "0") == question_of(SOURCE, "out", "err", "0")

    def test_each_argument_counts_and_where_it_ends(self) -> None:
        """A byte that moves from one argument to the next makes another question."""
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
        """A question is a digest of 32 bytes, however much was printed."""
        assert len(question_of(SOURCE, "x" * 51_200, "y" * 51_200, "0")) == 32

    def test_a_lone_surrogate_is_a_question_too(self) -> None:
        """Text that has no UTF-8 form can be asked about, too."""
        assert question_of(SOURCE, "\ud800", "", "0") != question_of(SOURCE, "", "", "0")


class TestKnownColours:
    """What is remembered, and for how long."""

    def test_what_was_never_decided_is_not_known(self) -> None:
        """The first to ask gets no answer from memory."""
        assert KnownColours().get(b"one") is None

    def test_what_was_decided_is_known(self) -> None:
        """A colour is told to the next who asks the same, and to nobody else."""
        known = KnownColours()
        known.put(b"one", Colour.RED)
        assert known.get(b"one") is Colour.RED
        assert known.get(b"two") is None

    def test_the_one_asked_for_longest_ago_is_forgotten(self) -> None:
        """Asking for a colour keeps it from being forgotten first."""
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
        """A colour that was decided once more is not the next to be forgotten."""
        known = KnownColours(most=2)
        known.put(b"one", Colour.RED)
        known.put(b"two", Colour.AMBER)
        known.put(b"one", Colour.RED)
        known.put(b"three", Colour.GREEN)
        assert known.get(b"one") is Colour.RED
        assert known.get(b"two") is None
