"""The traffic light on the real engine: what lambdas may say, and what they may not do."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pool import DockerClient, DockerContainers, DockerImages, EngineError
from runner.colour.lockdown import spec_for
from runner.colour.questions import BadPatternError, Colour, ColourFault, NoAnswerError
from runner.colour.traffic_light import TrafficLight
from tests.reports import unheard
from tests.waiting import eventually

pytestmark = pytest.mark.docker

RUBY = "dojo-runner/ruby:latest"
LABEL, OWN = "dojo-runner.test-traffic-light", "own"

EVALING = "exception when eval'ing lambda source"
CALLING = "exception when calling lambda source"
ILLEGAL = "illegal colour; must be one of ['red','amber','green']"

CELLS = 6  # in traffic_light.rb: a lambda that is asked this often has been in every one
HASTY_S = 0.3  # a time limit that tests can wait for

GREEN_IF_OK = '->(stdout, stderr, status) { stdout == "OK" ? :green : :red }'


@pytest.fixture(scope="module")
def images(docker_client: DockerClient) -> DockerImages:
    """Real images."""
    return DockerImages(docker_client, {LABEL: "images"})


@pytest.fixture(scope="module")
async def light(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """One for all tests that only ask, with the limits of every day."""
    light = TrafficLight(docker_containers, images, RUBY, {LABEL: "shared"}, unheard())
    yield light
    await light.close()


@pytest.fixture(scope="module")
async def hasty(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """As `light`; gives a lambda little time."""
    light = TrafficLight(
        docker_containers, images, RUBY, {LABEL: "hasty"}, unheard(), limit_s=HASTY_S
    )
    yield light
    await light.close()


@pytest.fixture
async def own_light(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """One for a test that ends it."""
    light = TrafficLight(docker_containers, images, RUBY, {LABEL: OWN}, unheard())
    yield light
    await light.close()


async def ask(
    light: TrafficLight, source: str, stdout: str = "", stderr: str = "", status: str = "0"
) -> Colour | ColourFault:
    """Ask for a colour, with nothing printed and status 0 for what does not matter."""
    return await light.colour(source, stdout, stderr, status)


async def fault(light: TrafficLight, source: str) -> ColourFault:
    """Ask where only a fault will do."""
    answer = await ask(light, source)
    assert isinstance(answer, ColourFault)
    return answer


async def evaluate(light: TrafficLight, ruby: str) -> Any:
    """What this Ruby, which must have a JSON form of less than 1 KiB, is worth in a lambda."""
    answer = await fault(light, f"->(o, e, s) {{ raise JSON.generate([({ruby})]) }}")
    assert (answer.context, answer.class_) == (CALLING, "RuntimeError"), answer
    return json.loads(answer.message)[0]


async def running(docker_containers: DockerContainers, whose: str = OWN) -> list[str]:
    """The ids of the containers that a traffic light runs in."""
    listed = await docker_containers.list_containers(f"{LABEL}={whose}")
    return [seen.container_id for seen in listed if seen.state == "running"]


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
        """Whatever was printed arrives unchanged, as valid UTF-8."""
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
        """Of a hundred questions asked at once each gets its own answer."""
        colours = [list(Colour)[index % 3] for index in range(100)]

        answers = await asyncio.gather(
            *(ask(light, "->(o, e, s) { o }", colour) for colour in colours)
        )

        assert answers == colours

    async def test_a_warm_answer_takes_milliseconds(self, light: TrafficLight) -> None:
        """Asking costs about 3 ms here; ten times as much would mean that something is cold."""
        times_s = []
        await ask(light, GREEN_IF_OK)
        for _ in range(50):
            begin_s = time.perf_counter()
            await ask(light, GREEN_IF_OK)
            times_s.append(time.perf_counter() - begin_s)

        assert statistics.median(times_s) < 0.03


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
        """What goes wrong before there is a lambda is a fault of eval'ing."""
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
            "->(o, e, s) { Thread.new { loop {} }.join }",
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
            "->(o, e, s) { Thread.new { exit! }.join }",
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
        """What is over 4 MiB is not even asked."""
        answer = await ask(light, GREEN_IF_OK, "x" * 5_000_000)

        assert isinstance(answer, ColourFault)
        assert (answer.context, answer.class_) == (CALLING, "TooLarge")


