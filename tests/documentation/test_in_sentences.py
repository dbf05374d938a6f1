"""The commands that developers and operators read in the middle of a sentence or in a table.

Those of make are in test_make.py, and test_docs.py looks whether there are those of `dojo-runner`.
"""

import re
import shlex
from pathlib import Path

import pytest

from bench.__main__ import app as bench
from tests.daemon_process import DOCKER_HOST
from tests.deploy.commands import BUSYBOX
from tests.documentation.clone import clone
from tests.documentation.pages import PAGES, ROOT, in_sentences
from tests.documentation.shell import shell

SENTENCES = {code for page in PAGES for code in in_sentences(page)}
OF_PYTEST = sorted(code for code in SENTENCES if re.match(r"(\.venv/bin/)?pytest ", code))
OF_BENCH = sorted(code for code in SENTENCES if code.startswith(".venv/bin/python -m bench "))
OTHERS = sorted(
    code for code in SENTENCES if code.startswith(".venv/bin/") and code not in OF_PYTEST + OF_BENCH
)
# With these an operator looks around; those that remove or replace something are not for an engine
# that others use.
OF_DOCKER = sorted(
    code for code in SENTENCES if re.match(r"docker (info|system df|(inspect|ps|run) --)", code)
)
# With something of the test's own, to which a page's reader adds the name of another.
CONTAINER = f"id=$(docker run --detach {BUSYBOX} sleep 60)\ntrap 'docker rm --force $id' EXIT\n"
ON_OWN = {
    "docker kill --signal HUP NAME": f"{CONTAINER}docker kill --signal HUP $id",
    "docker logs": f"{CONTAINER}docker logs $id",
    "docker stop": f"{CONTAINER}docker stop --time 1 $id",
    "docker volume rm": "docker volume rm $(docker volume create)",
}
_OTHERS = "it removes what is not the test's"
_TOLD = "a page tells what was done or measured on a host, and asks nobody to type it"
# Why no test runs the others.
NOT_RUN = {
    "docker builder prune": _OTHERS,
    "docker compose stop": _TOLD,
    "docker compose up --detach --wait": _TOLD,
    "docker compose up --detach runner": "test_compose.py starts all services by the same command",
    "docker exec": "the daemon itself has the engine do it (tests/runner/container)",
    "docker image prune": _OTHERS,
    "docker load": _TOLD,
    "docker login": "it needs an account; tests of credentials have the file that it writes",
    "docker pull IMAGE": "it needs a registry; the daemon pulls from one in tests of pulls",
    "docker run": "test_image.py runs those that a page shows whole",
    "docker service update --force": _TOLD,
    "docker volume prune": _OTHERS,
    "kubectl describe pod": "it needs a Kubernetes cluster",
    "systemctl reload dojo-runner": "it needs systemd; tests/daemon sends the signal that it sends",
    "systemctl restart docker": "others use this engine; tests/faults restarts one of its own",
    "systemctl start": _TOLD,
    "systemctl stop": _TOLD,
    "systemctl stop docker.socket docker; sleep 10; systemctl start docker": _TOLD,
}
# Each changes the folder that it is started in.
IN_A_CLONE = {
    ".venv/bin/pre-commit install": "pre-commit installed at",
    ".venv/bin/ruff format && .venv/bin/ruff check --fix": "All checks passed!",
}


def test_each_is_run() -> None:
    """Each program of .venv that a page names in a sentence is run by a test in this file."""
    assert OF_PYTEST
    assert OF_DOCKER
    assert sorted(IN_A_CLONE) == OTHERS


def test_each_of_an_operator_is_run_or_has_a_reason() -> None:
    """Each operator's command in a sentence is run by a test, or has a reason why it cannot be."""
    found = {code for code in SENTENCES if re.match(r"(docker|kubectl|systemctl) [^ ]", code)}

    assert found == {*OF_DOCKER, *ON_OWN, *NOT_RUN}


@pytest.mark.parametrize("code", OF_BENCH)
def test_the_benchmark_knows_the_arguments(code: str) -> None:
    """No argument of `python -m bench` in a page is misspelt."""
    _, _, words = code.partition(" -m bench ")

    bench.parse_args(shlex.split(words), exit_on_error=False, print_error=False)


@pytest.mark.long
@pytest.mark.parametrize("code", OF_PYTEST)
async def test_pytest_finds_tests(code: str) -> None:
    """Each pytest command in a page names files that are there, and selects some tests."""
    said = await shell(f"{code} --collect-only -q", ROOT)

    assert said.status == 0, said
    assert "::test_" in said.stdout


@pytest.mark.long
@pytest.mark.tools
@pytest.mark.parametrize("code", OTHERS)
async def test_it_works_in_a_clone(tmp_path: Path, code: str) -> None:
    """Commands that change a repository work in a clone, which has hooks of its own."""
    folder = clone(tmp_path / "clone")
    (folder / ".git").unlink(missing_ok=True)

    said = await shell(f"git init --quiet .\n{code}", folder)

    assert said.status == 0, said
    assert IN_A_CLONE[code] in said.stdout


@pytest.mark.long
@pytest.mark.docker
@pytest.mark.parametrize("code", ON_OWN)
async def test_an_operator_acts(code: str) -> None:
    """The engine carries out an operator's command for a container or a volume of
    the test's own.
    """
    said = await shell(ON_OWN[code], DOCKER_HOST=DOCKER_HOST, within_s=100)

    assert said.status == 0, said


@pytest.mark.long
@pytest.mark.docker
@pytest.mark.parametrize("code", OF_DOCKER)
async def test_an_operator_looks_around(code: str) -> None:
    """The engine answers each of an operator's questions.

    A question that leaves out its container gets one that was created.
    """
    typed = code.replace("IMAGE", BUSYBOX)
    if "inspect" in code:
        typed = f"id=$(docker create {BUSYBOX})\ntrap 'docker rm $id' EXIT\n{code} $id"

    said = await shell(typed, DOCKER_HOST=DOCKER_HOST, within_s=100)

    assert said.status == 0, said
    assert said.stdout or "bash" in code
