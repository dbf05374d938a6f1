"""The commands of the pages do what they are there for, on a service of the test's."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import ServeFake
from tests.runner.authors.folders import write_start_point
from tests.runner.typed import WITHIN_S, dojo_runner
from tests.serving import Served
from tests.test_docs import EXAMPLES, PAGES, ROOT, commands_of

URL = "http://127.0.0.1:4597"
TOKEN = "a token that only this test knows"  # noqa: S105 - no secret
IMAGES = ("dojo-runner/python-pytest:latest", "cyberdojofoundation/gcc:1")

# Those that need an engine, or never end, and the tests that run the same.
ELSEWHERE = {
    "doctor": "tests/runner/doctor/test_doctor.py",
    "image check NAME": "tests/runner/doctor/test_image_command.py",
    "check FOLDER --both": "tests/runner/authors/test_commands.py",
    "run my-kata --watch": "tests/runner/authors/test_commands.py",
}
# Those that ask a daemon, and have one of their own, or the usual one, if none is named.
ASK = {"run", "check", "pull", "status", "warm"}


def of_pages(*programs: str) -> list[str]:
    """The commands of these programs in all pages, each once; their words are apart by NUL."""
    found = (words for name in PAGES for words in commands_of((ROOT / name).read_text()))
    return sorted({"\0".join(words[1:]) for words in found if words[0] in programs})


OURS = of_pages("dojo-runner", ".venv/bin/dojo-runner")
CURL = of_pages("curl")


@pytest.fixture
async def served(serve_fake: ServeFake) -> AsyncIterator[Served]:
    """A service whose operators may act, and that has a container of its image."""
    async with serve_fake(acts_token=TOKEN) as http:
        await http.until_ready()
        await http.run()
        yield http


@pytest.mark.parametrize(
    "command", [one for one in OURS if one.replace("\0", " ") not in ELSEWHERE]
)
async def test_a_command_of_ours(served: Served, tmp_path: Path, command: str) -> None:
    """It ends well, and prints something."""
    folder = write_start_point(tmp_path / "my-kata", image_name=served.image)
    stand_for = {
        **EXAMPLES,
        **dict.fromkeys(("FOLDER", "my-kata"), str(folder)),
        "FILE": str(folder / "manifest.json"),
        "IMAGE": served.image,
        URL: served.url,
    }
    words = [stand_for.get(word, word) for word in command.split("\0")]
    if words[0] in ASK and "--url" not in words:
        words += ["--url", served.url]

    said = await dojo_runner(*words, CYBER_DOJO_RUNNER_ACTS_TOKEN=TOKEN)

    assert said.status == 0, said
    assert said.stdout


@pytest.mark.tools
@pytest.mark.parametrize("command", CURL)
async def test_a_command_of_curl(served: Served, command: str) -> None:
    """The service takes the request on."""
    typed = command.replace(URL, served.url).replace("$TOKEN", TOKEN)
    for image in IMAGES:
        typed = typed.replace(image, served.image)

    process = await asyncio.create_subprocess_exec(
        *("curl", "--fail", "--silent", "--show-error", *typed.split("\0")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await asyncio.wait_for(process.communicate(), WITHIN_S)

    assert (process.returncode, stderr) == (0, b"")
    assert b"exception" not in stdout


def test_the_commands_are_found() -> None:
    """What is run elsewhere is in a page, and so are commands of each program."""
    assert set(ELSEWHERE) <= {one.replace("\0", " ") for one in OURS}
    assert all((ROOT / path).is_file() for path in ELSEWHERE.values())
    assert CURL