class TestIsolation:
    """A lambda can do nothing but decide its own colour."""

    async def test_a_lambda_has_no_privilege(self, light: TrafficLight) -> None:
        """It runs as a user of its own, without groups, capabilities, or a way back."""
        status = await evaluate(
            light,
            "File.readlines('/proc/self/status').map(&:split)"
            ".to_h { |it| [it[0], it[1..]] }.slice('Uid:', 'Gid:', 'Groups:', 'CapPrm:', 'CapEff:')"
            ".merge(File.readlines('/proc/self/status').grep(/NoNewPrivs/)[0].split[0] => 1)",
        )

        assert len(set(status["Uid:"] + status["Gid:"])) == 1
        assert int(status["Uid:"][0]) > 60_000
        assert status["Groups:"] in ([], status["Gid:"][:1])
        assert int(status["CapPrm:"][0], 16) == int(status["CapEff:"][0], 16) == 0
        assert await evaluate(light, "(Process::Sys.setuid(0) rescue $!.class)") == "Errno::EPERM"

    async def test_a_lambda_is_limited(self, light: TrafficLight) -> None:
        """Every limit of the kernel's is set on the lambda's own process, soft and hard alike."""
        names = "NPROC DATA AS NOFILE FSIZE CORE MSGQUEUE CPU"

        limits = await evaluate(light, f"%w[{names}].to_h {{ |it| [it, Process.getrlimit(it)] }}")

        assert limits == {
            "NPROC": [8, 8],
            "DATA": [192 << 20] * 2,
            "AS": [512 << 20] * 2,
            "NOFILE": [32, 32],
            "FSIZE": [0, 0],
            "CORE": [0, 0],
            "MSGQUEUE": [0, 0],
            "CPU": [2, 2],
        }
        assert await evaluate(light, "File.read('/proc/self/oom_score_adj').to_i") == 1000

    async def test_only_two_processes_are_root(self, light: TrafficLight) -> None:
        """The init, and the one that forks; not the one that speaks to the daemon.

        A cell is root, too, for the moments in which it locks itself down.
        """
        ruby = r"""Dir["/proc/[0-9]*/status"].map { |it| File.read(it) rescue "" }
            .select { |it| it.match?(/^Uid:.*\b0\b/) }
            .map { |it| it[/^Pid:\t(\d+)/, 1].to_i }.difference([1, Process.ppid])"""

        await eventually(lambda: evaluate(light, ruby), lambda found: found == [])

    async def test_a_lambda_sees_nothing(self, light: TrafficLight) -> None:
        """There is no network but loopback, no engine's socket, and nobody's secret."""
        interfaces = await evaluate(light, "Socket.getifaddrs.map(&:name).uniq")
        environment = await evaluate(light, "ENV.keys")

        assert set(interfaces) <= {"lo"}
        assert await evaluate(light, "Dir['/var/run/*.sock', '/run/*.sock']") == []
        assert set(environment) <= {
            "PATH", "HOME", "HOSTNAME", "LANG",
            "GEM_HOME", "BUNDLE_SILENCE_ROOT_WARNING", "BUNDLE_APP_CONFIG",
            "RUBY_VERSION", "RUBY_MAJOR", "RUBY_DOWNLOAD_URL", "RUBY_DOWNLOAD_SHA256",
        }  # fmt: skip

    async def test_a_lambda_holds_nothing_but_its_socket(self, light: TrafficLight) -> None:
        """Of what is open only the socket for its answer leads out of its process."""
        ruby = """Dir.children("/proc/self/fd")
            .map { |it| (File.readlink("/proc/self/fd/" + it) rescue "gone") }
            .map { |it| it[/[a-z]+/] }.tally"""

        held = await evaluate(light, ruby)

        # Reading the directory takes one; Ruby has event descriptors of its own.
        assert set(held) <= {"dev", "socket", "gone", "proc", "anon"}
        assert (held["dev"], held["socket"]) == (3, 1)

    @pytest.mark.parametrize(
        "path", ["/x", "/tmp/x", "/var/tmp/x", "/dev/shm/x", "/dev/mqueue/x", "/run/x", "/etc/x"]
    )
    async def test_there_is_nowhere_to_write(self, light: TrafficLight, path: str) -> None:
        """No file, not even an empty one, can be left for another lambda to find."""
        ruby = f"(File.open('{path}', 'w') {{}}; 'made') rescue $!.class.to_s"

        assert (await evaluate(light, ruby)).startswith("Errno::")

    async def test_nothing_of_a_question_is_left_in_memory(self, light: TrafficLight) -> None:
        """No later lambda finds an earlier question among its objects."""
        search = "ObjectSpace.each_object(String).any? { |it| it.match?(/my[ ]secret/) }"
        for _ in range(CELLS):
            await ask(light, GREEN_IF_OK, "my secret")

        found = [await evaluate(light, search) for _ in range(2 * CELLS)]

        assert found == [False] * 2 * CELLS

    async def test_nothing_of_a_lambda_is_left_in_ruby(self, light: TrafficLight) -> None:
        """Changed classes, constants, globals, variables and environment are gone with it."""
        change = """
            LEFT = 1; $left = 1; left = 1; ENV["LEFT"] = "1"
            class String; def ==(other) = false; end
            module JSON; def self.generate(*) = '{"colour":"red"}'; end
            at_exit { sleep }
            TracePoint.new(:call) { exit! }.enable
            ->(o, e, s) { :green }
        """
        look = """->(o, e, s) {
            [$left, ENV["LEFT"], defined?(LEFT), binding.local_variable_defined?(:left)]
                .any? || "a" != "a" ? :red : :green
        }"""
        for _ in range(CELLS):
            await ask(light, change)

        answers = [await ask(light, look) for _ in range(2 * CELLS)]

        assert answers == [Colour.GREEN] * 2 * CELLS

    async def test_nothing_of_a_lambda_is_left_running(self, light: TrafficLight) -> None:
        """Its processes die with it, those that left its session and ignore signals too."""
        leave = """->(o, e, s) {
            fork do
                Process.setsid
                fork { trap(:TERM, "IGNORE"); exec "sleep", "4321" }
            end
            :green
        }"""
        look = "Dir['/proc/[0-9]*/cmdline'].count { |it| (File.read(it) rescue '')['4321'] }"
        for _ in range(CELLS):
            assert await ask(light, leave) is Colour.GREEN

        await eventually(lambda: evaluate(light, look), lambda count: count == 0)

    async def test_nothing_of_a_lambda_is_left_in_shared_memory(self, light: TrafficLight) -> None:
        """System V memory, semaphores and message queues go with the lambda that made them."""
        leave = """->(o, e, s) {
            require "fiddle"
            make = ->(name, *arguments) {
                types = [Fiddle::TYPE_INT] * arguments.size
                Fiddle::Function.new(Fiddle::Handle::DEFAULT[name], types, Fiddle::TYPE_INT)
                    .call(*arguments)
            }
            made = [make["shmget", 77, 4096, 01666], make["semget", 77, 1, 01666],
                make["msgget", 77, 01666]]
            made.all? { |it| it >= 0 } ? :green : :red
        }"""
        look = "Dir['/proc/sysvipc/*'].sum { |it| File.readlines(it).size - 1 }"
        assert await ask(light, leave) is Colour.GREEN
        for _ in range(2 * CELLS):
            await ask(light, GREEN_IF_OK)

        assert await evaluate(light, look) == 0

    @pytest.mark.parametrize("target", ["1", "Process.ppid", "another"])
    async def test_a_lambda_can_signal_nobody(self, light: TrafficLight, target: str) -> None:
        """Neither the init, nor the process that forked it, nor a waiting one can be signalled."""
        ruby = f"""begin
            another = Dir.children("/proc").grep(/\\A\\d+\\z/).map(&:to_i)
                .find {{ |it| ![1, Process.pid, Process.ppid].include?(it) }}
            Process.kill(:KILL, {target})
        rescue SystemCallError
            $!.class
        end"""

        assert await evaluate(light, ruby) == "Errno::EPERM"

    async def test_a_lambda_can_open_no_other_process(self, light: TrafficLight) -> None:
        """The pipes and the memory of other processes are closed to it."""
        others = """Dir["/proc/[0-9]*"].reject { |it| it.end_with?("/#{Process.pid}") }"""
        opened = f"""{others}.product(%w[mem environ fd/0 fd/1 fd/2 fd/5 fd/6 fd/7])
            .map {{ |it| (File.open(it.join("/")).close; it) rescue nil }}.compact"""

        # What was used up by the question before may still be on its way out, or in.
        await eventually(partial(evaluate, light, f"{others}.size"), lambda size: size > CELLS)
        assert await evaluate(light, opened) == []

    async def test_what_a_lambda_prints_goes_nowhere(self, light: TrafficLight) -> None:
        """An answer that is printed, wherever to, is no answer."""
        forged = '1 18\\n{"colour":"green"}'
        source = f"""->(o, e, s) {{
            [$stdout, $stderr, STDOUT].each {{ |it| it.syswrite('{forged}' + 10.chr) }}
            system "echo", "green"
            :red
        }}"""

        answers = await asyncio.gather(*(ask(light, source) for _ in range(CELLS)))

        assert answers == [Colour.RED] * CELLS

    @pytest.mark.parametrize(
        ("written", "class_"),
        [
            ("garbage\\n", "NoAnswer"),
            ("[1]\\n", "NoAnswer"),
            ('{"colour":"blue"}\\n', "NoAnswer"),
            ('{"hidden":[0]}\\n', "NoAnswer"),
            ('{"bad_pattern":0,"message":""}\\n', "NoAnswer"),
            ('{"context":"mine","class":"A","message":"b"}\\n', "NoAnswer"),
            ("\\xff\\xfe\\n", "NoAnswer"),
            ('1 18\\n{"colour":"green"}\\n', "NoAnswer"),
            ('{"colour":', "Timeout"),
            ("x' * 100_000 + '", "NoAnswer"),
            ("[' * 16_000 + '\\n", "NoAnswer"),
            ("9' * 16_000 + '\\n", "NoAnswer"),
        ],
    )
    async def test_a_lambda_that_writes_its_answer_itself_spoils_only_its_own(
        self, hasty: TrafficLight, written: str, class_: str
    ) -> None:
        """What is no answer is a fault of the lambda that wrote it, and of no other."""
        hostile = f"""->(o, e, s) {{
            text = ('{written}').gsub('\\\\n', 10.chr)
            (3..31).each {{ |it| IO.for_fd(it, autoclose: false).syswrite(text) rescue 0 }}
            sleep
        }}"""

        spoilt, honest = await asyncio.gather(ask(hasty, hostile), ask(hasty, GREEN_IF_OK, "OK"))

        assert isinstance(spoilt, ColourFault)
        assert (spoilt.context, spoilt.class_) == (CALLING, class_)
        assert honest is Colour.GREEN

    async def test_a_fault_that_a_lambda_writes_itself_is_bounded(
        self, light: TrafficLight
    ) -> None:
        """Not even by its own hand does a lambda get long or unreadable words out."""
        source = f"""->(o, e, s) {{
            text = JSON.generate("context" => "{CALLING}", "class" => "C" * 3000,
                "message" => ["x"] * 3000) + 10.chr
            (3..31).each {{ |it| IO.for_fd(it, autoclose: false).syswrite(text) rescue 0 }}
            sleep
        }}"""

        answer = await fault(light, source)

        assert len(answer.class_) <= 1024
        assert len(answer.message) <= 1024


