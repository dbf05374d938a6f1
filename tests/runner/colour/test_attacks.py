"""What a lambda may try against the evaluator itself, and cells that are lost: none is missed."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from pool import ContainerSpec, DockerContainers, DockerImages
from runner.colour.lockdown import spec_for
from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.reports import unheard
from tests.runner.colour.support import (
    CELLS,
    GREEN_IF_OK,
    HASTY_S,
    LABEL,
    OWN,
    RUBY,
    ask,
    evaluate,
    evaluator_of,
    running,
    until_warm,
)
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

# By rows of the list of attacks: each of them is asked so often that it has been in every cell.
ATTACKS = {
    "a lambda that is none": "42",
    "no Ruby": "(" * 50_000,
    "an evil answer": "->(o, e, s) { Class.new { def to_s = exit!; def inspect = exit! }.new }",
    "an endless answer": "->(o, e, s) { 'red' * 100_000_000 }",
    "exit!": "->(o, e, s) { exit! }",
    "abort": "->(o, e, s) { abort }",
    "at_exit": "->(o, e, s) { at_exit { loop {} }; :blue }",
    "a daemon": "->(o, e, s) { Process.daemon; sleep }",
    "threads": "->(o, e, s) { loop { Thread.new { sleep } } }",
    "processes": "->(o, e, s) { loop { fork } }",
    "memory": "->(o, e, s) { a = []; loop { a << 'x' * 1_000_000 } }",
    "a trace": "->(o, e, s) { TracePoint.new(:line, :call, :c_call) { sleep }.enable; 1.to_s }",
    "all objects": "->(o, e, s) { ObjectSpace.each_object { |it| it.freeze rescue 0 }; :blue }",
    "no classes": "->(o, e, s) { Object.constants.each { |it| Object.send(:remove_const, it) } }",
    "no methods": "->(o, e, s) { IO.class_eval { undef write, syswrite, puts }; :blue }",
    "every signal": """->(o, e, s) {
        Signal.list.each_value { |it| Process.kill(it, -1) rescue 0 } while true
    }""",
    "kill what there is": """->(o, e, s) {
        (1..5000).each { |it| Process.kill(:KILL, it) unless it == Process.pid rescue 0 }
        exit!
    }""",
    "descriptors": "->(o, e, s) { a = []; loop { a << IO.pipe rescue break }; sleep }",
    "closes all": "->(o, e, s) { (3..255).each { |it| IO.for_fd(it).close rescue 0 }; sleep }",
    "writes to all": """->(o, e, s) {
        (0..255).each { |it| IO.for_fd(it, autoclose: false).syswrite("0\\n" * 9999) rescue 0 }
        exit!
    }""",
    "an answer without end": """->(o, e, s) {
        (3..31).each { |it| io = IO.for_fd(it, autoclose: false) rescue next
            loop { io.syswrite("x" * 9999) } rescue 0 }
    }""",
    "shuts its socket": """->(o, e, s) {
        ObjectSpace.each_object(BasicSocket) { |it| it.shutdown rescue 0 }; sleep
    }""",
    "no priority": "->(o, e, s) { Process.setpriority(0, 0, 19); loop {} }",
    "stops itself": "->(o, e, s) { Process.kill(:STOP, Process.pid) }",
    "deep": "->(o, e, s) { def self.deeper = deeper; deeper }",
    "a slow pattern": "->(o, e, s) { /^(a|aa)+\\1?b$/.match?('a' * 60 + 'b!') }",
    "another program": "->(o, e, s) { exec 'sleep', '99' }",
    "a name for itself": "->(o, e, s) { $0 = 'x' * 9_999; Process.setproctitle('y' * 99); :blue }",
    "reads all": "->(o, e, s) { Dir['/proc/*/*'].each { |it| File.read(it, 99) rescue 0 }; :blue }",
}


@pytest.mark.parametrize("what", ATTACKS)
async def test_after_an_attack_all_is_as_before(
    hasty: TrafficLight, docker_containers: DockerContainers, what: str
) -> None:
    """A lambda that attacks gets no colour.

    The next honest lambdas do, as fast as ever, in the same container.
    """
    before = await running(docker_containers, "hasty")
    usual_s = await time_of_honest_ones(hasty)

    answers = await asyncio.gather(*(ask(hasty, ATTACKS[what]) for _ in range(CELLS)))

    assert all(isinstance(answer, ColourFault) for answer in answers)
    assert await time_of_honest_ones(hasty) < usual_s + HASTY_S
    assert await running(docker_containers, "hasty") == before


async def time_of_honest_ones(light: TrafficLight) -> float:
    """The median, in seconds; all get their colour."""
    times_s = []
    for _ in range(CELLS):
        begin_s = time.perf_counter()
        assert await ask(light, GREEN_IF_OK, "OK") is Colour.GREEN
        times_s.append(time.perf_counter() - begin_s)
    return statistics.median(times_s)


# As the kernel tells which ids a user namespace has.
WHOLE = "         0          0 4294967295\n"
REMAPPED = "         0     100000      65536\n"
ROOTLESS = "         0       1000          1\n         1     100000      65536\n"


@pytest.fixture
async def roomy(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """For as many questions as seven runs can ask; lambdas may take long."""
    light = TrafficLight(
        docker_containers, images, RUBY, {LABEL: OWN}, unheard(), places=14, limit_s=3.0
    )
    await until_warm(light)
    yield light
    await light.close()


class TestPlaces:
    """How many questions are open at once, and whose users they run as."""

    async def test_slow_lambdas_keep_no_honest_one_waiting(self, roomy: TrafficLight) -> None:
        """While twelve lambdas that never end have a place each, honest ones are answered."""
        slow = [asyncio.create_task(ask(roomy, "->(o, e, s) { loop {} }")) for _ in range(12)]

        answers = [
            await asyncio.gather(*(ask(roomy, GREEN_IF_OK, "OK") for _ in range(2)))
            for _ in range(3)
        ]

        assert answers == [[Colour.GREEN] * 2] * 3
        assert not any(task.done() for task in slow)
        await roomy.close()
        await asyncio.wait(slow)

    async def test_two_containers_have_no_user_in_common(
        self, light: TrafficLight, hasty: TrafficLight
    ) -> None:
        """Two containers for colours have different users, so nothing that the
        kernel counts for one is shared.
        """
        users = [
            {await evaluate(one, "Process.uid") for _ in range(3 * CELLS)} for one in (light, hasty)
        ]

        assert all(len(own) == CELLS for own in users)
        assert not users[0] & users[1]

    @pytest.mark.parametrize(
        ("maps", "ids"),
        [
            ((WHOLE, WHOLE), range(1_879_048_192, 2_147_483_647)),
            ((REMAPPED, REMAPPED), range(52_000, 65_501)),
            ((ROOTLESS, ROOTLESS), range(52_000, 65_501)),
            ((WHOLE, REMAPPED), range(52_000, 65_501)),
        ],
    )
    async def test_ids_are_those_that_the_name_space_has(
        self,
        images: DockerImages,
        docker_containers: DockerContainers,
        maps: tuple[str, str],
        ids: range,
    ) -> None:
        """The id is above every learner's, and never over the end of what is mapped."""
        ruby = f"""
            drawn = Array.new(999) {{ TrafficLight.draw_first_id({json.dumps(maps)}) }}
            print drawn.min >= {ids.start} && drawn.max + TrafficLight::IDS <= {ids.stop} &&
                drawn.uniq.size > 300 ? "well\\n" : "#{{drawn.minmax}}\\n"
            $stdout.flush
            $stdin.read
        """
        spec = await spec_of(images)
        server = spec.command[2].removesuffix("TrafficLight.main\n")
        assert server != spec.command[2]

        drawing = replace(
            spec, command=("ruby", "-e", server + ruby, *spec.command[3:]), ready_mark=b"well\n"
        )

        started = await docker_containers.start(drawing)  # it fails without that mark

        await started.stream.close()
        await docker_containers.remove(started.container_id)


