"""The katas that are run, and the right answer to each."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from runner.kata import Kata

IMAGE = "dojo-runner/python-pytest:latest"
C_IMAGE = "dojo-runner/gcc:latest"


class WrongAnswerError(Exception):
    """A run was carried out, and its answer is wrong, so no time of that server has a meaning."""


@dataclass(frozen=True)
class Answer:
    """The parts of an answer that are compared. `outcome` is None where a way decides no colour."""

    status: str
    stdout: str
    created: int = 0  # text files; at most 16 are told of
    changed: int = 0
    outcome: str | None = None


@dataclass(frozen=True)
class Workload:
    """A kata whose colour must be green, with its output and its changes of files."""

    name: str
    kata: Kata
    prints: Callable[[str], bool] = lambda stdout: not stdout
    created: int = 0
    changed: int = 0

    def check(self, answer: Answer) -> None:
        """Compare an answer with the right one. Raises WrongAnswerError."""
        is_right = (
            answer.status == "0"
            and answer.outcome in (None, "green")
            and self.prints(answer.stdout)
            and (answer.created, answer.changed) == (self.created, self.changed)
        )
        if not is_right:
            raise WrongAnswerError(f"{self.name}: {answer!r:.600}")

    def on(self, image: str, c_image: str) -> "Workload":
        """The same katas on other images."""
        other = c_image if self.kata.image_name == C_IMAGE else image
        return replace(self, kata=replace(self.kata, image_name=other))


_PYTEST = {
    "hiker.py": "def answer():\n    return 6 * 7\n",
    "test_hiker.py": "from hiker import answer\n\ndef test_answer():\n    assert answer() == 42\n",
    "tennis.py": 'def score(a, b):\n    return f"{a}-{b}"\n',
    "test_tennis.py": "from tennis import score\n\ndef test_score():\n    assert score(0, 0)\n",
    "readme.txt": "What is six times seven?\n" * 40,
    "cyber-dojo.sh": "python3 -B -m pytest -p no:cacheprovider\n",
}

_C = {
    "hiker.h": "int answer(void);\n",
    "hiker.c": '#include "hiker.h"\n\nint answer(void)\n{\n    return 6 * 7;\n}\n',
    "hiker.tests.c": (
        '#include "hiker.h"\n#include <assert.h>\n#include <stdio.h>\n\n'
        'int main(void)\n{\n    assert(answer() == 42);\n    puts("All tests passed");\n}\n'
    ),
    "makefile": (
        "test: hiker.tests\n\t./hiker.tests\n\n"
        "hiker.tests: hiker.c hiker.tests.c hiker.h\n"
        "\tgcc -Wall -Werror -o $@ hiker.c hiker.tests.c\n"
    ),
    "readme.txt": "What is six times seven?\n" * 40,
    "cyber-dojo.sh": "make --silent\n",
}

FILES = 100
STDOUT_LINES = 512  # of 80 bytes: 40 KiB
_CHANGE_ALL = "for file in *.txt; do printf 'one more line\\n' >>\"$file\"; done\n"
_PRINT = f"for ((n = 0; n < {STDOUT_LINES}; n++)); do printf '%079d\\n' \"$n\"; done\n"

# Other images have other lambdas. With this one, runs are green on all images.
_BY_STATUS = "lambda { |_stdout, _stderr, status| status == 0 ? :green : :red }"


def _plain(script: str, files: dict[str, str] | None = None) -> Kata:
    return Kata("bench", IMAGE, 10, {**(files or {}), "cyber-dojo.sh": script}, _BY_STATUS)


def _creating_in(folder: str) -> Kata:
    return _plain(
        "line=$(printf '%01023d' 0)\n"
        f'for ((n = 0; n < {FILES}; n++)); do printf \'%s\\n\' "$line" >"{folder}/$n.txt"; done\n'
    )


def _large_text() -> str:
    """500 KB that gzip makes no smaller than a program's text."""
    rng = random.Random(1)
    letters = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=7 * 62_500))
    return "\n".join(letters[at : at + 7] for at in range(0, len(letters), 7)) + "\n"


def _many_files() -> dict[str, str]:
    return {f"{n:02}.txt": f"this is line {n} of file {n}\n" * 40 for n in range(FILES)}


TRUE = Workload("true", _plain("true\n"))
PYTHON = Workload(
    "Python, 6 files",
    Kata("bench", IMAGE, 10, _PYTEST),
    prints=lambda stdout: " 2 passed in " in stdout,
)
C = Workload(
    "C, 6 files",
    Kata("bench", C_IMAGE, 10, _C, _BY_STATUS),
    prints=lambda stdout: stdout == "All tests passed\n",
)
WORKLOADS = {
    "true": TRUE,
    "python": PYTHON,
    "c": C,
    "files": Workload("100 files", _plain(_CHANGE_ALL, _many_files()), changed=FILES),
    "large": Workload("500 KB file", _plain("true\n", {"large.txt": _large_text()})),
    "stdout": Workload(
        "40 KB of stdout",
        _plain(_PRINT),
        prints=lambda stdout: len(stdout) == 80 * STDOUT_LINES and stdout.endswith("511\n"),
    ),
}

# The same files are made in a folder that is harvested, and in one that is not. The difference of
# the times is the harvest of 100 files of 1 KiB.
HARVESTED = Workload("100 files to harvest", _creating_in("."), created=16)
UNHARVESTED = Workload("100 files elsewhere", _creating_in("/tmp"))  # noqa: S108 - the container's
