"""Which test runs which commands of the pages.

Each command matches exactly one row here: the test that runs it, or the reason why none can. So a
new command in a page has a test as soon as a row's pattern matches it, and until then
test_claims.py fails. A test takes its commands from here, and never has a copy of one.
"""

import re
from dataclasses import dataclass

from tests.documentation.pages import Command, commands

_OURS = r"(?:[A-Z_]+=\S+ )?dojo-runner "


@dataclass(frozen=True)
class Claim:
    """The commands that begin with one of these patterns are run by this test."""

    test: str
    patterns: tuple[str, ...]

    def matches(self, command: Command) -> bool:
        """Whether the command is one of these."""
        return any(re.match(pattern, command.line) for pattern in self.patterns)


@dataclass(frozen=True)
class Reason:
    """Why no test can run the commands that begin with this pattern, and what is tested instead."""

    pattern: str
    why: str
    instead: str
    test: str

    def matches(self, command: Command) -> bool:
        """Whether the command is one of these."""
        return re.match(self.pattern, command.line) is not None


CLAIMS = (
    # Against a daemon on a fake engine, or without any.
    Claim(
        "tests/documentation/test_on_a_daemon.py",
        (
            r"curl ",
            r"mkdir -p ~/",
            rf"{_OURS}(run|manifest|pull|warm|config|status|completion)\b",
            rf"{_OURS}check FOLDER(?! --both)",
        ),
    ),
    # On the engine of the tests.
    Claim(
        "tests/documentation/test_on_the_engine.py",
        (rf"{_OURS}(doctor|image check|serve)\b", rf"{_OURS}check FOLDER --both"),
    ),
    # In a copy of the project; what takes many minutes is made small.
    Claim(
        "tests/documentation/test_make.py",
        (r"make (?!demo|serve|languages)", r"\.venv/bin/python -m bench (?!languages)"),
    ),
    Claim(
        "tests/documentation/test_languages.py",
        (r"make languages", r"\.venv/bin/python -m bench languages"),
    ),
    # In a copy of the project, one after the other, in a terminal.
    Claim(
        "tests/documentation/test_quickstart.py",
        (r"make (demo|serve)", r"\.venv/bin/dojo-runner ", r"python3 -m pytest "),
    ),
    # On a host of the test's: a folder stands for the root of its file system.
    Claim(
        "tests/documentation/test_on_a_host.py",
        (r"cp ", r"apparmor_parser ", r"systemctl ", r"python3 -m venv ", r"/opt/\S+/pip install "),
    ),
    # On the engine of the tests, with names and ports of a test's own.
    Claim("tests/deploy/test_image.py", (r"docker (build|run) ",)),
    Claim("tests/deploy/test_compose.py", (r"docker compose (?!--profile monitoring)",)),
    Claim("tests/deploy/test_monitoring_profile.py", (r"docker compose --profile monitoring",)),
    Claim("tests/deploy/test_swarm.py", (r"openssl .*docker secret ", r"docker stack ")),
    # By kubectl, which sends nothing to a cluster.
    Claim("tests/deploy/test_kubernetes.py", (r"openssl .*kubectl ", r"kubectl create namespace ")),
)

REASONS = (
    Reason(
        r"kubectl apply ",
        why="it needs a Kubernetes cluster",
        instead="kubectl renders the same files, and they are valid by the schemas of Kubernetes",
        test="tests/deploy/test_kubernetes.py",
    ),
)


def claimed_by(test: str, beginning: str = "") -> list[Command]:
    """The commands that this test runs, in the order of the pages; of them those that begin so."""
    [claim] = [claim for claim in CLAIMS if test.endswith(claim.test)]
    return [
        command
        for command in commands()
        if claim.matches(command) and command.line.startswith(beginning)
    ]
