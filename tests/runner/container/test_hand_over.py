"""A kata as bytes, read by the other side: in the fake, and by what the answer's reader expects."""

import asyncio
import gzip
import io
import os
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.container.answer import unpack
from runner.container.hand_over import GID, LONGEST_ID_BYTES, UID, WHOLE_BYTES, hand_over, pack
from runner.http.errors import RequestError
from runner.http.file_names import files_under_sandbox
from runner.kata import Kata
from tests.fakes.kata import Kata as Received
from tests.fakes.kata import read_kata

NONCE = "0123456789abcdef"
KATA = Kata("aBc123", "cyberdojo/gcc:1", 10.0, {"cyber-dojo.sh": "make"})


def received(kata: Kata) -> Received:
    """What a container reads of a hand-over, of which nothing is left over."""

    async def read() -> Received:
        stdin = asyncio.StreamReader()
        stdin.feed_data(hand_over(kata, NONCE))
        stdin.feed_eof()
        seen = await read_kata(stdin)
        assert await stdin.read() == b""
        return seen

    return asyncio.run(read())


def entries(kata: Kata) -> dict[str, tarfile.TarInfo]:
    """What is in the archive of a hand-over, by name."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(received(kata).tgz))) as tar:
        return {entry.name: entry for entry in tar}


def sent_back(kata: Kata) -> dict[str, str]:
    """The files as they would be if a container answered with what it was sent."""
    found = unpack(gzip.decompress(received(kata).tgz)).files
    return {name.decode(): content.decode() for name, content in found.items()}


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda name: not name.endswith("/")
    ),
    st.text(),
)
@example("a" * 92, "")  # with its folder, the longest name that has room in a header
@example("a" * 93, "")
@example("é" * 46, "")
@example("é" * 46 + "a", "")
@example("a", "a" * 8**5)
def test_an_archive_is_as_python_would_write_it(name: str, text: str) -> None:
    """Each header is made by hand, and is to the byte what Python's own writer makes of a file."""
    now_s = int(time.time())
    kata = replace(KATA, files={name.replace("/", "-"): text})
    archive = gzip.decompress(pack(kata))
    written = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as ours,
        tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as theirs,
    ):
        for entry in ours:
            assert entry.mtime in (now_s, now_s + 1)
            theirs.addfile(entry, ours.extractfile(entry) if entry.isreg() else None)

    # Python fills its last record, which no reader needs.
    assert written.getvalue().startswith(archive)


def test_the_header_says_what_the_run_is() -> None:
    """Mark, time limit, id and image name are in the header to the letter."""
    seen = received(replace(KATA, id="it's\n日本 \\ $(id)", max_seconds=2.5))

    assert (seen.nonce, seen.limit_s, seen.whole) == (NONCE, 2.5, frozenset())
    assert (seen.kata_id, seen.image_name) == ("it's\n日本 \\ $(id)", "cyberdojo/gcc:1")


def test_an_id_is_bounded_and_has_no_nul() -> None:
    """An id loses its NULs and all over its limit, as no variable may hold them."""
    assert received(replace(KATA, id="a\0b" + "x" * 10_000)).kata_id == "ab" + "x" * (
        LONGEST_ID_BYTES - 2
    )


def test_an_id_is_cut_between_characters() -> None:
    """The program sees an id in valid UTF-8 even if it was cut."""
    assert received(replace(KATA, id="x" + "é" * 4000)).kata_id == "x" + "é" * 2047


def test_files_that_are_cut_otherwise_are_named_by_size() -> None:
    """Sizes are named once each, in bytes, but not those of files that are whole anyway."""
    files = {
        "at": "x" * WHOLE_BYTES,
        "over": "x" * (WHOLE_BYTES + 1),
        "twin": "y" * (WHOLE_BYTES + 1),
        "bytes": "é" * WHOLE_BYTES,
    }

    assert received(replace(KATA, files=files)).whole == {WHOLE_BYTES + 1, 2 * WHOLE_BYTES}


def test_all_belongs_to_the_sandbox() -> None:
    """Files have mode 0644, folders 0755, and all are the user's."""
    found = entries(replace(KATA, files={"a/b/c.txt": "x"}))

    assert {entry.mode for entry in found.values() if entry.isreg()} == {0o644}
    assert {entry.mode for entry in found.values() if entry.isdir()} == {0o755}
    assert {(entry.uid, entry.gid) for entry in found.values()} == {(UID, GID)}
    assert found["sandbox/a"].isdir()
    assert found["sandbox/a/b"].isdir()


def test_folders_come_before_what_is_in_them() -> None:
    """Folders come before their files, as tar would make them with another mode otherwise."""
    names = list(entries(replace(KATA, files={"b/c/d": "", "b/a": "", "a/z/y/x": ""})))

    for index, name in enumerate(names):
        parent = os.path.dirname(name)
        assert parent in {*names[:index], "", "sandbox", "home/sandbox"}


def test_what_runs_in_the_container_comes_with_it() -> None:
    """The scripts, and the cleaners in the home of the user, come with the files."""
    assert {".dojo/main.sh", "home/sandbox/cyber_dojo_fs_cleaners.sh"} <= set(entries(KATA))


def test_the_payload_has_no_nul() -> None:
    """The hand-over has only the NULs of its header, as bash cannot read another."""
    packed = hand_over(replace(KATA, files={"a": "\0" * 100 + os.urandom(5000).hex()}), NONCE)

    assert packed.count(b"\0") == 6


def _is_sendable(name: str) -> bool:
    try:
        return set(files_under_sandbox({name: ""})) == {name}
    except (RequestError, UnicodeEncodeError):
        return False


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)


@given(st.dictionaries(NAMES.filter(_is_sendable), st.text(max_size=200), max_size=5))
def test_files_come_as_they_are(files: dict[str, str]) -> None:
    """Any name that is not refused, and any content, makes the way there and back."""
    try:
        files_under_sandbox(files)
    except RequestError:
        return  # one is a directory of another's
    assert sent_back(replace(KATA, files=files)) == files


@given(NAMES)
def test_no_name_leads_out(name: str) -> None:
    """A name that is not refused is below /sandbox, wherever the archive is unpacked."""
    if _is_sendable(name):
        path = Path("/sandbox", name)

        assert Path(os.path.normpath(path)).is_relative_to("/sandbox")
        assert str(path) == f"/sandbox/{name}"


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_backslashes_and_nuls_survive(size: int) -> None:
    """Backslashes and NULs, which are escaped on the way, survive it in any number."""
    content = "\\\0\\0000\\\\" * size

    assert sent_back(replace(KATA, files={"a": content})) == {"a": content}
