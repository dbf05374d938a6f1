"""What the kernel counts for a user, or for the whole host: who can take it, and until when."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.adversary.support import PYTHON, Victim

pytestmark = [pytest.mark.docker, pytest.mark.long]

GREEDY = {"greedy.py": (Path(__file__).parent / "greedy.py").read_text()}
ALL = 100_000
FEW = 2
HOLD_S = 4
# Of these, a greedy run in a container of its own can leave others nothing (docs/security.md).
SHARED = {"signals", "watchers", "terminals", "in flight", "large pipes"}
# Of these, even a run in a cell can: the kernel counts them for a user, whatever the namespace.
SHARED_BY_CELLS = {"in flight", "large pipes"}


async def take(victim: Victim, at_most: int, hold_s: float = 0) -> dict[str, tuple[int, str]]:
    """What a run gets of each, and why it gets no more."""
    script = f"python3 greedy.py {at_most} {hold_s}"
    result = await victim.daemon.run(PYTHON, script, seconds=15, files=GREEDY)
    assert result["status"] == "0", result
    return {
        name: (got, why) for name, (got, why) in json.loads(result["stdout"]["content"]).items()
    }


async def test_what_a_run_took_is_free_afterwards(victim: Victim) -> None:
    """What a run takes of the host's budgets is free again for the next run when the
    run has ended.
    """
    first, second = await take(victim, ALL), await take(victim, ALL)

    assert first["slots"] == second["slots"] == (0, "ENOSYS")
    assert first["keys"][0] == second["keys"][0] == 0
    # Others use this host, too, and by the same user.
    assert all(second[name][0] >= first[name][0] // 2 for name in first)
    assert all(first[name][0] for name in first.keys() - {"slots", "keys"})
    await victim.is_well(PYTHON)


async def honest_runs_beside_a_greedy_one(victim: Victim) -> set[str]:
    """The names of what a modest run did not get, while another took all that it could."""
    greedy = asyncio.create_task(take(victim, ALL, HOLD_S))
    lacking: set[str] = set()
    runs = 0
    while not greedy.done():
        got = await take(victim, FEW)
        runs += 1
        lacking |= {name for name, (_, why) in got.items() if why != "enough"}
    await greedy
    assert runs > 1
    return lacking - {"slots", "keys"}


async def test_a_greedy_run_beside_others(single_use: Victim) -> None:
    """Runs in containers of their own can make POSIX queues while another run takes
    all that it can.
    """
    assert await honest_runs_beside_a_greedy_one(single_use) <= SHARED


async def test_a_greedy_cell_beside_others(cells: Victim) -> None:
    """Runs in cells get signals, watchers and terminals, too, while another cell
    takes all it can.
    """
    assert await honest_runs_beside_a_greedy_one(cells) <= SHARED_BY_CELLS
