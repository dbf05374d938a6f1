"""Programs that multiply, or take what there is."""

import asyncio

import pytest

from tests.adversary.support import BUSYBOX, GCC, PYTHON, Victim, assert_timed_out, c, compile_and

pytestmark = [pytest.mark.docker, pytest.mark.long]

SETSID_BOMB = """
#include <signal.h>
#include <unistd.h>
int main(void) {
  signal(SIGTERM, SIG_IGN); signal(SIGHUP, SIG_IGN); signal(SIGINT, SIG_IGN);
  for (;;) if (fork() == 0) setsid();
}
"""

VFORK_CHAIN = """
#include <unistd.h>
int main(int count, char **words) {
  for (;;) if (vfork() == 0) { execl(words[0], words[0], (char *) 0); _exit(1); }
}
"""

THREADS = """
import threading
event = threading.Event()
try:
    for _ in range(100_000):
        threading.Thread(target=event.wait, daemon=True).start()
except RuntimeError as error:
    print(error, flush=True)
import os
os._exit(1)
"""


class TestForks:
    """Programs that multiply."""

    async def test_a_bomb_of_bash(self, victim: Victim) -> None:
        """A fork bomb in bash is ended when its time is over."""
        result = await victim.attack(
            BUSYBOX, "bomb() { bomb | bomb & }; bomb; while :; do :; done", seconds=1
        )

        assert_timed_out(result)

    async def test_a_bomb_that_goes_off_after_the_end(self, victim: Victim) -> None:
        """A script that ends while its bomb goes on has its own status, and all it printed."""
        result = await victim.attack(
            BUSYBOX, "bomb() { bomb | bomb & }; bomb 2>/dev/null; echo out; exit 1"
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "out\n"

    async def test_sessions_that_ignore_term(self, victim: Victim) -> None:
        """A bomb in C is ended, although each process has its own session and ignores TERM."""
        result = await victim.attack(GCC, compile_and("./bomb"), files=c(SETSID_BOMB), seconds=2)

        assert_timed_out(result)

    async def test_a_chain_of_vfork(self, attached: Victim) -> None:
        """Processes that wait for children by vfork, which wait for theirs, are
        ended all at once.
        """
        result = await attached.attack(GCC, compile_and("./bomb"), files=c(VFORK_CHAIN), seconds=2)

        assert_timed_out(result)

    async def test_threads(self, attached: Victim) -> None:
        """A program that starts a hundred thousand threads gets the first hundred or so."""
        result = await attached.attack(PYTHON, "python3 threads.py", files={"threads.py": THREADS})

        assert (result["outcome"], result["stdout"]["content"]) == (
            "red",
            "can't start new thread\n",
        )

    async def test_bombs_harm_no_neighbour(self, attached: Victim) -> None:
        """While bombs go off in three containers, a run in a fourth one ends as usual."""
        bomb = "bomb() { bomb | bomb & }; bomb; while :; do :; done"
        bombs = [
            asyncio.create_task(attached.daemon.run(BUSYBOX, bomb, seconds=2)) for _ in range(3)
        ]

        ordinary = await attached.daemon.run(PYTHON, "python3 -c 'print(6 * 7)'")

        assert (ordinary["outcome"], ordinary["stdout"]["content"]) == ("green", "42\n")
        for result in await asyncio.gather(*bombs):
            assert_timed_out(result)
        await attached.is_well(BUSYBOX)


MANY_GREEDY = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 60; i++) if (fork() == 0) break;
  for (int i = 0; i < 100; i++) { char *p = malloc(1 << 20); if (p) memset(p, 1, 1 << 20); }
  pause();
}
"""


class TestResources:
    """Programs that take what there is."""

    async def test_a_memory_bomb(self, victim: Victim) -> None:
        """A process that takes too much memory is killed, and the script that
        started it goes on and says so.
        """
        result = await victim.attack(
            PYTHON,
            "echo begun; python3 -c 'x = b\"x\" * (2200 << 20)'; echo $?; exit 1",
            seconds=15,
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "begun\n137\n"

    async def test_many_greedy_processes(self, attached: Victim) -> None:
        """Many processes together get no more memory than one.

        Whichever is killed, the answer is honest.
        """
        result = await attached.attack(
            GCC, compile_and("./bomb & wait"), files=c(MANY_GREEDY), seconds=2
        )

        assert result["outcome"] in ("timed_out", "faulty", "amber", "green"), result
        assert result["outcome"] != "green" or result["status"] == "0"

    async def test_every_tmpfs_filled(self, attached: Victim) -> None:
        """A program that fills every tmpfs still has its status and its output until
        then returned.
        """
        result = await attached.attack(
            GCC,
            "echo out; for place in /tmp /sandbox ~ /dev/shm; do"
            " head -c 300M /dev/zero >$place/full 2>/dev/null; done; exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "out\n"

    async def test_all_processors_busy(self, attached: Victim) -> None:
        """A program that burns both cores is ended in time, and the daemon answers meanwhile."""
        burning = asyncio.create_task(
            attached.daemon.run(
                BUSYBOX, "for n in 1 2 3 4; do while :; do :; done & done; wait", seconds=1
            )
        )
        while not burning.done():
            assert (await attached.daemon.ask("alive?")) == {"alive?": True}
            await asyncio.wait([burning], timeout=0.05)

        assert_timed_out(await burning)
        await attached.is_well(BUSYBOX)