HOSTILE = [
    "->(o, e, s) { loop { fork } }",
    "->(o, e, s) { loop { fork { loop { fork rescue 0 } } rescue 0 } }",
    "->(o, e, s) { loop { Thread.new { loop {} } rescue 0 } }",
    "->(o, e, s) { a = []; loop { a << 'x' * 1_000_000 } }",
    "->(o, e, s) { begin; a = []; loop { a << 'x' * 1_000_000 }; rescue Exception; sleep; end }",
    "->(o, e, s) { 6.times { fork { a = []; loop { a << 'x' * 1_000_000 } } }; sleep }",
    "->(o, e, s) { loop { Process.kill(:KILL, -1) rescue 0 } }",
    "->(o, e, s) { Process.kill(:STOP, -1); sleep }",
    "->(o, e, s) { Process.kill(:KILL, Process.ppid) rescue exit! }",
    "->(o, e, s) { at_exit { sleep }; exit }",
    "->(o, e, s) { ObjectSpace.each_object(Module) { |it| it.freeze rescue 0 }; :blue }",
    "->(o, e, s) { ObjectSpace.each_object(IO) { |it| it.syswrite('9 9\\n') rescue 0 }; exit! }",
    "->(o, e, s) { TracePoint.new(:line, :call, :c_call) { sleep }.enable; :red.to_s; sleep }",
    "->(o, e, s) { Socket.pair(:UNIX, :STREAM).each { |it| it.write('x' * 9_999_999) } }",
    "->(o, e, s) { Process.setpriority(0, 0, 19); 8.times { fork { loop {} } }; loop {} }",
    "->(o, e, s) { def self.deeper = deeper; deeper }",
    "(" * 50_000,
    "exit!",
]


