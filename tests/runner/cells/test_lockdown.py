"""A container of cells is the single-use one, but for what the launcher needs."""

import json
from dataclasses import fields

import pytest

from runner.cells.lockdown import (
    FOR_CELLS,
    LAUNCHER_FOLDER,
    MASKED,
    READ_ONLY,
    cell_spec_of,
)
from runner.container.lockdown import HOME, OWN, SANDBOX, TMP
from runner.container.profile import Home
from runner.container.seccomp import docker_seccomp_profile, seccomp_profile
from tests.runner.cells.support import single_use

IMAGE = "name"
ALONE = single_use(IMAGE)
CELLS = cell_spec_of(ALONE, "launcher-1")


def options(spec_command: tuple[str, ...], option: str, words: int) -> list[tuple[str, ...]]:
    """What follows each such word of the launcher's command line."""
    own = spec_command[: spec_command.index("--")]
    places = [place for place, word in enumerate(own) if word == option]
    return [own[place + 1 : place + 1 + words] for place in places]


def test_every_limit_is_that_of_a_single_run() -> None:
    """A container of cells differs from that of a single run only in what cells are made of."""
    different = {
        field.name
        for field in fields(ALONE)
        if getattr(ALONE, field.name) != getattr(CELLS, field.name)
    }

    assert different == {
        *("command", "prelude", "ready_mark", "tmpfs", "named_volumes", "sysctls"),
        *("security_opt", "masked_paths", "readonly_paths"),
    }


def test_the_command_of_a_single_run_is_each_cells() -> None:
    """Each cell runs the command of a single run, under the launcher, which comes from
    its volume.
    """
    assert CELLS.command[0].startswith(f"{LAUNCHER_FOLDER}/")
    assert CELLS.command[CELLS.command.index("--") + 1 :] == (
        *ALONE.command[:-1],
        ALONE.prelude.decode(),
        *("entry", "3"),
    )
    assert CELLS.named_volumes == {LAUNCHER_FOLDER: "launcher-1"}


def test_each_cell_has_the_same_tmpfs() -> None:
    """Each cell's tmpfs has the same size, inodes, mode and owner; the flags are the launcher's."""
    given = {path: words for path, words in options(CELLS.command, "--tmpfs", 2)}  # noqa: C416

    assert given.keys() == ALONE.tmpfs.keys() == {SANDBOX, TMP, HOME, OWN}
    for path, words in given.items():
        left_out = set(ALONE.tmpfs[path].split(",")) - set(words.split(","))
        assert left_out == {"exec", "nosuid", "nodev"}


def test_the_containers_own_tmpfs_are_but_places() -> None:
    """The container's own tmpfs have no room, so nothing can be written outside of a cell."""
    assert CELLS.tmpfs.keys() == {TMP, HOME}
    assert all("ro" in words.split(",") for words in CELLS.tmpfs.values())


def test_no_place_is_made_where_there_is_one() -> None:
    """Nothing is mounted on a folder that is there, or a program would see two file systems at one
    place. The engine makes the folder in which a command starts, and the image may have others.
    """
    assert CELLS.working_dir == SANDBOX
    assert cell_spec_of(ALONE, "launcher-1", there={TMP, HOME}).tmpfs == {}
    assert cell_spec_of(ALONE, "launcher-1", there={TMP}).tmpfs.keys() == {HOME}


def test_a_copied_home_is_an_overlay() -> None:
    """A copied home is an overlay, as are more folders on demand, all limited like a tmpfs."""
    spec = cell_spec_of(single_use(IMAGE, Home.COPIED), "launcher-1", "/opt/tool")

    assert spec.volumes == ()
    assert HOME not in spec.tmpfs
    assert options(spec.command, "--overlay", 2) == [
        (HOME, "size=250m,nr_inodes=64k"),
        ("/opt/tool", "size=250m,nr_inodes=64k"),
    ]


def test_what_is_masked_is_on_the_command_line() -> None:
    """Each cell masks what the engine would mask, as the engine masks nothing of this container."""
    assert [path for (path,) in options(CELLS.command, "--mask", 1)] == list(MASKED)
    assert [path for (path,) in options(CELLS.command, "--read-only", 1)] == list(READ_ONLY)
    assert (CELLS.masked_paths, CELLS.readonly_paths) == ((), ())


def test_the_filter_is_that_of_a_single_run_and_four_calls() -> None:
    """The engine is sent the filter's text, not a path, as it need not share our file system."""
    [text] = [word for word in CELLS.security_opt if word.startswith("seccomp=")]
    profile, alone = json.loads(text.removeprefix("seccomp=")), json.loads(seccomp_profile())

    assert profile["syscalls"][:-1] == alone["syscalls"]
    assert profile["syscalls"][-1]["names"] == list(FOR_CELLS)
    assert FOR_CELLS == ("clone", "mount", "umount2", "sethostname")
    assert "no-new-privileges" in CELLS.security_opt


@pytest.mark.parametrize("name", ["keyctl", "bpf", "userfaultfd", "unshare", "setns"])
def test_dockers_list_refuses(name: str) -> None:
    """Without a capability the list refuses its calls, and what is on no list is refused."""
    rules = [rule for rule in docker_seccomp_profile()["syscalls"] if name in rule["names"]]

    assert docker_seccomp_profile()["defaultAction"] == "SCMP_ACT_ERRNO"
    assert all(rule.get("includes", {}).get("caps") for rule in rules)
