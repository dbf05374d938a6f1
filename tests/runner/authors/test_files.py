"""What is read of a start point's folder, and that nothing beyond it is."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runner.authors.files import MOST_ENTRIES, StartPointError, trouble_with
from runner.authors.options import read_replacements
from runner.authors.start_point import read_json, read_start_point
from tests.runner.authors.folders import IMAGE, write, write_start_point

TEXT = "nobody else's"
SCRIPT = "cyber-dojo.sh"

_listening: list[Callable[[str], None]] = []


def _hear(event: str, args: tuple[Any, ...]) -> None:
    # A number is that of a descriptor, which was opened by its path before.
    if event in ("open", "os.scandir", "os.listdir") and not isinstance(args[0], int):
        for hear in list(_listening):
            hear(os.fsdecode(args[0]))


sys.addaudithook(_hear)  # for the life of the process: Python has no way to take one away


@contextmanager
def hearing(hear: Callable[[str], None]) -> Iterator[None]:
    """Call this with the path of each file and folder that the process is about to open."""
    _listening.append(hear)
    try:
        yield
    finally:
        _listening.remove(hear)


@contextmanager
def opened() -> Iterator[list[str]]:
    """The paths of all files and folders that the process opens meanwhile."""
    heard: list[str] = []
    with hearing(heard.append):
        yield heard


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder for a start point, with files that are not the start point's."""
    write(tmp_path, {"secret.txt": TEXT, "secrets/a.txt": TEXT})
    return tmp_path


# Names in a start point's folder, the links that they need, and where these lead to.
WAYS: dict[str, dict[str, str]] = {
    "link.txt": {"link.txt": "../secret.txt"},
    "by/two/links.txt": {"by/two/links.txt": "../../between", "between": "../secret.txt"},
    "folder/a.txt": {"folder": "../secrets"},
    "../secret.txt": {},
    "../gone.txt": {},
    "sub/../../secret.txt": {},
    "/etc/hostname": {},
    "/dev/zero": {},
}


@pytest.mark.parametrize("field", ["visible_filenames", "rag_lambda"])
@pytest.mark.parametrize("name", WAYS)
def test_no_manifest_leads_out_of_its_folder(outside: Path, field: str, name: str) -> None:
    """A name or a link of a manifest that leads out of its folder is an error with field and name.

    Nothing is opened.
    """
    folder = outside / "start_point"
    value = [SCRIPT, name] if field == "visible_filenames" else name
    write_start_point(folder, {"sub/x": "", "by/two/x": ""}, **{field: value})
    for link, to in WAYS[name].items():
        (folder / link).symlink_to(to)

    with (
        opened() as heard,
        pytest.raises(StartPointError, match=f"{field}: {name}: leads out of the folder"),
    ):
        read_start_point(folder)

    assert [path for path in heard if not path.startswith(f"{folder}/")] == []
    assert trouble_with(folder, name) == f"{name}: leads out of the folder"


def test_an_absolute_name_leads_out_of_the_folder(outside: Path) -> None:
    """An absolute name is refused wherever the folder itself is."""
    folder = write_start_point(outside / "start_point", rag_lambda=str(outside / "secret.txt"))

    with pytest.raises(StartPointError, match=r"rag_lambda: /.*secret\.txt: leads out"):
        read_start_point(folder)


@pytest.mark.parametrize("name", ["manifest.json", "options.json"])
def test_neither_manifest_nor_options_are_elsewhere(tmp_path: Path, name: str) -> None:
    """A link may not take `manifest.json` or `options.json` from elsewhere, as their
    texts are sent.
    """
    folder = write_start_point(tmp_path / "start_point")
    (folder / name).unlink(missing_ok=True)
    write(tmp_path, {name: "{}"})
    (folder / name).symlink_to(tmp_path / name)

    with pytest.raises(StartPointError, match=f"{name}: leads out of the folder"):
        read_replacements(read_start_point(folder))


def test_a_link_that_stays_in_the_folder_is_followed(tmp_path: Path) -> None:
    """A start point may have a file under two names, and stand where a link leads to."""
    folder = tmp_path / "start_point"
    write_start_point(folder, {"sub/x.txt": "x"}, visible_filenames=[SCRIPT, "link.txt"])
    (folder / "link.txt").symlink_to("sub/../sub/x.txt")
    (tmp_path / "other").symlink_to(folder)

    assert read_start_point(tmp_path / "other").files["link.txt"] == "x"
    assert trouble_with(tmp_path / "other", "link.txt") == ""


