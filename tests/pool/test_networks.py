"""Networks that holders lend: each start gets one that nobody has been in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pool import EngineError, NetworkHolder, Networks, Started, Supervisor, UnansweredError
from tests.fakes import FakeStream
from tests.reports import Reports

from .conftest import settle
from .support import a_spec

HOSTNAME = "sandbox"


class Rig:
    """Networks, and holders whose programs answer for as long as the test lets them."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.networks = Networks(supervisor)
        self.missed = 0
        self.ended: list[str] = []
        self.streams: dict[str, FakeStream] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.line = "{number};net.ipv4.ping_group_range=0 7"
        self._number = 0
        self._programs: set[asyncio.Task[None]] = set()
        self.networks.missed = self._count

    async def add(self, name: str, hostname: str = HOSTNAME) -> NetworkHolder:
        """One more holder that has made its first network."""
        stream = self.streams[name] = FakeStream(name)
        program = asyncio.create_task(self._program(stream))
        self._programs.add(program)
        started = Started(name, f"name of {name}", stream)
        holder = NetworkHolder(started, hostname, lambda: self.ended.append(name))
        await holder.renew()
        self.networks.add(holder)
        return holder

    async def close(self) -> None:
        """End the programs."""
        await self.networks.close()
        for program in self._programs:
            program.cancel()

    async def _program(self, stream: FakeStream) -> None:
        while await stream.stdin.read(1):
            await self.may_answer.wait()
            self._number += 1
            stream.say(self.line.format(number=self._number).encode() + b"\n")
        stream.end()

    def _count(self) -> None:
        self.missed += 1


@pytest.fixture
async def rig(supervisor: Supervisor) -> AsyncIterator[Rig]:
    """Networks without any holder yet."""
    rig = Rig(supervisor)
    yield rig
    await rig.close()


async def test_one_start_at_a_time_uses_a_holder(rig: Rig) -> None:
    """Two starts at once have two holders, and the third gets none, which is counted."""
    await rig.add("a")
    await rig.add("b")

    async with (
        rig.networks.lend(HOSTNAME) as first,
        rig.networks.lend(HOSTNAME) as second,
        rig.networks.lend(HOSTNAME) as third,
    ):
        assert first is not None
        assert second is not None
        assert {first.container_id, second.container_id} == {"a", "b"}
        assert third is None
        assert rig.missed == 1


async def test_each_start_gets_a_network_of_its_own(rig: Rig) -> None:
    """A holder has left the network of the last start before the next one begins."""
    await rig.add("a")
    numbers = []
    for _ in range(3):
        async with rig.networks.lend(HOSTNAME) as holder:
            assert holder is not None
            numbers.append(holder.number)
        await settle()
        assert holder.number != numbers[-1]

    assert len(set(numbers)) == 3


async def test_a_start_that_failed_had_a_network_of_its_own(rig: Rig) -> None:
    """No later start gets the network of a start that failed, which the engine may have joined."""
    await rig.add("a")
    with pytest.raises(EngineError, match="no bash"):
        async with rig.networks.lend(HOSTNAME) as holder:
            raise EngineError("start", "no bash")
    assert holder is not None
    number = holder.number
    await settle()

    async with rig.networks.lend(HOSTNAME) as again:
        assert again is holder
        assert again.number != number


@pytest.mark.parametrize(
    "error", [UnansweredError("start", "no answer within 20 s"), asyncio.CancelledError()]
)
async def test_a_start_that_may_go_on_takes_its_holder_along(
    rig: Rig, error: BaseException
) -> None:
    """After a start without an answer its holder is ended, as the engine may still
    start the container.
    """
    await rig.add("a")
    with pytest.raises(type(error)):
        async with rig.networks.lend(HOSTNAME):
            raise error
    await rig.networks.close()

    assert rig.streams["a"].closed
    assert rig.ended == ["a"]
    async with rig.networks.lend(HOSTNAME) as holder:
        assert holder is None


async def test_a_holder_that_fails_by_a_bug_is_reported(rig: Rig, reports: Reports) -> None:
    """The supervisor hears of the task that readies or ends a holder after a start, by its name."""
    await rig.add("a")
    rig.streams["a"].close_error = bug = RuntimeError("a bug")

    with pytest.raises(UnansweredError):
        async with rig.networks.lend(HOSTNAME):
            raise UnansweredError("start", "no answer within 20 s")
    await rig.networks.close()

    assert (reports.names, reports.errors) == (["network of a"], [bug])


async def test_a_holder_that_has_ended_is_not_lent(rig: Rig) -> None:
    """A holder that has ended is not lent; another one is, if there is one."""
    await rig.add("a")
    await rig.add("b")
    rig.streams["a"].end()

    assert rig.ended == ["a"]
    assert rig.networks.idle == 1
    async with rig.networks.lend(HOSTNAME) as holder:
        assert holder is not None
        assert holder.container_id == "b"


async def test_a_holder_of_another_hostname_is_not_lent(rig: Rig) -> None:
    """The engine gives the holder's hostname to what is started in its network."""
    await rig.add("a", "another")

    async with rig.networks.lend(HOSTNAME) as holder:
        assert holder is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no number",
        "1;kernel.core_pattern=0",
        "1;net.ipv4.x=/etc",
        "1;net.ipv4.x",
        "1" * 5000,
        "1;" + "net.a=0;" * 30,
    ],
)
async def test_words_that_no_holder_says(rig: Rig, line: str) -> None:
    """Nothing but numbers, for switches of the network, gets from a container to the engine."""
    await rig.add("a")
    rig.line = line
    async with rig.networks.lend(HOSTNAME):
        pass
    await rig.networks.close()

    async with rig.networks.lend(HOSTNAME) as holder:
        assert holder is None
    assert rig.streams["a"].closed
    assert rig.ended == ["a"]


async def test_a_renewal_that_was_broken_off(rig: Rig) -> None:
    """The line of a renewal that was broken off is not taken for the line of the next network."""
    holder = await rig.add("a")
    rig.may_answer.clear()
    broken_off = asyncio.create_task(holder.renew())
    await settle()
    broken_off.cancel()
    await asyncio.wait((broken_off,))
    rig.may_answer.set()

    await holder.renew()

    assert holder.number == "3"


async def test_the_container_in_a_network_that_is_lent(rig: Rig) -> None:
    """A container in a lent network gets the switches of a network of its own.

    It gets no hostname, which engines would refuse.
    """
    holder = await rig.add("a")

    alone = replace(a_spec(), hostname=HOSTNAME, sysctls={"fs.mqueue.queues_max": "4"})
    spec = holder.in_its_network(alone)

    body = spec.create_body()
    assert body["HostConfig"]["NetworkMode"] == "container:a"
    assert body["Hostname"] == ""
    assert body["HostConfig"]["Sysctls"] == {
        "fs.mqueue.queues_max": "4",
        "net.ipv4.ping_group_range": "0 7",
    }


async def test_which_failures_are_a_holders(rig: Rig) -> None:
    """A failure is the holder's if it names the holder's container, or if the holder has ended."""
    holder = await rig.add("holder-1")

    assert not holder.may_be_why(EngineError("start", "no bash"))
    assert holder.may_be_why(EngineError("start", "No such container: holder-1"))
    rig.streams["holder-1"].end()
    assert holder.may_be_why(EngineError("start", "no such file"))
