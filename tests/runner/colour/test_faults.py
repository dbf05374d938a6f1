"""What the traffic light says of a lambda that is wrong."""

import pytest

from runner.colour.questions import ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.runner.colour.support import CALLING, EVALING, GREEN_IF_OK, HASTY_S, ILLEGAL, ask, fault

pytestmark = pytest.mark.docker


class TestFaults:
    """What is wrong with a lambda is told by context, class and message."""

    @pytest.mark.parametrize(
        ("source", "class_"),
        [
            ("->(o, e, s) {", "SyntaxError"),
            ("raise 'no'", "RuntimeError"),
            ("nonsense", "NameError"),
            ("require 'no/such/file'", "LoadError"),
            ("exit", "SystemExit"),
            ("throw :up", "UncaughtThrowError"),
            ("def deeper = deeper\ndeeper", "SystemStackError"),
        ],
    )
    async def test_source_that_cannot_be_evaluated(
        self, light: TrafficLight, source: str, class_: str
    ) -> None:
        """An error before there is a lambda is a fault of eval'ing."""
        answer = await fault(light, source)

        assert (answer.context, answer.class_) == (EVALING, class_)
        assert answer.message

    @pytest.mark.parametrize(
        ("source", "class_", "words"),
        [
            ("", "NoMethodError", "call"),
            ("42", "NoMethodError", "call"),
            ("->(o) { :red }", "ArgumentError", "given 3, expected 1"),
            ("->(o, e, s) { raise IndexError, 'beyond' }", "IndexError", "beyond"),
            ("->(o, e, s) { raise NotImplementedError, 'later' }", "NotImplementedError", "later"),
            ("->(o, e, s) { exit 3 }", "SystemExit", "exit"),
            ("->(o, e, s) { abort 'enough' }", "SystemExit", "enough"),
            ("->(o, e, s) { 'x' * (1 << 40) }", "NoMemoryError", "memory"),
            ("->(o, e, s) { [].fill(0, 0, 1 << 29) }", "NoMemoryError", "memory"),
            ("->(o, e, s) { File.write('/tmp/x', 'x') }", "Errno::EROFS", "/tmp/x"),
            ("->(o, e, s) { Thread.new { loop {} }.join }", "ThreadError", "create Thread"),
            ("->(o, e, s) { UNIXServer.new(0.chr + 'x') }", "Errno::EPERM", "socket"),
        ],
    )
    async def test_lambda_that_fails(
        self, light: TrafficLight, source: str, class_: str, words: str
    ) -> None:
        """Whatever ends the call, or is no lambda to begin with, is a fault of calling."""
        answer = await fault(light, source)

        assert (answer.context, answer.class_) == (CALLING, class_)
        assert words in answer.message

    @pytest.mark.parametrize(
        ("result", "class_", "words"),
        [
            ("nil", "NilClass", "nil"),
            ("'blue'", "String", '"blue"'),
            (":blue", "String", '"blue"'),
            ("'RED'", "String", '"RED"'),
            ("'red '", "String", '"red "'),
            ("7", "Integer", "7"),
            ("[:red]", "Array", "[:red]"),
            ("'x' * 100_000_000", "String", '"xxx'),
            ("('a'..'z').to_a * 10_000", "Array", '["a", "b"'),
            ("Class.new { def inspect = raise('evil') }.new", "RuntimeError", "evil"),
            ("Class.new { def inspect = 'evil' * 10_000_000 }.new", "#<Class", "evilevil"),
            ("Class.new { def to_s = 'red' }.new", "#<Class", "#<#<Class"),
            ("BasicObject.new", "NoMethodError", "undefined method"),
            ('"\\xff\\xfe"', "String", "\\xFF"),
        ],
    )
    async def test_answer_that_is_no_colour(
        self, light: TrafficLight, result: str, class_: str, words: str
    ) -> None:
        """Any other answer is an illegal colour; class and message show it, as far as it can be."""
        answer = await fault(light, f"->(o, e, s) {{ {result} }}")

        assert answer.context == ILLEGAL
        assert answer.class_.startswith(class_)
        assert words in answer.message

    @pytest.mark.parametrize(
        "message", ["'x' * 50_000_000", '"\\xff" * 3000', "'\u20ac' * 3000", '"\\0" * 3000']
    )
    async def test_words_are_bounded(self, light: TrafficLight, message: str) -> None:
        """A message is at most 1 KiB of valid UTF-8."""
        answer = await fault(light, f"->(o, e, s) {{ raise {message} }}")

        assert answer.context == CALLING
        assert len(answer.message.encode()) <= 1024

    @pytest.mark.parametrize(
        "source",
        [
            "sleep",
            "->(o, e, s) { loop {} }",
            "->(o, e, s) { sleep }",
            "->(o, e, s) { begin; sleep; rescue Exception; retry; end }",
            "->(o, e, s) { fork { loop {} } }",
            "->(o, e, s) { `ls` }",
            "->(o, e, s) { Process.kill(:STOP, Process.pid) }",
            "->(o, e, s) { /^(a|aa)+\\1?b$/.match?('a' * 60 + 'b!') }",
            "->(o, e, s) { Class.new { def inspect = sleep }.new }",
            "->(o, e, s) { Signal.list.each_key { |it| trap(it) {} rescue 0 }; loop {} }",
        ],
    )
    async def test_lambda_that_is_too_slow(self, hasty: TrafficLight, source: str) -> None:
        """A lambda that does not end is ended, and the fault says after what time."""
        hasty.start()

        answer = await fault(hasty, source)

        assert answer == ColourFault(CALLING, "Timeout", f"no answer within {HASTY_S} s")

    @pytest.mark.parametrize(
        "source",
        [
            "exit!",
            "->(o, e, s) { exit! }",
            "->(o, e, s) { Process.kill(:KILL, Process.pid) }",
            "->(o, e, s) { Process.kill(:SEGV, Process.pid) }",
            "->(o, e, s) { Process.kill(:KILL, -1); exit! }",
            "->(o, e, s) { ObjectSpace.each_object(IO) { |it| it.close rescue 0 }; :red }",
            "->(o, e, s) { (3..31).each { |it| IO.for_fd(it).close rescue 0 }; :red }",
            "->(o, e, s) { exec '/bin/true' }",
            "->(o, e, s) { raise Class.new(StandardError) { def message = exit! } }",
        ],
    )
    async def test_lambda_that_ends_its_process(self, light: TrafficLight, source: str) -> None:
        """A process that ends, or can no longer answer, gives a fault at once."""
        answer = await fault(light, source)

        assert answer.context == CALLING
        assert answer.class_ == "NoAnswer"

    async def test_a_question_that_is_too_large(self, light: TrafficLight) -> None:
        """A question of over 4 MiB is not even asked, and its answer is a fault."""
        answer = await ask(light, GREEN_IF_OK, "x" * 5_000_000)

        assert isinstance(answer, ColourFault)
        assert (answer.context, answer.class_) == (CALLING, "TooLarge")
