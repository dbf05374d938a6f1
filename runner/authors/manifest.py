"""The rules for a start point's manifest.json; the words about a fault name its field."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from pool import is_well_formed
from runner.authors.start_point import SCRIPT, is_file_name

REQUIRED = ("image_name", "display_name", "visible_filenames", "filename_extension")
OPTIONAL = (
    *("hidden_filenames", "highlight_filenames", "max_seconds", "progress_regexs"),
    *("rag_lambda", "tab_size"),
)
# One pattern finds the summary of failing tests in an output, the other that of passing tests.
PROGRESS_REGEXS = 2
LARGEST_TAB = 8
LARGEST_MAX_SECONDS = 20
# The fields that hold regular expressions of Ruby's.
PATTERNS = ("hidden_filenames", "progress_regexs")

_EXTENSION = re.compile(r"\.\S+")


def faults_of(manifest: Mapping[str, Any], trouble_with: Callable[[str], str]) -> list[str]:
    """The faults of a manifest, in the order of its fields, but for those that only Ruby can tell.

    `trouble_with` returns the reason why there is no such file below the manifest's folder, or an
    empty text if there is one.
    """
    missing = [f"{key}: is missing" for key in REQUIRED if key not in manifest]
    known = {*REQUIRED, *OPTIONAL}
    unknown = [f"{key}: is no field of a manifest" for key in manifest if key not in known]
    wrong = [
        f"{key}: {fault}"
        for key, value in manifest.items()
        if key in _RULES
        for fault in _RULES[key](value, manifest)
    ]
    return [*missing, *unknown, *wrong, *_not_there(manifest, trouble_with)]


def patterns_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The manifest's regular expressions, by their places, such as `progress_regexs.0`."""
    return {
        f"{key}.{index}": pattern
        for key in PATTERNS
        if _is_texts(manifest.get(key))
        for index, pattern in enumerate(manifest[key])
    }


def _not_there(manifest: Mapping[str, Any], trouble_with: Callable[[str], str]) -> Iterator[str]:
    for key, names in _files_of(manifest).items():
        for name in filter(_is_below, names):  # of other names the rules have told already
            if trouble := trouble_with(name):
                yield f"{key}: {trouble}"


def _files_of(manifest: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """The names of files that are read for a run, by their fields."""
    visible, ruby = manifest.get("visible_filenames"), manifest.get("rag_lambda")
    return {
        "visible_filenames": visible if _is_texts(visible) else [],
        "rag_lambda": [ruby] if isinstance(ruby, str) and is_file_name(ruby) else [],
    }


def _image_name(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, str):
        yield "must be a text"
    elif not is_well_formed(value):
        yield f"{value!r} is no name of an image"


def _display_name(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield "must be a text that is not empty"


def _visible(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    yield from _names(value)
    if value and _is_texts(value) and SCRIPT not in value:
        yield f"must have {SCRIPT}, which is what runs"


def _names(value: Any) -> Iterator[str]:
    if not _is_texts(value) or not value:
        yield "must be a list of texts that is not empty"
        return
    for name in sorted(name for name, count in Counter(value).items() if count > 1):
        yield f"{name!r} is there twice"
    yield from _beyond(value)


def _beyond(names: list[str]) -> Iterator[str]:
    for name in names:
        if not _is_below(name):
            yield f"{name!r} is no name of a file below the manifest's folder"


def _is_below(name: str) -> bool:
    """Whether the name is that of a file below a folder, although it may be a link out of it."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _highlighted(value: Any, manifest: Mapping[str, Any]) -> Iterator[str]:
    yield from _names(value)
    visible = manifest.get("visible_filenames", [])
    if _is_texts(value) and _is_texts(visible):
        among = set(visible)
        yield from (
            f"{name!r} is not among visible_filenames" for name in value if name not in among
        )


def _extension(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    extensions = [value] if isinstance(value, str) else value
    if not _is_texts(extensions) or not extensions:
        yield "must be a text, or a list of texts that is not empty"
        return
    for one in extensions:
        if not _EXTENSION.fullmatch(one):
            yield f"{one!r} must begin with a dot, as '.py' does"


def _hidden(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not _is_texts(value):
        yield "must be a list of texts, each a regular expression"


def _progress(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not _is_texts(value) or len(value) != PROGRESS_REGEXS:
        yield f"must be a list of just {PROGRESS_REGEXS} texts, each a regular expression"


def _tab_size(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not _is_whole(value) or not 1 <= value <= LARGEST_TAB:
        yield f"must be a whole number from 1 to {LARGEST_TAB}"


def _max_seconds(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not _is_whole(value) or not 1 <= value <= LARGEST_MAX_SECONDS:
        yield f"must be a whole number from 1 to {LARGEST_MAX_SECONDS}"


def _rag_lambda(value: Any, _manifest: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield "must be Ruby, or the name of a file of Ruby"
    elif is_file_name(value):
        yield from _beyond([value])


def _is_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_RULES: Mapping[str, Callable[[Any, Mapping[str, Any]], Iterator[str]]] = {
    "image_name": _image_name,
    "display_name": _display_name,
    "visible_filenames": _visible,
    "filename_extension": _extension,
    "hidden_filenames": _hidden,
    "highlight_filenames": _highlighted,
    "max_seconds": _max_seconds,
    "progress_regexs": _progress,
    "rag_lambda": _rag_lambda,
    "tab_size": _tab_size,
}
