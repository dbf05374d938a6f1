"""packages NAME,NAME...: prints the packages that bring those of these commands that are missing.

It is run before there is a .venv, so it needs nothing but Python.
"""

import shutil
import subprocess
import sys
from glob import glob

# Where a command's package has another name, or needs others beside it.
PACKAGES = {
    "docker": ["docker.io"],
    "systemd-analyze": ["systemd"],
    "chromium": ["chromium", "fonts-dejavu-core"],  # pages without letters would look well
    "node": ["nodejs"],
    "clang": ["clang", "libclang-rt-dev", "zlib1g-dev"],  # sanitizers, and what the launcher links
}
# What a package brings beside commands. Who has the command may lack this, and is told so at once.
FILES = {
    "libclang-rt-dev": "/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.asan*",
    "zlib1g-dev": "/usr/include/zlib.h",
}


def missing(commands: str) -> list[str]:
    """The packages that bring those of the commands, names with commas, that are not installed."""
    lacking = []
    for name in filter(None, commands.split(",")):
        if shutil.which(name) is None:
            lacking += packages_of(name)
        else:
            lacking += [one for one in packages_of(name) if one in FILES and not glob(FILES[one])]
    return lacking


def packages_of(command: str) -> list[str]:
    """The packages that bring a command on this distribution."""
    if command == "docker" and _is_packaged("docker-cli"):  # from Debian 13 on
        return ["docker-cli"]
    return PACKAGES.get(command, [command])


def _is_packaged(name: str) -> bool:
    if shutil.which("apt-cache") is None:
        return False
    asked = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0


if __name__ == "__main__":
    print(*missing(sys.argv[1]))
