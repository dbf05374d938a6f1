"""What every command does with words that make no sense, and how a shell completes them."""

import asyncio
from pathlib import Path

import pytest

from tests.runner.typed import dojo_runner

NOBODY = "http://127.0.0.1:1"  # the same in each process of tests, which must have the same names
USAGE, FAILED = 2, 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (USAGE, "nope"),
        (USAGE, "serve now"),
        (USAGE, "run"),
        (USAGE, "run . --nope"),
        (USAGE, "run . --repeat many"),
        (USAGE, "run . --repeat 0"),
        (FAILED, "run /nowhere"),
        (FAILED, f"run {__file__} --url {NOBODY}"),
        (USAGE, "check . --both=perhaps"),
        (FAILED, "check /nowhere"),
        (FAILED, "manifest check /dev/null"),
        (FAILED, "manifest check /nowhere"),
        (USAGE, "doctor --image"),
        (USAGE, "config x"),
        (USAGE, "image check"),
        (FAILED, "image check a.."),
        (FAILED, "status --url nonsense"),
        (FAILED, "status --url http://["),
        (FAILED, f"status --url {NOBODY}"),
        (FAILED, "pull a.."),
        (FAILED, f"pull gcc --url {NOBODY}"),
        (USAGE, "completion tcsh"),
    ],
)
async def test_nonsense_is_told_in_words(status: int, words: str) -> None:
    """The words are on stderr, and neither is there a traceback nor anything on stdout."""
    said = await dojo_runner(*words.split(), DOCKER_HOST="unix:///nowhere.sock")

    assert (said.status, said.stdout) == (status, ""), said
    assert said.stderr.strip()
    assert "Traceback" not in said.stderr


async def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file that no editor would open is told by its name."""
    (tmp_path / "cyber-dojo.sh").write_bytes(b"\xff\xfe\0")

    said = await dojo_runner("run", tmp_path, "--image", "x", "--url", NOBODY)

    assert (said.status, said.stdout, said.stderr.count("\n")) == (FAILED, "", 1)


async def test_bash_completes_the_commands(tmp_path: Path) -> None:
    """`dojo-runner do` and a tab is `doctor`."""
    script = tmp_path / "completion"
    script.write_text((await dojo_runner("completion", "bash")).stdout)
    ask = 'source "$0"; COMP_WORDS=(dojo-runner do); COMP_CWORD=1; _dojo_runner; echo $COMPREPLY'

    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", ask, script), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()

    assert printed.decode().split() == ["doctor"]


@pytest.mark.parametrize(
    ("shell", "words"), [("zsh", "#compdef dojo-runner"), ("fish", "complete -c")]
)
async def test_other_shells(shell: str, words: str) -> None:
    """The completions for zsh and fish are in the shell's own language, and name every command."""
    said = await dojo_runner("completion", shell)

    assert said.status == 0
    assert words in said.stdout
    assert "doctor" in said.stdout
