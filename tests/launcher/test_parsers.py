"""The launcher's parsers, with sanitizers, against the daemon's own reading of the same bytes."""

import gzip
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.cells.records import Kind, Records
from runner.container.answer import Harvest, unpack
from runner.container.hand_over import pack
from runner.kata import Kata
from tests.launcher.build import build_driver

pytestmark = pytest.mark.clang

# Each runs a program.
FEW = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
# As runner/http/wire.py lets them pass.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in (".", ".."))


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that runs one parser."""
    return build_driver(tmp_path_factory.mktemp("driver"))


def run(driver: Path, *words: str, at: Path, stdin: bytes = b"") -> bytes:
    """The driver's output. Raises CalledProcessError, also for a sanitizer's verdict."""
    done = subprocess.run(  # noqa: S603 - the project's own program
        [driver, *words], cwd=at, input=stdin, stdout=subprocess.PIPE, check=True
    )
    return done.stdout


def harvested(driver: Path, at: Path, sizes: str = "") -> tuple[Harvest, list[Kind]]:
    """The daemon's reading of a harvest of the two folders, and the kinds of its records."""
    records = Records().feed(run(driver, "harvest", sizes, ".dojo", "sandbox", at=at))
    return unpack(b"".join(record.data for record in records)), [one.kind for one in records]


def new_folder(tmp_path: Path) -> Path:
    """A new folder for each example."""
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    (folder / "sandbox").mkdir(parents=True)
    (folder / ".dojo").mkdir(parents=True)
    (folder / "home/sandbox").mkdir(parents=True)
    return folder


@FEW
@given(st.dictionaries(NAMES, st.text(max_size=2000), max_size=5))
def test_a_kata_there_and_back(driver: Path, tmp_path: Path, files: dict[str, str]) -> None:
    """A hand-over that the daemon packs is unzipped, unpacked and harvested to the same files."""
    at = new_folder(tmp_path)
    packed = pack(Kata("id", "image:1", 1.0, files))
    try:
        expected = {os.fsencode(name): content.encode() for name, content in files.items()}
        archive = run(driver, "unzip", at=at, stdin=packed)
        assert archive == gzip.decompress(packed)
        run(driver, "untar", at=at, stdin=archive)
    except subprocess.CalledProcessError:
        assert any(len(os.fsencode(name)) > 255 for name in files)
        return
    harvest, kinds = harvested(driver, at)

    assert (harvest.files, harvest.status, harvest.is_whole) == (expected, None, True)
    assert kinds[-1] is Kind.DONE
    assert set(kinds[:-1]) == {Kind.ANSWER}


def test_sizes(driver: Path, tmp_path: Path) -> None:
    """A harvest has a file whole up to 64 KiB, or if its size is named, and else its beginning."""
    at = new_folder(tmp_path)
    for size in (0, 1, 511, 512, 513, 65535, 65536, 65537, 70_000, 70_001, 1_000_000):
        (at / "sandbox" / str(size)).write_bytes(bytes(range(256)) * (size // 256 + 1))
        os.truncate(at / "sandbox" / str(size), size)
    harvest, _ = harvested(driver, at, "-o -size 70001c -o -size 1000000c")

    lengths = {int(name): len(content) for name, content in harvest.files.items()}
    cut = {65537: 51201, 70_000: 51201}
    assert lengths == {size: cut.get(size, size) for size in lengths}
    assert len(lengths) == 11
    assert harvest.cut == {b"65537", b"70000"}
    assert all(
        content == (at / "sandbox" / os.fsdecode(name)).read_bytes()[: len(content)]
        for name, content in harvest.files.items()
    )


def test_many_files_and_deep_folders(driver: Path, tmp_path: Path) -> None:
    """A harvest has all of many files, but none below a path that is too long for a system call."""
    at = new_folder(tmp_path)
    for number in range(3000):
        (at / "sandbox" / f"many{number}").touch()
    here = os.open(at / "sandbox", os.O_RDONLY)
    for level in range(2500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        if level % 100 == 0:
            os.close(os.open(f"file{level}", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=here))
    os.close(here)
    try:
        harvest, _ = harvested(driver, at)
    finally:
        # Python's own way of removing a tree would not come so far down.
        subprocess.run(["/bin/rm", "-r", at], check=True)  # noqa: S603 - a folder of the test's

    deep = [name for name in harvest.files if name.startswith(b"d/")]
    assert len(harvest.files) - len(deep) == 3000
    assert len(deep) == 20  # 3841 bytes of path are 1900 levels and some


def test_what_is_no_regular_file_is_left_out(driver: Path, tmp_path: Path) -> None:
    """A harvest follows no link, and waits for no pipe."""
    at = new_folder(tmp_path)
    sandbox = at / "sandbox"
    (at / "secret").write_text("secret")
    os.symlink("../secret", sandbox / "link")
    os.symlink("..", sandbox / "above")
    os.symlink("loop", sandbox / "loop")
    os.mkfifo(sandbox / "pipe")
    (sandbox / "plain").write_text("plain")
    os.link(sandbox / "plain", sandbox / "other")

    harvest, _ = harvested(driver, at)

    assert harvest.files == {b"plain": b"plain", b"other": b"plain"}


def test_names_are_bytes(driver: Path, tmp_path: Path) -> None:
    """A harvest returns odd names and long names as they are."""
    at = new_folder(tmp_path)
    names = [b"\xff\xfe", b"new\nline", b"-rf", b"x" * 92, b"x" * 93, b"x" * 255, b" ", b"\\"]
    for name in names:
        (at / "sandbox" / os.fsdecode(name)).write_bytes(name)
    harvest, _ = harvested(driver, at)

    assert harvest.files == {name: name for name in names}


@pytest.mark.parametrize("name", ["/above", "../above", "a/../../above", "a//above", ".."])
def test_a_name_that_leads_elsewhere_is_refused(driver: Path, tmp_path: Path, name: str) -> None:
    """An archive with a name that leads elsewhere writes nothing outside of the folder."""
    at = new_folder(tmp_path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("before"))
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(subprocess.CalledProcessError):
        run(driver, "untar", at=at, stdin=packed.getvalue())

    assert (at / "before").exists()
    assert sorted(path.name for path in tmp_path.rglob("*above")) == []


def test_a_name_that_is_too_long_is_refused(driver: Path, tmp_path: Path) -> None:
    """An archive with a name that no path can have is refused, and overwrites no memory."""
    at = new_folder(tmp_path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("x/" * 4000))
    done = subprocess.run(  # noqa: S603 - the project's own program
        [driver, "untar"], cwd=at, input=packed.getvalue(), capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("damage", [slice(0, 0), slice(-9, None), slice(2, 3)])
def test_a_damaged_payload_is_refused(driver: Path, tmp_path: Path, damage: slice) -> None:
    """A payload that is cut, changed or empty is refused."""
    whole = bytearray(gzip.compress(b"content" * 1000))
    if damage.stop == 0:
        whole.clear()
    else:
        whole[damage] = b""
    with pytest.raises(subprocess.CalledProcessError):
        run(driver, "unzip", at=tmp_path, stdin=bytes(whole))
