"""One run's talk with its container: what is read of a large answer, and when."""

import asyncio

import pytest

from pool import ContainerSpec, Lease
from runner.container.answer import LARGE_ANSWER_BYTES, LARGEST_ANSWER_BYTES
from runner.container.untar import members
from runner.kata import Code, Kata
from runner.run.conversation import Answer, conversation
from tests.fakes import FakeEngine, FakeStream, archive, read_kata

KATA = Kata("id", "fake:1", 5.0, {"cyber-dojo.sh": "true"})
PIECE = bytes(64 * 1024)
WHOLE = archive({".dojo/status": b"0   "})


class Talk:
    """A conversation in which the test speaks for the container, and says what may be large."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.stream = FakeStream("fake")
        self.may_be_large = asyncio.Event()
        self.asked = 0
        spec = ContainerSpec("fake:1", "sha256:0", ("bash",), b"", "", labels={"key": "value"})
        lease = Lease("0", "fake", self.stream, True)
        self._conversation = conversation(spec, lease, engine.containers)

    async def answer(self, within_s: float = 20.0) -> Answer:
        """The answer of a conversation."""
        deadline_s = asyncio.get_running_loop().time() + within_s
        return await self._conversation.answer(KATA, deadline_s, self._ask)

    async def say(self, archives: bytes, last_word: str = " done\n") -> None:
        """An answer to what was handed over; without a last word it has no end."""
        nonce = (await read_kata(self.stream.stdin)).nonce
        end = nonce + last_word if last_word else ""
        self.stream.say(f"{nonce}\n".encode() + archives + end.encode())

    async def _ask(self) -> None:
        self.asked += 1
        await self.may_be_large.wait()


@pytest.fixture
async def talk() -> Talk:
    """On an engine that answers, and has no container."""
    return Talk(FakeEngine())


async def test_an_answer_of_ordinary_size_asks_nobody(talk: Talk) -> None:
    """An answer of ordinary size is read to its end without a wait."""
    answering = asyncio.create_task(talk.answer())
    await talk.say(WHOLE)

    answer = await answering
    assert (answer.archives, answer.is_cut, talk.asked) == (WHOLE, False, 0)


async def test_a_large_answer_is_read_on_once_it_may_be(talk: Talk) -> None:
    """A large answer asks once whether it may be read on, and then is whole."""
    answering = asyncio.create_task(talk.answer())
    large = WHOLE + PIECE * (2 * LARGE_ANSWER_BYTES // len(PIECE))
    await talk.say(large)
    done, _ = await asyncio.wait([answering], timeout=0.2)
    assert not done

    talk.may_be_large.set()

    answer = await answering
    assert (answer.archives == large, answer.is_cut, talk.asked) == (True, False, 1)


async def test_a_large_answer_that_may_not_be_read_counts_as_far_as_it_came(talk: Talk) -> None:
    """A large answer that may not be read on in time is cut, not lost: its status came first."""
    answering = asyncio.create_task(talk.answer(within_s=2.5))
    await talk.say(WHOLE + PIECE * (2 * LARGEST_ANSWER_BYTES // len(PIECE)))

    answer = await answering
    assert (answer.failure, answer.is_cut, talk.asked) == (None, True, 1)
    assert LARGE_ANSWER_BYTES < len(answer.archives) < LARGE_ANSWER_BYTES + 2 * 1024 * 1024
    assert [one.name for one in members(answer.archives, is_cut=True)] == [b".dojo/status"]


async def test_an_answer_that_is_too_large_is_read_no_further(talk: Talk) -> None:
    """An answer that is too large is cut long before the time is over."""
    talk.may_be_large.set()
    answering = asyncio.create_task(talk.answer())
    await talk.say(WHOLE + PIECE * (2 * LARGEST_ANSWER_BYTES // len(PIECE)), last_word="")

    answer = await answering
    assert (answer.failure, answer.is_cut) == (None, True)
    assert LARGEST_ANSWER_BYTES < len(answer.archives) < LARGEST_ANSWER_BYTES + 2 * 1024 * 1024


async def test_what_is_no_answer_ends_at_once(talk: Talk) -> None:
    """Output that does not begin with the mark ends the run, however much of it there is."""
    answering = asyncio.create_task(talk.answer())
    await read_kata(talk.stream.stdin)
    talk.stream.say(b"x" * 100)

    answer = await answering
    assert (answer.failure, talk.asked) == (Code.OUTPUT_UNREADABLE, 0)


async def test_without_time_nothing_is_handed_over(talk: Talk) -> None:
    """The container has got nothing, and can say nothing; it is the machinery that has failed."""
    answer = await talk.answer(within_s=0.5)

    assert (answer.failure, answer.reason) == (
        Code.MACHINERY_FAILED,
        "no container was ready in time",
    )


async def test_silence_before_the_programs_time_is_no_time_out(talk: Talk) -> None:
    """A hand-over that took long leaves the program less time than it was promised."""
    talk.engine.containers.add("0", "running", {"key": "value"})
    talk.stream.may_write.clear()
    asyncio.get_running_loop().call_later(0.7, talk.stream.may_write.set)

    answer = await talk.answer(within_s=1.3)

    assert (answer.failure, answer.reason) == (
        Code.MACHINERY_FAILED,
        "no answer within the time for a request",
    )
