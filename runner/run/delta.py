"""What a run did to its files: pure, over what was sent and what was found."""

from collections.abc import Callable, Collection, Iterable, Mapping

from runner.kata import Text

MOST_CREATED = 16


def touched(
    sent: Mapping[str, str], found: Mapping[bytes, bytes], cut: Collection[bytes] = ()
) -> dict[str, bytes]:
    """Files that are new or have other content than was sent; deleted ones are not reported.

    `cut` are names of those of which only the beginning was found: none is as large as what was
    sent, as that would have come back whole.
    A name that is not UTF-8 cannot be said in JSON: such a file is left out.
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


def created_and_changed(
    sent: Iterable[str],
    touched_files: Mapping[str, bytes],
    *,
    is_text: Callable[[bytes], bool],
    text_of: Callable[[bytes], Text],
) -> tuple[dict[str, Text], dict[str, Text]]:
    """The first 16 texts, by name, among new files; all texts among the sent ones."""
    known = set(sent)
    created: dict[str, Text] = {}
    changed: dict[str, Text] = {}
    for name in sorted(touched_files):
        content = touched_files[name]
        if name in known:
            if is_text(content):
                changed[name] = text_of(content)
        elif len(created) < MOST_CREATED and is_text(content):
            created[name] = text_of(content)
    return created, changed
