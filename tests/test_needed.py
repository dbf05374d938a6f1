"""What an ordinary user lacks is named at once, before pip takes minutes."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What the scripts themselves call.
THERE = ("bash", "dirname", "sort")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of an ordinary user on a machine that has hardly a command."""
    for name in THERE:
        [found] = [
            path for folder in os.defpath.split(":") if (path := Path(folder, name)).exists()
        ][:1]
        (tmp_path / name).symlink_to(found)
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    return {"PATH": str(tmp_path), "DOCKER_HOST": "unix:///nowhere"}


def needed(environment: dict[str, str], *tools: str) -> str:
    """What the script says, which must have failed."""
    said = subprocess.run(  # noqa: S603 - the project's own script
        [ROOT / "scripts" / "needed", sys.executable, *tools],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (1, "")
    return said.stderr


def test_all_are_named_in_one_line(bare: dict[str, str]) -> None:
    """One line names all missing packages, each once, with what one of them needs beside it."""
    said = needed(bare, "node,docker,no-such-command,clang")

    assert said.count("\n") == 1
    *_, named = said.strip().partition("Debian calls: ")
    names = named.split(" (there is no apt-get here)")[0].split()
    assert [name for name in names if name != "libmagic1"] == [
        "clang",
        "docker.io",
        "libclang-rt-dev",
        "mmdebstrap",
        "no-such-command",
        "nodejs",
        "zlib1g-dev",
    ]


def test_a_target_that_needs_less_names_less(bare: dict[str, str]) -> None:
    """A target names only the packages that it needs, so a demo asks for no browser."""
    assert "mmdebstrap" in needed(bare)
    assert "clang" not in needed(bare)


def test_what_is_there_is_not_named(bare: dict[str, str]) -> None:
    """A command on the PATH needs no package."""
    assert " sort " not in needed(bare, "sort,node")


@pytest.mark.parametrize("target", ["test", "test-long", "coverage", "fuzz", "mutants", "soak"])
def test_make_tells_what_the_target_needs_before_pip(tmp_path: Path, target: str) -> None:
    """Each part of the environment is told of the commands that are needed after it."""
    made_of = ["deploy/image/service.lock", "deploy/image/build.lock", "requirements.lock"]
    for name in [*made_of, "pyproject.toml", "scripts/with-engine", "scripts/venv"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "scripts" / "venv").write_text('#!/bin/sh\necho "$1 $TOOLS" >>heard\n')
    (tmp_path / "scripts" / "with-engine").write_text('#!/bin/sh\necho "$*" >>checked\n')
    for name in ("venv", "with-engine"):
        (tmp_path / "scripts" / name).chmod(0o755)

    make = shutil.which("make")
    assert make
    subprocess.run([make, target], cwd=tmp_path, capture_output=True, check=False)  # noqa: S603

    [tools] = re.findall(r"--tools (\S+)", (tmp_path / "checked").read_text())
    told = dict(line.split(" ") for line in (tmp_path / "heard").read_text().splitlines())
    assert told == dict.fromkeys(["packages", "project", "tools"], tools)


def test_what_a_package_brings_beside_commands_is_named_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has the command, but not the files that its other packages bring, is told at once."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    packages = importlib.import_module("packages")
    monkeypatch.setattr(packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(packages, "glob", lambda path: [] if "zlib" in path else [path])

    assert packages.missing("clang,docker,node") == ["zlib1g-dev"]
