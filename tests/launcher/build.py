"""The launcher's parsers as programs of their own, compiled with sanitizers.

The launcher itself is linked statically, for any image, which sanitizers do not allow.
"""

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
LAUNCHER = HERE.parents[1] / "images" / "launcher"

# The sources of each program: its own, the launcher's, and words for the linker.
FUZZERS = {
    "harvest": (
        ("harvest.c", "tree.c"),
        ("harvest.c", "records.c", "descriptors.c"),
        ("-Wl,--wrap=read_some",),  # files shrink and grow while they are read
    ),
    "header": (("header.c",), ("header.c",), ()),
    "records": (("records.c",), ("records.c",), ()),
    "untar": (("untar.c", "tree.c"), ("untar.c", "descriptors.c"), ()),
    "unzip": (("unzip.c",), ("unzip.c",), ("-lz",)),
}
_SANITIZED = ("-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")


def build_fuzzer(name: str, into: Path) -> Path:
    """A libFuzzer target; see fuzz/."""
    own, ours, link = FUZZERS[name]
    sources = [HERE / "fuzz" / source for source in own]
    return _compile(into / name, "fuzzer,", sources, ours, link)


def build_driver(into: Path) -> Path:
    """One parser at a time, from the command line; see driver.c."""
    ours = ("descriptors.c", "harvest.c", "records.c", "untar.c", "unzip.c")
    return _compile(into / "driver", "", [HERE / "driver.c"], ours, ("-lz",))


def _compile(
    program: Path, kind: str, sources: list[Path], ours: tuple[str, ...], link: tuple[str, ...]
) -> Path:
    if shutil.which("clang") is None:
        raise RuntimeError("clang is not installed: make test does so, or apt-get install clang")
    subprocess.run(  # noqa: S603 - the project's own sources
        [
            *("clang", f"@{LAUNCHER / 'warnings'}", *_SANITIZED),
            *(f"-fsanitize={kind}address,undefined", f"-I{LAUNCHER}", f"-I{HERE / 'fuzz'}"),
            *(str(path) for path in (*sources, *(LAUNCHER / name for name in ours))),
            *(*link, "-o", str(program)),
        ],
        check=True,
    )
    return program
