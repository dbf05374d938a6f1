"""The traffic light's container, and how it outlives the lambdas that it evaluates."""

import asyncio
import statistics
import time
from dataclasses import replace
from typing import Any

import pytest

from pool import DockerClient, DockerContainers, DockerImages, EngineError
from runner.colour.lockdown import seccomp_profile, spec_for
from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.runner.colour.support import (
    CELLS,
    GREEN_IF_OK,
    LABEL,
    OWN,
    RUBY,
    ask,
    running,
)
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]


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
        """The container is read-only, has no network, two capabilities, and bounded
        memory and processes.
        """
        await ask(light, GREEN_IF_OK)
        [running_id] = await running(docker_containers, "shared")

        async with docker_client.call("inspect", 10) as docker:
            host = (await docker.containers.container(running_id).show())["HostConfig"]

        assert host["ReadonlyRootfs"]
        assert host["NetworkMode"] == "none"
        assert host["CapDrop"] == ["ALL"]
        assert sorted(name.removeprefix("CAP_") for name in host["CapAdd"]) == ["SETGID", "SETUID"]
        assert host["Memory"] == host["MemorySwap"] == (64 + CELLS * 72) << 20
        assert host["PidsLimit"] == 44
        assert host["SecurityOpt"] == ["no-new-privileges", f"seccomp={seccomp_profile()}"]
        assert not host["Binds"]


class TestSurvival:
    """The evaluator outlives whatever it evaluates."""

    async def test_honest_questions_beside_hostile_ones(self, light: TrafficLight) -> None:
        """A lambda of any kind changes no answer to a question that is open beside it."""
        await ask(light, GREEN_IF_OK)
        wrong = []

        async def beside(hostile: str) -> None:
            spoilt, *honest = await asyncio.gather(
                ask(light, hostile), *(ask(light, GREEN_IF_OK, "OK") for _ in range(3))
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
        # Each user but root and the front, which is the first of those that follow one another.
        kill = """
            ids = Dir["/proc/[0-9]*/status"].to_h { |it|
                [it, File.read(it)[/^Uid:\\t(\\d+)/, 1].to_i] }
            cells = ids.values.uniq.sort - [0]
            cells.drop(1).each { |id| Process.wait(fork {
                Process::Sys.setresuid(id, id, id); Process.kill(:KILL, -1) }) }
            # Until they are dead: on a busy machine one could otherwise still be handed a question.
            ids.select { |_, id| cells.drop(1).include?(id) }.each_key { |it|
                sleep 0.01 while (File.read(it) rescue "State:\\tZ") !~ /^State:\\t[ZX]/ }
            print cells.size
        """

        async with docker_client.call("exec", 10) as docker:
            killer = await docker.containers.container(before[0]).exec(["ruby", "-e", kill])
            async with killer.start(detach=False) as output:
                killed = await output.read_out()
                assert killed is not None
                assert int(killed.data) == CELLS + 1

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
        """Open questions are asked again on a new container, the old one is removed,
        the log has one line.
        """
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
