"""The wheel: it brings the launcher of cells, where there is a compiler to make it with."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pool import DockerClient, DockerHost
from runner.engine.tool_files import LAUNCHER, files_of
from tests.daemon.support import BUSYBOX, colour
from tests.daemon_process import daemon
from tests.hosts import refusal_of_cells

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "dojo-runner/python-pytest:latest"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which this project is installed from its wheel."""
    return installed(tmp_path_factory.mktemp("wheel"), "clang")


def installed(folder: Path, compiler: str) -> Path:
    """Builds the wheel with that compiler, and installs it."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    options = ("--no-deps", "--no-index", "--no-build-isolation")
    environment = {**os.environ, "CC": compiler, "PIP_ROOT_USER_ACTION": "ignore"}
    for words in (
        (*pip, "wheel", *options, "--wheel-dir", str(folder), str(ROOT)),
        (
            *pip,
            "install",
            "--no-deps",
            "--no-index",
            "--target",
            str(folder / "installed"),
            "WHEEL",
        ),
    ):
        wheel = next(map(str, folder.glob("*.whl")), "")
        command = [wheel if word == "WHEEL" else word for word in words]
        subprocess.run(  # noqa: S603
            command, check=True, capture_output=True, env=environment, timeout=100
        )
    return folder / "installed"


@pytest.mark.clang
def test_the_launcher_is_in_the_wheel(folder: Path) -> None:
    """All its programs can be executed once the wheel is installed, and need no library."""
    files = files_of(LAUNCHER, [folder / "runner" / "launcher"])

    assert files is not None
    for name in (".dojo/cells", "waits", "networks"):
        path = files.root / name
        assert os.access(path, os.X_OK)
        assert b"libz.so" not in path.read_bytes()
    assert (files.root / "home/sandbox/waits.c").is_file()


def test_without_a_compiler_the_wheel_is_only_python(tmp_path: Path) -> None:
    """A host without a compiler can install the daemon all the same, for any machine."""
    folder = installed(tmp_path, "no-such-compiler")

    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not any("launcher/" in name for name in zipfile.ZipFile(wheel).namelist())
    assert files_of(LAUNCHER, [folder / "runner" / "launcher"]) is None


@pytest.mark.clang
@pytest.mark.docker
async def test_a_node_needs_no_image_of_the_service(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    docker_client: DockerClient,
) -> None:
    """A daemon outside a container loads its launcher, and finds Ruby in some image of the node."""
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    ruby, launcher = "dojo-test/no-ruby:1", "dojo-test/no-launcher:1"
    named = daemon(tmp_path, reuse="auto", ruby_image=ruby, launcher_image=launcher)
    async with named as running:
        colours = [await colour(running, f"exit {n}") for n in range(3)]
        health = await running.health()
        [said] = [
            one
            for one in await running.logged("an image takes a missing one's place")
            if one["source"] == "loaded"
        ]

    assert colours == ["green", "red", "amber"]
    assert health["images"][BUSYBOX]
    sources = {name: one["source"] for name, one in health["tool_images"].items()}
    assert sources == {ruby: "found", launcher: "loaded"}
    assert said["image"].startswith("dojo-runner/launcher:")
    security = (await DockerHost(docker_client).facts()).security
    if reason := refusal_of_cells(health["reuse"]["why_no_cells"], security):
        pytest.skip(reason)
    assert health["reuse"]["kind"] == "cells"
