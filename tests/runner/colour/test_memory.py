"""No lambda takes the memory of another: all that one holds counts as its own process's."""

import asyncio
import json
from dataclasses import replace

import pytest

from pool import DockerContainers, DockerImages
from runner.colour.lockdown import REFUSED_CALLS, seccomp_profile, spec_for
from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from runner.container.seccomp import docker_seccomp_profile
from tests.runner.colour.support import CALLING, LABEL, OWN, RUBY, ask, evaluator_of, fault, running

# Calls functions of the C library's that Ruby has no word for: C["name", argument, ...]. The
# numbers of system calls below are the same on all machines that there are engines for.
C = """
    require "fiddle"
    C = ->(name, *arguments) {
        types = arguments.map { |it| it.is_a?(String) ? Fiddle::TYPE_VOIDP : Fiddle::TYPE_LONG }
        Fiddle::Function.new(Fiddle::Handle::DEFAULT[name], types, Fiddle::TYPE_LONG)
            .call(*arguments)
    }
    PAGE, READ_WRITE, SHARED, PRIVATE, FIXED = 4096, 3, 0x21, 0x22, 0x10
"""

# What each would hold without limits outlives its maker, or is charged to no process.
MAKES = {
    "memory of System V": 'C["shmget", 77, 4096, 01666]',
    "semaphores of System V": 'C["semget", 77, 1, 01666]',
    "queues of System V": 'C["msgget", 77, 01666]',
    "queues of POSIX": 'C["mq_open", "/left", 0102, 0666, 0]',
    "memory of POSIX": 'C["shm_open", "/left", 0102, 0666]',
    "files in memory": 'C["memfd_create", "left", 0]',
    "sockets that listen": 'C["socket", 1, 1, 0]',
    "watches": 'C["inotify_init1", 0]',
    "rings": 'C["syscall", 425, 8, "\\0" * 120]',
    "rules": 'C["syscall", 444, [1].pack("Q"), 8, 0]',
}

# Each holds what it can get until its time is over.
GREEDY = {
    "strings": "a = []; (a << 'x' * 1_000_000 while true) rescue 0; sleep",
    "shared mappings": """
        where = C["mmap", 0, 400 << 20, READ_WRITE, SHARED, -1, 0]
        C["memset", where, 1, 400 << 20]
        sleep
    """,
    "shared mappings of one that wants to go last": """
        C["prctl", 4, 1, 0, 0, 0]
        File.write("/proc/self/oom_score_adj", "0")
        where = C["mmap", 0, 400 << 20, READ_WRITE, SHARED, -1, 0]
        C["memset", where, 1, 400 << 20]
        sleep
    """,
    "page tables": """
        at = 0x1000_0000_0000
        (C["mmap", at, PAGE, READ_WRITE, SHARED | FIXED, -1, 0]
         C["memset", at, 1, 1]
         at += 1 << 30) while true
    """,
    "pipes": """
        held = []
        begin
            loop do
                held.concat(IO.pipe)
                held.last.fcntl(1031, 1 << 20)
                held.last.write_nonblock("x" * (1 << 20))
            end
        rescue SystemCallError
            sleep
        end
    """,
    "descriptors on their way": """
        held = Socket.pair(:UNIX, :DGRAM)
        begin
            loop do
                reader, writer = IO.pipe
                writer.fcntl(1031, 1 << 20)
                writer.write_nonblock("x" * (1 << 20))
                held.first.sendmsg("x", 0, nil, Socket::AncillaryData.unix_rights(reader, writer))
                [reader, writer].each(&:close)
            end
        rescue SystemCallError
            sleep
        end
    """,
    "locks": """
        file = File.open("/etc/passwd")
        (0..).each { |at| file.fcntl(6, [0, 0, 2 * at, 1, 0].pack("ssx4qqi")) }
    """,
    "memory of System V": """
        (1..).each do |key|
            id = C["shmget", key, 32 << 20, 01666]
            break sleep if id.negative?
            C["memset", C["shmat", id, 0, 0], 1, 32 << 20]
        end
    """,
    "children": "(fork { a = []; loop { a << 'x' * 1_000_000 } } while true) rescue sleep",
}

# Takes more than other honest ones do, and says so if it could not.
HONEST = "->(o, e, s) { ('x' * 4_000_000).succ.size == 4_000_000 && o == 'OK' ? :green : :red }"


