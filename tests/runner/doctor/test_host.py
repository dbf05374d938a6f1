"""What is looked at on the host: each switch, with what to do about it."""

import os
import re
import socket
from pathlib import Path

import pytest

from runner.doctor import host
from runner.doctor.findings import Finding, Level

CELLS = "dojo-runner-cells"


def level_and_advice(finding: Finding) -> tuple[str, str]:
    """How bad it is, and what to do."""
    return finding.level.value, finding.advice


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of a host whose kernel has user namespaces, and no switch for them."""
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    (tmp_path / "proc/self/ns/user").touch()
    return tmp_path


def switch(root: Path, name: str, value: str) -> None:
    """Set a sysctl of that host."""
    path = root / "proc/sys" / name.replace(".", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def test_user_namespaces_are_there(root: Path) -> None:
    """A kernel without any of the switches has them."""
    assert host.user_namespaces(CELLS, root).level is Level.OK


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("user.max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=1000"),
        ("kernel.unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    ],
)
def test_a_switch_that_keeps_from_cells(root: Path, name: str, value: str, advice: str) -> None:
    """Katas run without cells, so it is a warning, and the advice is what to type."""
    switch(root, name, value)

    found = host.user_namespaces(CELLS, root)

    assert found.level is Level.WARNING
    assert name in found.found
    assert advice in found.advice


def profiles(root: Path, *names: str) -> None:
    """Load AppArmor's profiles on that host; only root may read which there are."""
    folder = root / "sys/kernel/security/apparmor"
    folder.mkdir(parents=True)
    (folder / "profiles").write_text("".join(f"{name} (enforce)\n" for name in names))


@pytest.mark.parametrize(
    ("loaded", "profile", "level"),
    [
        (["docker-default"], CELLS, Level.WARNING),
        (["docker-default", CELLS], CELLS, Level.OK),
        ([CELLS], "mine", Level.WARNING),
        (["mine"], "mine", Level.OK),
        ([CELLS], "unconfined", Level.WARNING),
    ],
)
def test_a_profile_that_is_loaded_lifts_ubuntus_switch(
    root: Path, loaded: list[str], profile: str, level: Level
) -> None:
    """The switch is for programs that no profile covers; a setting may name another profile."""
    switch(root, "kernel.apparmor_restrict_unprivileged_userns", "1")
    profiles(root, *loaded)

    assert host.user_namespaces(profile, root).level is level


def test_profiles_that_only_root_may_see(root: Path) -> None:
    """Where it is not known whether the profile is loaded, the finding says so."""
    switch(root, "kernel.apparmor_restrict_unprivileged_userns", "1")

    found = host.user_namespaces(CELLS, root)

    assert (found.level, "only root may see" in found.found) == (Level.OK, True)


def test_two_switches_are_told_at_once(root: Path) -> None:
    """The advice names both switches, so nobody has to look a second time."""
    switch(root, "user.max_user_namespaces", "0")
    switch(root, "kernel.unprivileged_userns_clone", "0")

    found = host.user_namespaces(CELLS, root)

    assert "max_user_namespaces=1000; sysctl -w kernel.unprivileged" in found.advice


def test_a_kernel_without_user_namespaces(root: Path) -> None:
    """A kernel without user namespaces is told apart from a switch that forbids them."""
    (root / "proc/self/ns/user").unlink()

    assert host.user_namespaces(CELLS, root).found == "this kernel has none"


def test_a_socket_that_may_be_opened(tmp_path: Path) -> None:
    """The finding names the group that it belongs to."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))

        found = host.engine_socket(f"unix://{path}")

    assert found.level is Level.OK
    assert found.found.startswith(f"{path}, group ")


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    """The engine is not running, or DOCKER_HOST is wrong."""
    found = host.engine_socket(f"unix://{tmp_path}/none.sock")

    assert level_and_advice(found) == ("problem", "start the engine, or correct DOCKER_HOST")


def test_a_file_is_no_socket(tmp_path: Path) -> None:
    """A file in the socket's place is told before a connection to it fails."""
    (tmp_path / "file").touch()

    assert host.engine_socket(f"unix://{tmp_path}/file").found.endswith("is no socket")