# Each fails every few times, in the process that makes the cells, as if something were short.
SHORTAGES = {
    "no process can be made": """
        TrafficLight::Nursery.prepend(Module.new {
            def fork_cell(*) = fails? ? raise(Errno::EAGAIN) : super
        })
    """,
    "no memory": """
        TrafficLight::Nursery.prepend(Module.new {
            def fork_cell(*) = fails? ? raise(NoMemoryError) : super
        })
    """,
    "no descriptor can be sent": """
        UNIXSocket.prepend(Module.new {
            def sendmsg(*) = fails? ? raise(Errno::ETOOMANYREFS) : super
        })
    """,
    "no pair of sockets": """
        UNIXSocket.singleton_class.prepend(Module.new {
            def pair(*) = $0 == "nursery" && fails? ? raise(Errno::EMFILE) : super
        })
    """,
    "cells end before they are locked down": """
        TrafficLight::Cell.prepend(Module.new {
            def run = fails? ? exit! : super
        })
    """,
    "cells end as they are locked down": """
        TrafficLight::Cell.prepend(Module.new {
            def lock_down = (super; Process.kill(:KILL, Process.pid) if fails?)
        })
    """,
    "cells cannot be locked down": """
        TrafficLight::Cell.prepend(Module.new {
            def sweep = fails? ? raise(Errno::ENOMEM) : super
        })
    """,
    "cells are slow": """
        TrafficLight::Cell.prepend(Module.new {
            def lock_down = (sleep 0.2 if fails?; super)
        })
    """,
}


@pytest.mark.parametrize("what", SHORTAGES)
async def test_a_cell_that_is_lost_is_made_again(
    images: DockerImages, docker_containers: DockerContainers, what: str
) -> None:
    """Whatever fails while processes for questions are made, and however often, no
    question is without one.
    """
    fails = """
        # By the clock, as cells share no counter; never before the first cell was tried.
        $begin = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        module Kernel
            def failing? = Process.clock_gettime(Process::CLOCK_MONOTONIC) > $begin + 2
            def fails? = failing? && rand < 0.5
        end
        Thread.new { sleep 0.1 until failing?; $stderr.syswrite("failing\n") }
        TrafficLight::Nursery.prepend(Module.new { def run = ($0 = "nursery"; super) })
    """
    spec = await spec_of(images)
    main = "TrafficLight.main\n"
    server = spec.command[2].removesuffix(main) + fails + SHORTAGES[what] + main
    broken = replace(spec, command=("ruby", "-e", server, *spec.command[3:]))

    async with evaluator_of(docker_containers, broken) as evaluator, asyncio.timeout(60):

        async def complaints() -> str:
            return evaluator.complaints

        await eventually(complaints, lambda said: "failing" in said)
        answers = [
            await asyncio.gather(*(ask_for_green(evaluator.ask) for _ in range(4)))
            for _ in range(10)
        ]

    assert answers == [[Colour.GREEN] * 4] * 10


async def ask_for_green(ask: Callable[[str, bytes], Awaitable[Any]]) -> Any:
    """Ask an evaluator itself, so that nothing is asked twice."""
    question = {"source": GREEN_IF_OK, "stdout": "OK", "stderr": "", "status": "0"}
    return await ask("colour", json.dumps(question).encode())


async def spec_of(images: DockerImages) -> ContainerSpec:
    """The evaluator's container as it is; lambdas have time enough for a busy machine."""
    image = await images.image(RUBY)
    return spec_for(RUBY, image.image_id, 10.0, {LABEL: OWN})
