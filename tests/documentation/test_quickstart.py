"""docs/quickstart.md, walked word by word in a copy of the project, in a terminal."""

from pathlib import Path

import pytest

from scripts.picture import kata_of
from tests.daemon_process import free_port
from tests.documentation.claims import claimed_by
from tests.documentation.clone import clone
from tests.documentation.pages import ROOT
from tests.documentation.shell import shell
from tests.documentation.terminal import terminal

PAGE = (ROOT / "docs" / "quickstart.md").read_text()
INTERRUPTED = 130  # by Ctrl-C, see docs/commands.md
LINES = {command.line for command in claimed_by(__file__)}

pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(400)]


class Reader:
    """Somebody who types a page's lines in a clone of the project, each as it stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.typed: set[str] = set()

    def reads(self, ending: str) -> str:
        """The only line that ends so."""
        [line] = [line for line in LINES if line.endswith(ending)]
        self.typed.add(line)
        return line

    async def types(self, ending: str, *more: str) -> str:
        """Type it, and wait for its end; what it printed."""
        said = await shell(" ".join((self.reads(ending), *more)), self.folder, within_s=200)
        assert said.status == 0, said
        return said.stdout

    def saves(self, folder: str, files: dict[str, str]) -> None:
        """Make the files that the page shows."""
        (self.folder / folder).mkdir(exist_ok=True)
        for name, content in files.items():
            (self.folder / folder / name).write_text(content)


async def test_five_minutes(tmp_path: Path) -> None:
    """Each command does what the page says of it, from the demo to the service and back."""
    reader = Reader(clone(tmp_path / "clone"))

    demo = await reader.types("make demo")
    assert all(f"outcome {colour}" in demo for colour in ("red", "amber", "green"))

    kata = kata_of(PAGE)
    reader.saves("my-kata", kata)
    assert reader.reads("test_hiker.py") == kata["cyber-dojo.sh"].strip()
    assert "\nred " in await reader.types("run my-kata")

    async with terminal(reader.reads("--watch"), reader.folder) as shown:
        await shown.shows("status 1,")
        reader.saves("my-kata", {"hiker.py": kata["hiker.py"].replace("6 * 9", "6 * 7")})
        await shown.shows("green")
        assert await shown.ctrl_c() == INTERRUPTED

    reader.saves("my-kata", kata)
    checked = await reader.types("check my-kata")
    assert [line.split()[0] for line in checked.splitlines()] == ["ok"] * 3

    port = str(free_port())
    async with terminal(
        reader.reads("make serve"), reader.folder, CYBER_DOJO_RUNNER_PORT=port
    ) as shown:
        await shown.shows("ready for runs")
        assert "\nred " in await reader.types("run my-kata", "--url", f"http://127.0.0.1:{port}")
        assert await shown.ctrl_c() == INTERRUPTED
        await shown.shows("stopped")

    assert reader.typed == LINES