def lambda_of(ruby: str) -> str:
    """The source of a lambda that does this."""
    return f"{C}\n->(o, e, s) {{\n{ruby}\n}}"


@pytest.mark.parametrize("name", REFUSED_CALLS)
def test_what_is_refused_is_a_call_that_docker_allows(name: str) -> None:
    """A name with a slip in it would refuse nothing."""
    docker = [rule for rule in docker_seccomp_profile()["syscalls"] if name in rule["names"]]
    ours = [rule for rule in json.loads(seccomp_profile())["syscalls"] if name in rule["names"]]

    assert docker
    assert ours == []


def test_all_else_is_as_in_dockers_profile() -> None:
    """Nothing is allowed that Docker refuses, and nothing else is refused."""
    docker, ours = docker_seccomp_profile(), json.loads(seccomp_profile())
    left = [
        (sorted(set(rule["names"]) - set(REFUSED_CALLS)), {**rule, "names": []})
        for rule in docker["syscalls"]
    ]

    assert [(sorted(rule["names"]), {**rule, "names": []}) for rule in ours["syscalls"]] == [
        rule for rule in left if rule[0]
    ]
    assert ours["defaultAction"] == "SCMP_ACT_ERRNO"
    assert ours["archMap"] == docker["archMap"]


@pytest.mark.parametrize("places", [2, 6, 28])
def test_memory_and_processes_follow_the_number_of_places(places: int) -> None:
    """Each more takes the same, and the program in the container is told how many there are."""
    spec, larger = (
        spec_for("ruby", "id", 1.0, {}, places=number) for number in (places, places + 1)
    )

    assert larger.memory_bytes - spec.memory_bytes == 72 << 20
    assert larger.pids - spec.pids == 5
    assert (spec.command[-1], larger.command[-1]) == (str(places), str(places + 1))


@pytest.mark.docker
@pytest.mark.long
class TestMemory:
    """The evaluator's memory, on the real engine."""

    @pytest.mark.parametrize("what", MAKES)
    async def test_a_lambda_makes_nothing_that_outlives_it(
        self, light: TrafficLight, what: str
    ) -> None:
        """The kernel refuses a lambda all calls that make what would outlive it."""
        answer = await fault(light, lambda_of(f"raise (({MAKES[what]}) & 0xffff_ffff).to_s(16)"))

        assert (answer.class_, answer.message) == ("RuntimeError", "ffffffff")

    @pytest.mark.parametrize("what", GREEDY)
    async def test_greedy_lambdas_cost_honest_ones_nothing(
        self, patient: TrafficLight, docker_containers: DockerContainers, what: str
    ) -> None:
        """While all other places are taken by greedy ones, each honest one gets its colour."""
        assert await ask(patient, HONEST, "OK") is Colour.GREEN
        before = await running(docker_containers, "patient")
        greedy = asyncio.gather(*(fault(patient, lambda_of(GREEDY[what])) for _ in range(3)))
        answers = []

        while not greedy.done():
            answers.append(await ask(patient, HONEST, "OK"))

        assert set(answers) == {Colour.GREEN}
        assert not {"EvaluatorError", "EngineError"} & {answer.class_ for answer in await greedy}
        assert await running(docker_containers, "patient") == before

    async def test_the_greediest_is_the_one_that_the_kernel_ends(
        self, docker_containers: DockerContainers, images: DockerImages
    ) -> None:
        """In a container with no room for two greedy ones, no honest one is ended for them."""
        image = await images.image(RUBY)
        spec = spec_for(RUBY, image.image_id, 10.0, {LABEL: OWN}, places=3)
        small = replace(spec, memory_bytes=200 << 20)
        hold = "C['memset', C['mmap', 0, 100 << 20, READ_WRITE, SHARED, -1, 0], 1, 100 << 20]"
        greedy, honest = lambda_of(f"{hold}; sleep 2; :red"), lambda_of("sleep 1.5; :green")

        async with evaluator_of(docker_containers, small) as evaluator:
            answers = await asyncio.gather(
                *(evaluator.ask("colour", question(source)) for source in (greedy, greedy, honest))
            )

        ended = ColourFault(CALLING, "NoAnswer", "its process ended without an answer")
        assert ended in answers[:2]
        assert answers[2] is Colour.GREEN


def question(source: str) -> bytes:
    """About a program that printed nothing."""
    asked = {"source": source, "stdout": "", "stderr": "", "status": "0"}
    return json.dumps(asked).encode()
