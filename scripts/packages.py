"""packages NAME,NAME...: prints the packages that bring those of these commands that are missing.

It is run before there is a .venv, so it needs nothing but Python.
"""

import shutil
import subprocess
import sys

# Where a command's package has another name, or needs others beside it.
PACKAGES = {
    "docker": ["docker.io"],
    "systemd-analyze": ["systemd"],
    "chromium": ["chromium", "fonts-dejavu-core"],  # pages without letters would look well
    "node": ["nodejs"],
    "clang": ["clang", "libclang-rt-dev", "zlib1g-dev"],  # sanitizers, and what the launcher links
}


def missing(commands: str) -> list[str]:
    """The packages that bring those of the commands, names with commas, that are not installed."""
    names = [name for name in commands.split(",") if name and shutil.which(name) is None]
    return [package for name in names for package in packages_of(name)]


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
