"""Puts the launcher of cells into the wheel, if there are a C compiler and zlib's static library.

A daemon that runs from such a wheel loads the launcher onto its engine by itself, as
runner/engine/tool_files.py tells. Without them the wheel has only Python's code, and the engine
needs the launcher's image.
"""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path(__file__).resolve().parent / "images" / "launcher"
# As in images/launcher/Dockerfile, but for the warnings: those of other compilers are no errors.
COMPILE = (
    os.environ.get("CC", "cc"),
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-w",
    "-U_FORTIFY_SOURCE",
    "@hardening",
)
COMPILE_S = 120
FOLDER = "runner/launcher"


class LauncherHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the launcher's programs and lays them out as in the launcher's image."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the programs to the wheel; a wheel for this very checkout gets none."""
        if version == "editable" or not SOURCES.is_dir():
            return
        self._folder = Path(tempfile.mkdtemp())
        try:
            programs = compiled(self._folder)
        except (OSError, subprocess.SubprocessError) as error:
            words = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            self.app.display_warning(f"the wheel is without the launcher of cells: {words.strip()}")
            return
        build_data["force_include"].update(programs)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_')}"

    def finalize(self, *_of_the_wheel: object) -> None:
        """Remove what was compiled, which is in the wheel now."""
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)


def compiled(folder: Path) -> dict[str, str]:
    """Compile all programs into the folder; each file's path, and its path in the wheel.

    Raises OSError and SubprocessError.
    """
    programs = {
        ".dojo/cells": [*(path.name for path in sorted(SOURCES.glob("*.c"))), "-lz"],
        "waits": ["waits/waits.c"],
        "networks": ["networks/networks.c"],
    }
    for path, inputs in programs.items():
        (folder / path).parent.mkdir(exist_ok=True)
        subprocess.run(
            [*COMPILE, "-o", str(folder / path), *inputs],
            cwd=SOURCES,
            check=True,
            capture_output=True,
            text=True,
            timeout=COMPILE_S,
        )
    home = {str(path): f"home/sandbox/{path.name}" for path in (SOURCES / "waits").iterdir()}
    files = {str(folder / path): path for path in programs} | home
    return {source: f"{FOLDER}/{path}" for source, path in files.items()}