class TestContainer:
    """The container that lambdas run in."""

    @pytest.mark.parametrize("missing", ["SETUID", "SETGID"])
    async def test_without_its_capabilities_it_does_not_start(
        self, docker_containers: DockerContainers, images: DockerImages, missing: str
    ) -> None:
        """A container whose lambdas could not be locked down is never ready, and says why."""
        image = await images.image(RUBY)
        spec = spec_for(RUBY, image.image_id, 1.0, {LABEL: OWN})
        kept = tuple(name for name in spec.cap_add if name != missing)

        with pytest.raises(EngineError, match="not permitted"):
            await docker_containers.start(replace(spec, cap_add=kept))

    async def test_it_ends_with_the_daemon(
        self, docker_containers: DockerContainers, images: DockerImages
    ) -> None:
        """When nobody holds its stdin any more the container stops by itself."""
        image = await images.image(RUBY)
        started = await docker_containers.start(
            spec_for(RUBY, image.image_id, 1.0, {LABEL: "left"})
        )

        await started.stream.close()

        await eventually(lambda: running(docker_containers, "left"), lambda ids: ids == [])
        await docker_containers.remove(started.container_id)

    async def test_it_may_do_little(
        self, light: TrafficLight, docker_client: DockerClient, docker_containers: DockerContainers
    ) -> None:
        """Read-only, without network, with two capabilities and bounded memory and processes."""
        await ask(light, GREEN_IF_OK)
        [running_id] = await running(docker_containers, "shared")

        async with docker_client.call("inspect", 10) as docker:
            host = (await docker.containers.container(running_id).show())["HostConfig"]

        assert host["ReadonlyRootfs"]
        assert host["NetworkMode"] == "none"
        assert host["CapDrop"] == ["ALL"]
        assert sorted(name.removeprefix("CAP_") for name in host["CapAdd"]) == ["SETGID", "SETUID"]
        assert host["Memory"] == host["MemorySwap"] == 256 << 20
        assert host["PidsLimit"] == 96
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert not host["Binds"]


