"""Tells which bytes are text, and how much of a text is returned."""

import threading
from json.encoder import encode_basestring
from sys import getsizeof

import magic

from runner.kata import Text

LONGEST_TEXT_BYTES = 50 * 1024

_BINARY = "binary"
_AROUND_BYTES = 64  # `:{"content":,"truncated":false},` and what Python keeps beside a text
# libmagic calls a text of these bytes ASCII, in whatever order they come (`T` in encoding.c of the
# program `file`). Most files are of this kind.
_ASCII = bytes((7, 8, 9, 10, 12, 13, 27, *range(32, 127)))
_MAGIC_PARAM_ENCODING_MAX = 7  # <magic.h>; python-magic has no name for it
# Every MAGIC_NO_CHECK_* of <magic.h> but MAGIC_NO_CHECK_ENCODING (0x200000). The encoding depends
# on nothing else, and takes one look at each byte. The regular expressions of libmagic's data base
# take two seconds for a MiB of blank lines.
_ONLY_THE_ENCODING = 0x5FF000
_LARGEST_BYTES = 32 * 1024 * 1024

_of_this_thread = threading.local()


def text_of(content: bytes) -> Text:
    """The first 50 KiB, cut on a character's boundary, bytes that are not UTF-8 dropped."""
    return Text(
        content[:LONGEST_TEXT_BYTES].decode("utf-8", "ignore"),
        len(content) > LONGEST_TEXT_BYTES,
    )


def cost_of(name: str, text: Text) -> int:
    """The bytes that a text takes in an answer's JSON or in memory, whichever is more.

    JSON takes six bytes for a control character. Python keeps every character of a text in four
    bytes if one of them is outside of Unicode's first plane.
    """
    in_json = sum(len(encode_basestring(part).encode()) for part in (name, text.content))
    return max(in_json, getsizeof(text.content)) + _AROUND_BYTES


def is_text(content: bytes) -> bool:
    """Whether libmagic takes the whole content for a text.

    cyber-dojo's own service asks the same of `file --mime-encoding`, and takes less than two bytes
    for a text, although libmagic calls them binary. libmagic is asked only about content that is
    not plain ASCII, of which most files are.
    """
    if len(content) < 2 or not content.translate(None, _ASCII):
        return True
    return _libmagic().from_buffer(content) != _BINARY


def _libmagic() -> magic.Magic:
    # Each thread has an instance of its own, because python-magic locks it during a call.
    instance: magic.Magic | None = getattr(_of_this_thread, "magic", None)
    if instance is None:
        instance = magic.Magic(mime_encoding=True)
        magic.magic_setflags(instance.cookie, instance.flags | _ONLY_THE_ENCODING)
        # Without this libmagic judges by the first 64 KiB, whatever follows them.
        instance.setparam(magic.MAGIC_PARAM_BYTES_MAX, _LARGEST_BYTES)
        instance.setparam(_MAGIC_PARAM_ENCODING_MAX, _LARGEST_BYTES)
        _of_this_thread.magic = instance
    return instance
