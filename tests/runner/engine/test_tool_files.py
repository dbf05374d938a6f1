"""The files of the service's own programs, as they are packed for an engine."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from runner.engine.tool_files import LAUNCHER, RUBY, PackError, Tool, ToolFiles, files_of

TOOL = Tool("some/tool", "bin/tool", ("bin", "lib", "absent"), left_out=("lib/python3*",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a program, a link, a set-uid program and files of somebody else's."""
    for path in ("bin/tool", "bin/su", "lib/tool.so", "lib/python3.11/os.py", "secret/key"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "bin/tool").chmod(0o755)
    (tmp_path / "bin/su").chmod(0o4755)
    (tmp_path / "bin/link").symlink_to("tool")
    return tmp_path


async def members_of(files: ToolFiles) -> dict[str, tarfile.TarInfo]:
    """What is packed, by its name."""
    async with files.packed() as pieces:
        packed = b"".join([piece async for piece in pieces])
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {one.name: one for one in tar}


async def test_only_the_tool_s_own_files_are_packed(root: Path) -> None:
    """What lies beside the tool's folders, and what is left out, stays on this machine."""
    assert (await members_of(ToolFiles(TOOL, root))).keys() == {
        *("bin", "bin/tool", "bin/su", "bin/link", "lib", "lib/tool.so"),
    }


async def test_nothing_gives_rights(root: Path) -> None:
    """All files are root's, whoever the daemon is, and none is set-uid."""
    members = await members_of(ToolFiles(TOOL, root))

    assert {(one.uid, one.gid) for one in members.values()} == {(0, 0)}
    assert members["bin/su"].mode == 0o755
    assert members["bin/tool"].mode == 0o755
    assert members["bin/link"].linkname == "tool"


async def test_files_that_cannot_be_packed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader hears of a tar that fails, and of a machine without tar."""
    with pytest.raises(PackError, match="tar ended with status"):
        await members_of(ToolFiles(TOOL, root / "nowhere"))

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PackError, match="tar: No such file"):
        await members_of(ToolFiles(TOOL, root))


async def test_a_reader_that_goes_away_ends_the_packing(root: Path) -> None:
    """A load that is cancelled leaves no tar behind."""
    (root / "lib/large").write_bytes(bytes(10 * 1024 * 1024))
    async with ToolFiles(TOOL, root).packed() as pieces:
        await anext(pieces)

    assert "tar" not in names_of_children()


def names_of_children() -> set[str]:
    """The names of this process's children."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {Path(f"/proc/{child}/comm").read_text().strip() for child in children}


@pytest.mark.parametrize("change", ["content", "name", "link"])
def test_other_files_have_another_fingerprint(root: Path, change: str) -> None:
    """The fingerprint tells the content, so that a newer service does not take an old image."""
    files = ToolFiles(TOOL, root)
    before = files.fingerprint()
    assert files.fingerprint() == before

    if change == "content":
        (root / "lib/tool.so").write_text("newer")
    elif change == "name":
        (root / "lib/tool.so").rename(root / "lib/tool.so.2")
    else:
        (root / "bin/link").unlink()
        (root / "bin/link").symlink_to("su")

    assert files.fingerprint() != before


def test_ruby_is_packed_from_the_service_s_image_only(tmp_path: Path) -> None:
    """A host's own Ruby stays where it is: a root without the launcher is not ours."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / RUBY.program).touch()
    assert files_of(RUBY, [tmp_path]) is None

    (tmp_path / ".dojo").mkdir()
    (tmp_path / LAUNCHER.program).touch()
    assert files_of(RUBY, [tmp_path]) == ToolFiles(RUBY, tmp_path)
