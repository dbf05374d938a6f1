"""What the contract's paths do with what is large."""

import threading
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.http import routes
from runner.http.bodies import Bodies
from runner.http.keys import BODIES, SERVICE, SETTINGS
from runner.kata import Outcome, RunResult, Text
from runner.run.patience import Patience
from runner.settings import Settings


class Watched(Mapping[str, Text]):
    """Texts that note in which threads they are read."""

    def __init__(self, texts: dict[str, Text]) -> None:
        self._texts = texts
        self.threads: set[str] = set()

    def __getitem__(self, name: str) -> Text:
        """See Mapping, whose other methods all end here."""
        self.threads.add(threading.current_thread().name)
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        """See Mapping."""
        return iter(self._texts)

    def __len__(self) -> int:
        """See Mapping."""
        return len(self._texts)


@pytest.mark.parametrize(("count", "threads"), [(2, 1), (200, 2)])
async def test_a_large_answer_is_written_off_the_loop(count: int, threads: int) -> None:
    """A thread writes the JSON of a large answer; that of a small one is written at once."""
    created = Watched({f"f{number}": Text("x") for number in range(count)})

    async def run(*_: Any) -> RunResult:
        return RunResult(Outcome.GREEN, "0", created=created)

    app = {
        SERVICE: SimpleNamespace(run=run),
        SETTINGS: Settings(_env_file=None),
        BODIES: Bodies(1),
    }
    arguments = {"id": "x", "files": {}, "manifest": {"image_name": "gcc", "max_seconds": 1}}
    asked = routes._Asked(cast(Any, app), arguments, 0, Patience())
    answer = await routes._run_cyber_dojo_sh(asked)

    assert answer.count(b'"content":"x"') == count
    # The loop's own thread has looked how large the answer is.
    assert len(created.threads) == threads
