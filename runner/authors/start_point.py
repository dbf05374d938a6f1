"""A folder as a kata: a start point with its manifest.json, or plain files."""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from runner.authors.files import MOST_BYTES, StartPointError, read_below, texts_below, why

DEFAULT_MAX_SECONDS = 10.0
SCRIPT = "cyber-dojo.sh"
MANIFEST = "manifest.json"
# A language's repository keeps its start point in this folder.
_SUB_FOLDER = "start_point"

# If a manifest's rag_lambda has this form, it is the name of a file. It cannot be Ruby that makes a
# lambda, because such Ruby has a character that is not allowed here, such as a blank or a brace.
_FILE_NAME = re.compile(r"[\w./-]+")

_MOST_OF_ALL = 2 * MOST_BYTES  # characters; by default a daemon takes no larger request


@dataclass(frozen=True)
class StartPoint:
    """What is needed to run a kata. `notes` say what a plain folder lacks, and what to do."""

    folder: Path
    image_name: str
    files: Mapping[str, str]
    max_seconds: float = DEFAULT_MAX_SECONDS
    hidden_filenames: tuple[str, ...] = ()
    rag_lambda: str | None = None
    notes: tuple[str, ...] = ()

    def with_text(self, filename: str, old: str, new: str) -> "StartPoint":
        """This start point, with a text in one of its files replaced. Raises StartPointError."""
        if filename not in self.files:
            raise StartPointError(f"{filename} is not among the visible files")
        content = self.files[filename]
        if old not in content:
            raise StartPointError(f"{filename} does not contain {old!r}")
        return replace(self, files={**self.files, filename: content.replace(old, new)})


def read_start_point(
    path: Path, *, image_name: str | None = None, max_seconds: float | None = None
) -> StartPoint:
    """Read a folder, or the manifest file of one. The arguments override the manifest.

    Raises StartPointError.
    """
    manifest_path = manifest_of(path)
    start_point = (
        _of_manifest(manifest_path.parent, read_json(manifest_path), image_name)
        if os.path.lexists(manifest_path)
        else _of_plain_folder(manifest_path.parent, image_name)
    )
    if max_seconds is not None:
        start_point = replace(start_point, max_seconds=max_seconds)
    if image_name is not None:
        start_point = replace(start_point, image_name=image_name)
    return start_point


def manifest_of(path: Path) -> Path:
    """The manifest of a folder, which may be missing; a file is its own. Raises StartPointError."""
    if not _is_folder(path):
        return path
    own, below = path / MANIFEST, path / _SUB_FOLDER / MANIFEST
    return below if os.path.lexists(below) and not os.path.lexists(own) else own


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file of a start point's folder. Raises StartPointError."""
    try:
        parsed = json.loads(read_below(path.parent, path.name, path.name))
    except json.JSONDecodeError as error:
        raise StartPointError(f"{path}: line {error.lineno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # it is JSON, of a size that no manifest has
        raise StartPointError(f"{path}: is nested too deeply, or has too large a number") from error
    if not isinstance(parsed, dict):
        raise StartPointError(f"{path}: is not a JSON object")
    return parsed


def _is_folder(path: Path) -> bool:
    try:
        return S_ISDIR(path.stat().st_mode)
    except FileNotFoundError as error:
        raise StartPointError(f"{path}: there is no such file or folder") from error
    except (OSError, ValueError) as error:
        raise StartPointError(f"{path}: {why(error)}") from error


def _of_manifest(folder: Path, manifest: dict[str, Any], image_name: str | None) -> StartPoint:
    image = image_name or manifest.get("image_name")
    if not isinstance(image, str):
        raise StartPointError(f"{MANIFEST}: image_name is missing; add it, or give --image")
    files = _visible_files(folder, _names(manifest, "visible_filenames"))
    if SCRIPT not in files:
        raise StartPointError(f"{MANIFEST}: visible_filenames lacks {SCRIPT}")
    return StartPoint(
        folder=folder,
        image_name=image,
        files=files,
        max_seconds=_seconds(manifest.get("max_seconds", DEFAULT_MAX_SECONDS)),
        hidden_filenames=tuple(_names(manifest, "hidden_filenames", required=False)),
        rag_lambda=_rag_lambda(folder, manifest.get("rag_lambda")),
    )


def _visible_files(folder: Path, names: list[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    left = _MOST_OF_ALL
    for name in names:
        called = f"{MANIFEST}: visible_filenames: {name}"
        files[name] = read_below(folder, name, called)
        left -= len(files[name])
        if left < 0:
            raise StartPointError(f"{called}: with it the files are too large for a kata")
    return files


def _of_plain_folder(folder: Path, image_name: str | None) -> StartPoint:
    if image_name is None:
        raise StartPointError(f"{folder} has no {MANIFEST}: say which image to use with --image")
    found = texts_below(folder)
    files = found.texts
    if SCRIPT not in files:
        raise StartPointError(
            f"{folder} has no {SCRIPT}: write one that runs the tests, such as `bash test.sh`"
        )
    notes = [f"no {MANIFEST}: every text file of the folder is sent"]
    if found.lead_out:
        notes.append(f"links that lead out of the folder are not sent: {', '.join(found.lead_out)}")
    own = files.pop("red_amber_green.rb", None)
    if own is None:
        notes.append("no red_amber_green.rb: the image's own decides the colour")
    return StartPoint(folder, image_name, files, rag_lambda=own, notes=tuple(notes))


def _names(manifest: dict[str, Any], key: str, *, required: bool = True) -> list[str]:
    names = manifest.get(key, None if required else [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise StartPointError(f"{MANIFEST}: {key} must be a list of texts")
    return names


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= sys.float_info.max:
        raise StartPointError(f"{MANIFEST}: max_seconds must be a number above 0")
    return float(value)


def _rag_lambda(folder: Path, value: Any) -> str | None:
    """The lambda's Ruby: a manifest may hold it, or the name of a file that does."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise StartPointError(f"{MANIFEST}: rag_lambda must be a text")
    if not is_file_name(value):
        return value
    return read_below(folder, value, f"{MANIFEST}: rag_lambda: {value}")


def is_file_name(rag_lambda: str) -> bool:
    """Whether a manifest's rag_lambda is the name of a file of Ruby, and not Ruby itself."""
    return _FILE_NAME.fullmatch(rag_lambda) is not None
