"""Schemathesis sends what the API's document allows and what it does not, and looks at the answers.

No image of the requests is on the fake engine, as its containers run programs on this machine.
"""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import ServeFake

ROOT = Path(__file__).parents[3]
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 10  # for each of the operations; some more for each kind of wrong value
SEED = 1  # the same requests each time: a failure is there again for the one who looks for it


@pytest.mark.timeout(300)  # it makes hundreds of requests, as fast as the machine can
async def test_schemathesis_finds_nothing(serve_fake: ServeFake, tmp_path: Path) -> None:
    """Every answer has a status, a type and a form that the document has for its request."""
    async with serve_fake() as served:
        await served.until_ready()
        process = await asyncio.create_subprocess_exec(
            *(
                Path(sys.executable).with_name("schemathesis"),
                "--config-file",
                CONFIG,
                "--no-color",
            ),
            *("run", f"{served.url}/openapi.json", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--seed", str(SEED)),
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(ROOT),
                "PATH": "/usr/bin:/bin",
                # As for the other tests: to make its table of Unicode anew takes seconds of CPU.
                "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis"),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed = (await process.communicate())[0].decode()

    assert process.returncode == 0, printed
    cases = re.search(r"(\d+) generated, (\d+) passed", printed)
    assert cases is not None, printed
    assert int(cases[1]) > 200
