"""The changes that a run made to its files: pure, over the files sent and the files found."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from runner.kata import Text

MOST_CREATED = 16
# 160 texts of full length; several such answers at once must fit into the daemon's memory.
LARGEST_DELTA_BYTES = 8 * 1024 * 1024


def touched(
    sent: Mapping[str, str], found: Mapping[bytes, bytes], cut: Collection[bytes] = ()
) -> dict[str, bytes]:
    """Files that are new or have other content than was sent; deleted ones are not reported.

    `cut` holds the names of files of which the container returned only the beginning. Each of them
    has changed, because the container returns a file of the size that was sent as a whole.
    A file whose name is not UTF-8 is left out, because JSON cannot hold such a name.
    """
    changed = {}
    for raw_name, content in found.items():
        try:
            name = raw_name.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if name not in sent or raw_name in cut or sent[name].encode() != content:
            changed[name] = content
    return changed


@dataclass
class Delta:
    """The part of the files touched by a run that is returned.

    `left_out` counts texts that would have made the answer too large. `unjudged` counts files for
    which no time was left to tell whether they are texts.
    """

    created: dict[str, Text] = field(default_factory=dict)
    changed: dict[str, Text] = field(default_factory=dict)
    left_out: int = 0
    unjudged: int = 0


def created_and_changed(
    sent: Iterable[str],
    touched_files: Mapping[str, bytes],
    *,
    is_text: Callable[[bytes], bool],
    text_of: Callable[[bytes], Text],
    cost_of: Callable[[str, Text], int],
    is_over: Callable[[], bool],
) -> Delta:
    """All texts among the files that were sent, and the first 16, by name, among new files.

    Together they cost LARGEST_DELTA_BYTES at most. Files that were sent come first.
    """
    known = set(sent)
    names = sorted(touched_files, key=lambda name: (name not in known, name))
    delta = Delta()
    room = LARGEST_DELTA_BYTES
    for place, name in enumerate(names):
        into = delta.changed if name in known else delta.created
        if into is delta.created and len(into) >= MOST_CREATED:
            break
        if is_over():
            delta.unjudged = len(names) - place
            break
        content = touched_files[name]
        if not is_text(content):
            continue
        text = text_of(content)
        cost = cost_of(name, text)
        if cost > room:
            delta.left_out += 1
            continue
        room -= cost
        into[name] = text
    return delta
