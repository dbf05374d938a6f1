"""A shell that is given a page's words, in a folder and an environment of the test's."""

import asyncio
import os
import re
import signal
from contextlib import suppress
from pathlib import Path

from tests.documentation.pages import ROOT
from tests.runner.typed import Said


def replaced(text: str, words: dict[str, str]) -> str:
    """The text with other words for these, each of which it must have."""
    for old, new in words.items():
        assert old in text, f"{old} is not in {text}"
        text = text.replace(old, new)
    return text


async def shell(
    script: str, folder: Path = ROOT, *, within_s: float = 60.0, **variables: str
) -> Said:
    """Run a script of bash; all that it has started ends with it, or when its time is over.

    The programs of the project's environment come first, as for a reader who has it on the path.
    """
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=folder,
        env=environment(**variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), within_s)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode is not None
    return Said(process.returncode, stdout.decode(), stderr.decode())


def environment(**variables: str) -> dict[str, str]:
    """This environment, without what make and pytest hand on to their own processes."""
    ours = {name: value for name, value in os.environ.items() if not _HANDED_ON.match(name)}
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**ours, "PATH": path, **variables}


_HANDED_ON = re.compile(r"MAKE|MFLAGS$|ARGS$|IMAGES$|PYTEST_")
