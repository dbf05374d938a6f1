"""Clang's images check memory: what that needs, a cell has as a container of its own has."""

import pytest

from pool import Delivery
from runner.container.lockdown import spec_for
from runner.container.profile import Home, ImageProfile
from tests.runner.cells.support import LABELS, Engine, cell_container
from tests.runner.katas import harvest_of, kata

pytestmark = pytest.mark.docker

GCC = "dojo-runner/gcc:latest"
CLANG = "cyberdojofoundation/clang_of_a_test"
LIMITS = "grep -E 'Cap(Bnd|Eff|Prm|Amb)|NoNewPrivs' /proc/self/status; ulimit -d"
LEAK = """cat >leak.c <<'END'
#include <stdlib.h>
int main(void) { volatile char *lost = malloc(7); lost[0] = 1; lost = 0; return 0; }
END
gcc -fsanitize=address -o leak leak.c && ./leak 2>&1 | grep -o 'detected memory leaks'"""
TRACE = """cat >trace.c <<'END'
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  pid_t child = fork();
  if (!child)
    pause();
  printf("%ld\\n", ptrace(PTRACE_ATTACH, child, 0, 0));
  waitpid(child, 0, 0);
  printf("%ld\\n", ptrace(PTRACE_KILL, child, 0, 0));
}
END
gcc -o trace trace.c && ./trace"""


@pytest.mark.parametrize("script", [LIMITS, LEAK, TRACE], ids=["limits", "leak", "trace"])
async def test_a_cell_of_clang_is_a_container_of_clang(engine: Engine, script: str) -> None:
    """A cell of clang has the capabilities, limits and tracing that a container of clang has."""
    spec = spec_for(CLANG, ImageProfile(GCC, Home.TMPFS, None), Delivery.ATTACH, LABELS)
    alone = await harvest_of(engine.containers, spec, kata(GCC, script))
    async with cell_container(engine.containers, engine.launcher, spec) as container:
        in_cell = await container.run(kata(GCC, script))

    assert alone.stdout
    assert in_cell.stdout == alone.stdout


async def test_other_images_have_no_capability_in_their_bounds(engine: Engine) -> None:
    """Only the cells of clang's images have a capability in their bounds."""
    spec = spec_for("gcc", ImageProfile(GCC, Home.TMPFS, None), Delivery.ATTACH, LABELS)
    async with cell_container(engine.containers, engine.launcher, spec) as container:
        harvest = await container.run(kata(GCC, LIMITS))

    assert b"CapBnd:\t0000000000000000" in harvest.stdout
    assert b"unlimited" not in harvest.stdout