class TestSurvival:
    """The evaluator outlives whatever it evaluates."""

    async def test_honest_questions_beside_hostile_ones(self, hasty: TrafficLight) -> None:
        """A lambda of any kind changes no answer to a question that is open beside it."""
        await ask(hasty, GREEN_IF_OK)
        wrong = []

        async def beside(hostile: str) -> None:
            spoilt, *honest = await asyncio.gather(
                ask(hasty, hostile), *(ask(hasty, GREEN_IF_OK, "OK") for _ in range(3))
            )
            if honest != [Colour.GREEN] * 3 or isinstance(spoilt, Colour):
                wrong.append((hostile, spoilt, honest))

        for hostile in HOSTILE:
            await beside(hostile)

        assert wrong == []

    async def test_200_hostile_questions_wear_nothing_out(
        self, hasty: TrafficLight, docker_containers: DockerContainers
    ) -> None:
        """After 200 hostile questions honest ones are answered in about the usual time."""

        async def usual_s() -> float:
            times_s = []
            for _ in range(50):
                begin_s = time.perf_counter()
                assert await ask(hasty, GREEN_IF_OK, "OK") is Colour.GREEN
                times_s.append(time.perf_counter() - begin_s)
            return statistics.median(times_s)

        before_s = await usual_s()
        at_once = asyncio.Semaphore(4)

        async def attack(index: int) -> Colour | ColourFault:
            async with at_once:
                return await ask(hasty, HOSTILE[index % len(HOSTILE)])

        answers = await asyncio.gather(*(attack(index) for index in range(200)))

        assert all(isinstance(answer, ColourFault) for answer in answers)
        assert not {"EvaluatorError", "EngineError"} & {
            answer.class_ for answer in answers if isinstance(answer, ColourFault)
        }
        assert await usual_s() < 10 * before_s
        assert len(await running(docker_containers, "hasty")) == 1

    async def test_a_process_that_dies_while_it_waits_is_asked_nothing(
        self,
        own_light: TrafficLight,
        docker_client: DockerClient,
        docker_containers: DockerContainers,
    ) -> None:
        """When all waiting processes were killed, all questions are answered all the same."""
        await ask(own_light, GREEN_IF_OK)
        before = await running(docker_containers)
        kill = (
            "(60_002..60_020).each { |id| Process.wait(fork {"
            " Process::Sys.setresuid(id, id, id); Process.kill(:KILL, -1) }) }"
        )

        async with docker_client.call("exec", 10) as docker:
            killer = await docker.containers.container(before[0]).exec(["ruby", "-e", kill])
            async with killer.start(detach=False) as output:
                assert await output.read_out() is None

        answers = [await ask(own_light, GREEN_IF_OK, "OK") for _ in range(2 * CELLS)]
        assert answers == [Colour.GREEN] * 2 * CELLS
        assert await running(docker_containers) == before

    async def test_a_killed_container_is_replaced(
        self,
        own_light: TrafficLight,
        docker_client: DockerClient,
        docker_containers: DockerContainers,
        logs: list[dict[str, Any]],
    ) -> None:
        """Open questions are asked again on a new container; the old one is removed; one line."""
        await ask(own_light, GREEN_IF_OK)
        [killed] = await running(docker_containers)
        slow = asyncio.create_task(ask(own_light, "->(o, e, s) { sleep 0.5; :green }"))
        await ask(own_light, GREEN_IF_OK)

        async with docker_client.call("kill", 10) as docker:
            await docker.containers.container(killed).kill()

        assert await slow is Colour.GREEN
        assert await ask(own_light, GREEN_IF_OK, "OK") is Colour.GREEN
        await own_light.close()
        assert await docker_containers.list_containers(f"{LABEL}={OWN}") == []
        assert len([event for event in logs if "replaced" in event["message"]]) == 1

    async def test_a_container_that_dies_unasked_is_replaced_unasked(
        self,
        own_light: TrafficLight,
        docker_client: DockerClient,
        docker_containers: DockerContainers,
    ) -> None:
        """The next question finds a new container warm, or being started."""
        await ask(own_light, GREEN_IF_OK)
        [killed] = await running(docker_containers)

        async with docker_client.call("kill", 10) as docker:
            await docker.containers.container(killed).kill()

        await eventually(lambda: running(docker_containers), lambda ids: ids not in ([], [killed]))


