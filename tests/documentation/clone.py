"""A copy of the project, as somebody has it who has just cloned it and has run `make venv`."""

import shutil
from pathlib import Path

from tests.documentation.pages import ROOT

# The stamps by which make knows what it need not install again, in their order.
_STAMPS = (".packages", ".project", ".tools", ".release")
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".state", "dist", "__pycache__", "*_cache", ".hypothesis", "*.egg-info"
)


def clone(folder: Path, *, with_environment: bool = True) -> Path:
    """Copy the project to a new folder, but for what .gitignore names; git knows the same commit.

    The copy's environment, unless it is to have none, is this project's own, and up to date for
    make, which thus changes nothing in it. A command that is started in the copy takes the
    project's modules from there.
    """
    shutil.copytree(ROOT, folder, symlinks=True, ignore=_LEFT_OUT)
    git = ROOT / ".git"
    if git.is_dir():
        (folder / ".git").write_text(f"gitdir: {git}\n")
    elif git.exists():
        shutil.copy(git, folder)
    if with_environment:
        _link_environment(folder / ".venv")
    return folder


def _link_environment(environment: Path) -> None:
    environment.mkdir()
    for path in (ROOT / ".venv").iterdir():
        if path.name not in _STAMPS:
            (environment / path.name).symlink_to(path)
    for name in _STAMPS:
        if (ROOT / ".venv" / name).exists():
            (environment / name).touch()
