"""Start points for the tests of what authors use."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import DOCKER_IMAGE
from tests.serving import STATUS_LAMBDA

# Red as it is, as its test expects 42; amber if there is no sum in it.
SCRIPT = """\
read -r sum < hiker.txt
case $sum in *[!0-9\\ *]*) echo "no sum: $sum" >&2; exit 2 ;; esac
[ $((sum)) -eq 42 ]
"""
IMAGE = "cyberdojo/fake:1"

HIKER = "def answer():\n    return 6 * 9\n"
TEST = "from hiker import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"
_PYTEST_FILES = {
    "hiker.py": HIKER,
    "test_hiker.py": TEST,
    "cyber-dojo.sh": "python3 -m pytest test_hiker.py\n",
}


def write_start_point(folder: Path, files: dict[str, str] | None = None, **manifest: Any) -> Path:
    """A start point in a folder; a None in the manifest leaves that field out."""
    texts = {"cyber-dojo.sh": SCRIPT, "hiker.txt": "6 * 9\n", **(files or {})}
    fields = {
        "display_name": "sums",
        "image_name": IMAGE,
        "visible_filenames": ["hiker.txt", "cyber-dojo.sh"],
        "filename_extension": [".txt"],
        "rag_lambda": STATUS_LAMBDA,
        **manifest,
    }
    said = {name: value for name, value in fields.items() if value is not None}
    write(folder, {**texts, "manifest.json": json.dumps(said)})
    return folder


def pytest_start_point(folder: Path, files: dict[str, str] | None = None, **manifest: Any) -> Path:
    """A start point for a real image of the project's, whose own lambda decides its colour."""
    fields = {
        "image_name": DOCKER_IMAGE,
        "visible_filenames": sorted(_PYTEST_FILES),
        "filename_extension": [".py"],
        "rag_lambda": None,
    }
    return write_start_point(folder, {**_PYTEST_FILES, **(files or {})}, **{**fields, **manifest})


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
