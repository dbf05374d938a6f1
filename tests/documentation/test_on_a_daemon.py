"""The commands that ask a daemon do what they are there for, on a service of the test's."""

import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import ServeFake
from tests.documentation.claims import claimed_by
from tests.documentation.shell import shell
from tests.runner.authors.folders import write_start_point
from tests.runner.typed import dojo_runner
from tests.serving import Served

URL = "http://127.0.0.1:4597"
TOKEN = "a token that only this test knows"  # noqa: S105 - no secret
IMAGES = ("dojo-runner/python-pytest:latest", "cyberdojofoundation/gcc:1")

# These ask a daemon, and have one of their own, or the usual one, if none is named.
ASK = {"run", "check", "pull", "status", "warm"}

LINES = sorted({command.line for command in claimed_by(__file__)})
CURL = [line for line in LINES if line.startswith("curl ")]
COMPLETION = [
    command.line
    for command in claimed_by(__file__)
    if command.line.startswith(("mkdir ", "dojo-runner completion "))
]
OURS = [line for line in LINES if line not in (*CURL, *COMPLETION)]


@pytest.fixture
async def served(serve_fake: ServeFake) -> AsyncIterator[Served]:
    """A service whose operators may act, and that has a container of its image."""
    async with serve_fake(acts_token=TOKEN) as http:
        await http.until_ready()
        await http.run()
        yield http


@pytest.mark.parametrize("line", OURS)
async def test_a_command_of_ours(served: Served, tmp_path: Path, line: str) -> None:
    """Each `dojo-runner` command of the pages that asks a daemon ends well, and
    prints something.
    """
    folder = write_start_point(tmp_path / "my-kata", image_name=served.image)
    stand_for = {
        "FOLDER": str(folder),
        "FILE": str(folder / "manifest.json"),
        "IMAGE": served.image,
        URL: served.url,
    }
    typed = shlex.split(line.partition("dojo-runner ")[2])
    words = [stand_for.get(word, word) for word in typed]
    if words[0] in ASK and "--url" not in words:
        words += ["--url", served.url]

    said = await dojo_runner(*words, CYBER_DOJO_RUNNER_ACTS_TOKEN=TOKEN)

    assert said.status == 0, said
    assert said.stdout


def written_below(folder: Path) -> list[str]:
    """The texts of all files there."""
    return [path.read_text() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.long  # each imports all commands anew
async def test_completion_is_put_where_its_shell_looks(tmp_path: Path) -> None:
    """Completions are written into the reader's home, also where their folders are
    not there yet.
    """
    typed = "\n".join(('fpath=("" ~)', *COMPLETION))

    said = await shell(typed, tmp_path, HOME=str(tmp_path))

    assert (said.status, said.stdout, said.stderr) == (0, "", "")
    written = written_below(tmp_path)
    assert len(written) == len(COMPLETION) - 1
    assert all("dojo-runner" in text for text in written)


@pytest.mark.tools
@pytest.mark.parametrize("line", CURL)
async def test_a_command_of_curl(served: Served, line: str) -> None:
    """The service carries out each curl command of the pages."""
    typed = line.replace(URL, served.url).replace("curl ", "curl --fail --silent --show-error ")
    for image in IMAGES:
        typed = typed.replace(image, served.image)

    said = await shell(typed, TOKEN=TOKEN)

    assert (said.status, said.stderr) == (0, "")
    assert said.stdout
    assert "exception" not in said.stdout


def test_the_commands_are_found() -> None:
    """The pages have commands of curl and of `dojo-runner` for a daemon."""
    assert CURL
    assert COMPLETION[0].startswith("mkdir ")
    assert {line.split()[1] for line in OURS} >= {"run", "check", "config"}