@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/kmsg", "/sys/kernel/notes"])
def test_a_file_of_the_kernel_is_not_opened(path: str) -> None:
    """A file of /proc or /sys is not opened: it looks ordinary, but reading it may
    take for ever.
    """
    with opened() as heard, pytest.raises(StartPointError, match=r"no (ordinary|such) file"):
        read_json(Path(path))

    assert heard == []


def test_the_kernels_folders_are_no_kata() -> None:
    """No file of the kernel's folders would be sent."""
    with pytest.raises(StartPointError, match=r"too large for a kata|has no cyber-dojo\.sh"):
        read_start_point(Path("/proc/self"), image_name=IMAGE)


def test_a_plain_folder_sends_nothing_of_elsewhere(outside: Path) -> None:
    """A link that leads out of a plain folder is not sent, and a note names it.

    One that stays is sent.
    """
    folder = outside / "plain"
    write(folder, {SCRIPT: "true", "a.txt": "a"})
    (folder / "sub").symlink_to(outside / "secrets")
    (folder / "link.txt").symlink_to("../secret.txt")
    (folder / "b.txt").symlink_to("a.txt")

    found = read_start_point(folder, image_name=IMAGE)

    assert found.files == {SCRIPT: "true", "a.txt": "a", "b.txt": "a"}
    assert found.notes[1] == "links that lead out of the folder are not sent: link.txt, sub"


def test_a_name_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    """No request could have a file of such a name."""
    write(tmp_path, {SCRIPT: "true"})
    (tmp_path / os.fsdecode(b"a\xff.txt")).write_text("x")

    assert set(read_start_point(tmp_path, image_name=IMAGE).files) == {SCRIPT}


def test_a_folder_that_is_no_kata_is_left_soon(tmp_path: Path) -> None:
    """A folder such as a home is refused after some thousand names, and no file of it is opened."""
    names = [f"{one}/{two}/x" for one in range(10) for two in range(MOST_ENTRIES // 9)]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)

    with opened() as heard, pytest.raises(StartPointError, match="too large for a kata"):
        read_start_point(tmp_path, image_name=IMAGE)

    assert len(heard) <= MOST_ENTRIES


def test_the_files_of_a_manifest_have_a_bound_together(tmp_path: Path) -> None:
    """However often it names a file, the command does not fill the memory."""
    names = [SCRIPT, *(f"{'./' * number}hiker.txt" for number in range(40))]
    write_start_point(tmp_path, {"hiker.txt": "x" * 1_000_000}, visible_filenames=names)

    with pytest.raises(StartPointError, match=r"hiker\.txt: with it the files are too large"):
        read_start_point(tmp_path)


@pytest.mark.parametrize(
    ("gone", "when"),
    [("a.txt", "sub"), ("a.txt", "a.txt"), ("sub", "sub")],
    ids=["before it is looked at", "as it is opened", "a folder as it is opened"],
)
def test_what_vanishes_meanwhile_is_passed_over(tmp_path: Path, gone: str, when: str) -> None:
    """An editor or a compiler removes files while `run --watch` looks: the rest is read."""
    write(tmp_path, {SCRIPT: "true", "a.txt": "a", "sub/b.txt": "b"})

    def vanish(path: str) -> None:
        if path == str(tmp_path / when):
            (tmp_path / gone).rename(tmp_path.with_name(f"{tmp_path.name}-gone"))

    with hearing(vanish):
        found = read_start_point(tmp_path, image_name=IMAGE)

    assert set(found.files) == {SCRIPT, "a.txt", "sub/b.txt"} - {gone, f"{gone}/b.txt"}


def test_a_named_file_that_vanishes_is_told(tmp_path: Path) -> None:
    """`run --watch` says so, and looks again; it does not end."""
    write_start_point(tmp_path)

    def vanish(path: str) -> None:
        if path == str(tmp_path / "hiker.txt"):
            (tmp_path / "hiker.txt").unlink()

    with (
        hearing(vanish),
        pytest.raises(StartPointError, match=r"hiker\.txt: there is no such file"),
    ):
        read_start_point(tmp_path)
