"""What a lambda cannot do: it decides its own colour, and nothing else."""

import asyncio
from functools import partial

import pytest

from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.runner.colour.support import (
    CALLING,
    CELLS,
    GREEN_IF_OK,
    ask,
    evaluate,
    fault,
)
from tests.waiting import eventually

pytestmark = pytest.mark.docker


class TestIsolation:
    """A lambda can do nothing but decide its own colour."""

    async def test_a_lambda_has_no_privilege(self, light: TrafficLight) -> None:
        """A lambda runs as a user of its own, without groups, capabilities, or a way back."""
        status = await evaluate(
            light,
            "File.readlines('/proc/self/status').map(&:split)"
            ".to_h { |it| [it[0], it[1..]] }.slice('Uid:', 'Gid:', 'Groups:', 'CapPrm:', 'CapEff:')"
            ".merge(File.readlines('/proc/self/status').grep(/NoNewPrivs/)[0].split[0] => 1)",
        )

        assert len(set(status["Uid:"] + status["Gid:"])) == 1
        assert int(status["Uid:"][0]) > 51_966  # above every id of learners'
        assert status["Groups:"] in ([], status["Gid:"][:1])
        assert int(status["CapPrm:"][0], 16) == int(status["CapEff:"][0], 16) == 0
        assert await evaluate(light, "(Process::Sys.setuid(0) rescue $!.class)") == "Errno::EPERM"

    async def test_a_lambda_is_limited(self, light: TrafficLight) -> None:
        """Every limit of the kernel's is set on the lambda's own process, soft and hard alike."""
        limited = {
            "NPROC": 0,
            "DATA": 192 << 20,
            "AS": 512 << 20,
            "NOFILE": 20,
            "FSIZE": 0,
            "CORE": 0,
            "MSGQUEUE": 0,
            "SIGPENDING": 64,
            "MEMLOCK": 0,
            "CPU": 2,
        }

        limits = await evaluate(
            light, f"%w[{' '.join(limited)}].to_h {{ |it| [it, Process.getrlimit(it)] }}"
        )

        assert limits == {name: [limit, limit] for name, limit in limited.items()}

    async def test_only_two_processes_are_root(self, light: TrafficLight) -> None:
        """Only the init and the process that forks are root, not the one that speaks to the daemon.

        A cell is root, too, for the moments in which it locks itself down.
        """
        ruby = r"""Dir["/proc/[0-9]*/status"].map { |it| File.read(it) rescue "" }
            .select { |it| it.match?(/^Uid:.*\b0\b/) }
            .map { |it| it[/^Pid:\t(\d+)/, 1].to_i }.difference([1, Process.ppid])"""

        await eventually(lambda: evaluate(light, ruby), lambda found: found == [])

    async def test_a_lambda_sees_nothing(self, light: TrafficLight) -> None:
        """There is no network but loopback, no engine's socket, and nobody's secret."""
        interfaces = await evaluate(light, "Dir.children('/sys/class/net')")
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
        """A lambda dies with its answer, even one that ignores signals and runs another program."""
        leave = '->(o, e, s) { trap(:TERM, "IGNORE"); exec "sleep", "4321" }'
        look = "Dir['/proc/[0-9]*/cmdline'].count { |it| (File.read(it) rescue '')['4321'] }"
        for _ in range(CELLS):
            assert (await fault(light, leave)).class_ == "NoAnswer"

        await eventually(lambda: evaluate(light, look), lambda count: count == 0)

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

        # The process that answered last may still be ending, and the next one still starting.
        await eventually(partial(evaluate, light, f"{others}.size"), lambda size: size > CELLS)
        assert await evaluate(light, opened) == []

    async def test_what_a_lambda_prints_goes_nowhere(self, light: TrafficLight) -> None:
        """An answer that is printed, wherever to, is no answer."""
        forged = '1 18\\n{"colour":"green"}'
        source = f"""->(o, e, s) {{
            [$stdout, $stderr, STDOUT].each {{ |it| it.syswrite('{forged}' + 10.chr) }}
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

        assert answer.class_ == "C" * 1024
        assert len(answer.message) <= 1024
