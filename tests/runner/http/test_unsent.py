"""Answers that nobody takes: how much memory they may hold."""

import json
from contextlib import AsyncExitStack, ExitStack
from functools import partial

from runner.http.unsent import MOST_BYTES, Unsent
from runner.run.delta import LARGEST_DELTA_BYTES
from runner.run.texts import LONGEST_TEXT_BYTES
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, archive, framed
from tests.runner.http.support import RUN
from tests.runner.http.test_bodies_at_once import headed, running
from tests.runner.http.test_connections import until_lost
from tests.serving import answer_from
from tests.waiting import eventually


def test_answers_within_the_limit_are_kept() -> None:
    """Exactly the limit is fine, and what is sent makes room."""
    gone: list[str] = []
    unsent = Unsent(10)
    with ExitStack() as stack:
        stack.enter_context(unsent.sending(6, lambda: gone.append("first")))
        stack.enter_context(unsent.sending(4, lambda: gone.append("second")))
        assert unsent.held_bytes == 10

    assert (gone, unsent.held_bytes) == ([], 0)


def test_the_oldest_go_first_when_there_is_too_much() -> None:
    """As many of the oldest clients are dropped as it takes. Each of them is told of once."""
    gone: list[str] = []
    unsent = Unsent(10)
    with ExitStack() as stack:
        for name, size in (("first", 4), ("second", 4), ("third", 2), ("fourth", 8)):
            stack.enter_context(unsent.sending(size, partial(gone.append, name)))
            assert unsent.held_bytes <= 10

        assert gone == ["first", "second"]
    assert (gone, unsent.held_bytes) == (["first", "second"], 0)


def test_a_single_answer_is_sent_whatever_its_size() -> None:
    """The limit is for many answers; a single one is sent, although it is larger."""
    gone: list[str] = []
    unsent = Unsent(10)
    with unsent.sending(100, lambda: gone.append("only")):
        assert unsent.held_bytes == 100

    assert (gone, unsent.held_bytes) == ([], 0)


async def test_clients_that_read_nothing_hold_only_so_much_memory(serve_fake: ServeFake) -> None:
    """The oldest clients that ask for large answers and read nothing are dropped.

    A client that reads is not.
    """
    count = LARGEST_DELTA_BYTES // LONGEST_TEXT_BYTES - 1
    written = {f"sandbox/{number}": b"x" * LONGEST_TEXT_BYTES for number in range(count)}
    engine = FakeEngine()
    engine.kata.answer = lambda kata: framed(kata, archive(written))
    async with serve_fake(engine) as http, AsyncExitStack() as stack:
        await http.until_ready()
        body = json.dumps(http.kata(files={str(number): "" for number in range(count)})).encode()
        silent = []
        for _ in range(MOST_BYTES // (count * LONGEST_TEXT_BYTES) + 1):
            reader, writer = await stack.enter_async_context(http.connection())
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(headed(len(body)) + body)
            silent.append((reader, writer))
            await eventually(lambda: seen(engine), lambda runs: runs == len(silent))
            await eventually(lambda: running(http), lambda runs: not runs)
        answer = await http.ask(RUN, body)
        await until_lost(silent[0][1])
        reader, writer = silent[-1]
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        late = await answer_from(reader)

    assert answer.status == late.status == 200
    assert len(late.body["run_cyber_dojo_sh"]["changed"]) == count


async def seen(engine: FakeEngine) -> int:
    """How many runs have begun."""
    return len(engine.kata.seen)
