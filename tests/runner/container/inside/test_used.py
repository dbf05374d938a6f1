"""What the answer of a real container tells of the machine's use."""

import pytest

from runner.kata import Outcome, Used
from tests.runner.container.inside.places import Run, Way, by_way, mostly
from tests.runner.katas import Katas

pytestmark = pytest.mark.docker

BURN_CPU_S = 0.3
# Bash alone: it asks the kernel for its own time, in the second field of `times`.
BURN = (
    "burn() { while :; do for ((i = 0; i < 2000; i++)); do :; done; read -ra s </proc/self/stat;"
    " ((s[13] + s[14] >= 30)) && break; done; };"
)
LIST_MIB = 64


class TestUsed:
    """The numbers that come with the answer."""

    @mostly
    async def test_cpu_time_of_all_processes(self, run: Run) -> None:
        """All processes' CPU time counts, that of one that nobody waits for as well."""
        result = await run(f"{BURN} burn; (burn) & wait; (burn &); nap 1.5")

        cpu_s = result.used.cpu_s
        assert cpu_s is not None
        assert 3 * BURN_CPU_S - 0.05 <= cpu_s <= 6 * BURN_CPU_S

    @mostly
    async def test_processes_that_were_started(self, run: Run) -> None:
        """The program counts, and each subshell that it starts; none of our script's does."""
        one = await run("exit 0")
        more = await run("for i in 1 2 3 4 5; do (:); done")

        assert (one.used.processes, more.used.processes) == (2, 7)  # TOOLS starts one

    @by_way
    async def test_memory(self, ways: dict[Way, Katas], image: str, way: Way) -> None:
        """A large list is in the peak."""
        script = f"x=$(printf '%{LIST_MIB * 1024 * 1024}s' ''); echo ${{#x}}"
        result = await ways[way].run(image, script)

        assert result.used.memory_bytes is not None
        assert LIST_MIB << 20 <= result.used.memory_bytes <= 1 << 30

    @by_way
    async def test_a_run_that_timed_out(self, ways: dict[Way, Katas], image: str, way: Way) -> None:
        """The numbers of a program that had to be killed are told, too."""
        script = "trap '' TERM; while :; do :; done"
        result = await ways[way].run(image, script, seconds=1)

        assert result.outcome is Outcome.TIMED_OUT
        assert result.used.cpu_s is not None
        assert 0.3 <= result.used.cpu_s <= 10

    @by_way
    async def test_a_program_that_writes_there(
        self, ways: dict[Way, Katas], image: str, way: Way
    ) -> None:
        """Whatever a program puts in the numbers' place, its run has its answer."""
        for act in (
            "rm -f /.dojo/used; mkdir /.dojo/used",
            "rm -f /.dojo/used; mkfifo /.dojo/used",
            "printf 'cpu 9999999m0.000s' >/.dojo/used; chmod 0 /.dojo/used",
            "ln -sf /dev/full /.dojo/used",
        ):
            result = await ways[way].run(image, f"{act} 2>/dev/null; echo out; exit 3")

            assert (result.status, result.stdout.content, result.log) == ("3", "out\n", {})
            if way is Way.CELLS:
                assert result.used != Used()