def test_a_socket_that_cannot_be_looked_up(tmp_path: Path) -> None:
    """A link to itself, and a path over a file, are told with the system's own words."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()

    for path in ("loop", "file/docker.sock"):
        found = host.engine_socket(f"unix://{tmp_path}/{path}")
        assert level_and_advice(found) == ("problem", "correct DOCKER_HOST")


def test_a_socket_of_others(tmp_path: Path) -> None:
    """A user who is not in the group is told which group, and how to get into it."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        found = host.engine_socket(f"unix://{path}", may=lambda _path, _mode: False)

    assert "may not open" in found.found
    assert re.search(r"usermod -aG \w+ USER", found.advice)


def test_an_engine_at_an_address_has_no_socket_here() -> None:
    """For an engine at an address the check of the socket has nothing to look at."""
    assert host.engine_socket("tcp://engine:2376").level is Level.OK


@pytest.mark.parametrize(
    ("least", "level"), [(0, Level.OK), (2**62, Level.PROBLEM)], ids=["enough", "too little"]
)
def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, least: int, level: Level) -> None:
    """An engine without room can neither pull nor start."""
    monkeypatch.setattr(host, "LITTLE_DISK_BYTES", least)
    monkeypatch.setattr(host, "TOO_LITTLE_DISK_BYTES", least)

    found = host.disk(str(tmp_path))

    assert found.level is level
    assert found.found.endswith(f"GiB free at {tmp_path}")


@pytest.mark.parametrize(("needed", "level"), [(3, Level.OK), (2**40, Level.WARNING)])
def test_open_files(needed: int, level: Level) -> None:
    """With fewer than the settings need the daemon works, with fewer connections."""
    assert host.open_files(needed).level is level


def test_a_free_port() -> None:
    """A port is free if the daemon could listen there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]

    assert host.port("127.0.0.1", number).found == f"127.0.0.1:{number} is free"


def test_a_taken_port() -> None:
    """The finding names the process that listens there, which is this one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = host.port("127.0.0.1", server.getsockname()[1])

    assert found.level is Level.PROBLEM
    assert f"(process {os.getpid()}) listens at" in found.found


def taken_port(root: Path) -> Finding:
    """What is found of a port on which socket 4711 listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        row = f"  0: 0100007F:{number:04X} 00000000:0000 0A 0:0 00:0 0 0 0 4711 1"
        (root / "proc/net").mkdir(parents=True)
        (root / "proc/net/tcp").write_text(f"  sl  local_address ...\n{row}\n")
        return host.port("127.0.0.1", number, root)


def test_a_port_of_a_process_that_cannot_be_seen(tmp_path: Path) -> None:
    """Where /proc does not tell who it is, the finding says that somebody is there."""
    assert taken_port(tmp_path).found.startswith("another user's process listens at")


def test_a_process_that_closes_files_meanwhile(tmp_path: Path) -> None:
    """A descriptor that is gone hides none of the others; a name of any bytes can be shown."""
    descriptors = tmp_path / "proc/12/fd"
    descriptors.mkdir(parents=True)
    (descriptors.parent / "comm").write_bytes(b"web\xff\n")
    for number in range(100):
        (descriptors / f"{number}").touch()  # no link can be read here, either
    (descriptors / "100").symlink_to("socket:[4711]")

    assert taken_port(tmp_path).found.startswith("web\ufffd (process 12) listens at")


def test_an_address_of_another_host() -> None:
    """A host that is not this one cannot be listened on."""
    found = host.port("192.0.2.1", 1)

    assert found.level is Level.PROBLEM
    assert "192.0.2.1:1: " in found.found


def test_profiles_of_apparmor(tmp_path: Path) -> None:
    """The kernel lists AppArmor's profiles with their mode.

    Where it does not, they are not known.
    """
    assert host.apparmor_profiles(tmp_path) is None
    folder = tmp_path / "sys/kernel/security/apparmor"
    folder.mkdir(parents=True)
    (folder / "profiles").write_text("docker-default (enforce)\ndojo-runner-cells (enforce)\n")

    assert host.apparmor_profiles(tmp_path) == ["docker-default", "dojo-runner-cells"]