class TestLife:
    """Starting, stopping, and questions that nobody waits for any more."""

    async def test_start_does_not_wait(self, own_light: TrafficLight) -> None:
        """Starting, once or twice, is the matter of a moment, and the first question waits."""
        own_light.start()
        own_light.start()

        assert await ask(own_light, GREEN_IF_OK, "OK") is Colour.GREEN

    async def test_close_leaves_nothing_behind(
        self, own_light: TrafficLight, docker_containers: DockerContainers
    ) -> None:
        """After close, twice or not, no container and no task is left, and questions fail."""
        before = asyncio.all_tasks()
        own_light.start()
        await ask(own_light, GREEN_IF_OK)

        await own_light.close()
        await own_light.close()

        assert await docker_containers.list_containers(f"{LABEL}={OWN}") == []
        assert asyncio.all_tasks() <= before
        assert (await fault(own_light, GREEN_IF_OK)).class_ == "Closed"

    async def test_close_while_starting(
        self, own_light: TrafficLight, docker_containers: DockerContainers
    ) -> None:
        """A start that is under way is undone, and who waits for it is told."""
        waiting = asyncio.create_task(ask(own_light, GREEN_IF_OK))
        own_light.start()
        await asyncio.wait([waiting], timeout=0.1)

        await own_light.close()

        answer = await waiting
        assert isinstance(answer, ColourFault)
        assert answer.class_ == "Closed"
        assert await docker_containers.list_containers(f"{LABEL}={OWN}") == []

    async def test_close_with_open_questions(self, own_light: TrafficLight) -> None:
        """Questions that are open at close get a fault, at once."""
        await ask(own_light, GREEN_IF_OK)
        waiting = asyncio.create_task(ask(own_light, "->(o, e, s) { sleep }"))
        await ask(own_light, GREEN_IF_OK)

        await own_light.close()

        answer = await waiting
        assert isinstance(answer, ColourFault)
        assert answer.class_ == "Closed"

    async def test_a_cancelled_question_is_forgotten(self, own_light: TrafficLight) -> None:
        """Its answer, when it comes, is nobody's, and its place is free."""
        await ask(own_light, GREEN_IF_OK)
        cancelled = [
            asyncio.create_task(ask(own_light, "->(o, e, s) { sleep 0.1; :red }")) for _ in range(4)
        ]
        await asyncio.wait(cancelled, timeout=0.01)
        for task in cancelled:
            task.cancel()
        await asyncio.wait(cancelled)

        answers = await asyncio.gather(*(ask(own_light, GREEN_IF_OK, "OK") for _ in range(8)))

        assert answers == [Colour.GREEN] * 8
        assert all(task.cancelled() for task in cancelled)

    async def test_a_missing_image_is_told_in_the_engines_words(
        self, docker_containers: DockerContainers, images: DockerImages, logs: list[dict[str, Any]]
    ) -> None:
        """Without its image every question gets a fault that says so, and the log one line."""
        name = "dojo-runner/no-such-image:latest"
        light = TrafficLight(docker_containers, images, name, {LABEL: OWN}, unheard(), back_off_s=0)
        light.start()

        answers = [await fault(light, GREEN_IF_OK) for _ in range(3)]

        await light.close()

        for answer in answers:
            assert (answer.context, answer.class_) == (CALLING, "EngineError")
            assert f"no such image: {name}" in answer.message.lower()
        assert len([event for event in logs if "no such image" in event["message"].lower()]) == 1

    async def test_an_image_without_ruby_is_told_in_the_engines_words(
        self, docker_containers: DockerContainers, images: DockerImages
    ) -> None:
        """What the engine says of a failed start is in the fault."""
        light = TrafficLight(
            docker_containers, images, "dojo-runner/base:latest", {LABEL: OWN}, unheard()
        )

        answer = await fault(light, GREEN_IF_OK)

        await light.close()
        assert answer.class_ == "EngineError"
        assert "ruby" in answer.message


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
