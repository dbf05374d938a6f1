"""A container's answer: the frame around it, and the files in it.

All of it comes from a container in which a hostile program ran under the same user as our own
script: every byte may be forged. It is parsed in memory, under bounds, and never written to disk.
"""

from dataclasses import dataclass, field

from runner.container.untar import UnreadableError, members
from runner.container.used import used_in
from runner.kata import NOTHING_KNOWN, Used

STDOUT, STDERR, STATUS = b".dojo/stdout", b".dojo/stderr", b".dojo/status"
_CUT = b".dojo/cut/"
_NAME_OF_CUT = b".name"
_MOST_DIGITS = 6
_LEFT_OUT, _FULL = b".dojo/left_out/", b".dojo/full"
_USED = b".dojo/used"
# The folders of which an answer may say that they were full, in the order of the log's text.
_PLACES = ("/tmp", "/sandbox", "/home/sandbox")  # noqa: S108 - a container's
_SANDBOX = b"sandbox/"
STATUS_BYTES = 4  # main.sh writes that much, blanks included

# The tmpfs of /sandbox has room for 64k files and 250 MiB, far more than a learner reads of an
# answer. So the service reads no more than this.
LARGEST_ANSWER_BYTES = 48 * 1024 * 1024
MOST_FILES = 20_000
# Answers that are larger than this are rare, and only LARGE_AT_ONCE of them (run/run.py) are read
# at the same time.
LARGE_ANSWER_BYTES = 4 * 1024 * 1024


class Frame:
    """Collects an answer until its last line: NONCE, archives, `NONCE done` or `... timed_out`."""

    def __init__(self, nonce: str, largest_bytes: int = LARGEST_ANSWER_BYTES) -> None:
        self._first_line = f"{nonce}\n".encode()
        self._last_lines = {f"{nonce} {word}\n".encode(): word for word in ("done", "timed_out")}
        self._largest_bytes = largest_bytes
        self._received = bytearray()
        self._ended: str | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises UnreadableError as soon as the first line is a wrong one."""
        self._received += data
        begins = self._received[: len(self._first_line)]
        if not self._first_line.startswith(begins):
            raise UnreadableError("something else was written where the answer is read from")
        for line, word in self._last_lines.items():
            if self._received.endswith(line):
                self._ended = word

    @property
    def has_begun(self) -> bool:
        """Whether the first line is there: the program has ended, and its files are being read."""
        return len(self._received) >= len(self._first_line)

    @property
    def is_complete(self) -> bool:
        """Whether the last line is there."""
        return self._ended is not None

    @property
    def is_large(self) -> bool:
        """Whether the answer is large: only a few such answers are read at the same time."""
        return len(self._received) > LARGE_ANSWER_BYTES

    @property
    def is_too_large(self) -> bool:
        """Whether reading on would cost more than any learner's output is worth."""
        return len(self._received) > self._largest_bytes

    @property
    def timed_out(self) -> bool:
        """Whether the learner's time was over before the program ended."""
        return self._ended == "timed_out"

    def archives(self) -> bytes:
        """The bytes between the first and the last line, as far as they came."""
        last = next((line for line in self._last_lines if self._received.endswith(line)), b"")
        # A slice of the bytearray would be a copy, of which `bytes` then makes another one. A slice
        # of a view is no copy.
        with memoryview(self._received) as received:
            return bytes(received[len(self._first_line) : len(received) - len(last)])


@dataclass
class Harvest:
    """The findings after a run; `status` is None when the answer has no status file.

    `files` maps names below /sandbox to contents. A file of over 64 KiB is cut to 51201 bytes, but
    not if a file of exactly its size was sent.
    """

    stdout: bytes = b""
    stderr: bytes = b""
    status: str | None = None
    files: dict[bytes, bytes] = field(default_factory=dict)
    cut: set[bytes] = field(default_factory=set)  # the names of the files that were cut
    left_out: int = 0  # the number of files of over 64 KiB whose contents are missing altogether
    full: tuple[str, ...] = ()  # the folders in which no room was left
    used: Used = NOTHING_KNOWN
    is_whole: bool = True  # False: there was more than we read


def unpack(archives: bytes, *, is_cut: bool = False) -> Harvest:
    """Read tar archives that follow one another. `is_cut`: the reader has left out their end.

    This takes 0.1 ms of CPU, and 1 ms for 100 files. Raises UnreadableError.
    """
    harvest = Harvest(is_whole=not is_cut)
    contents: dict[bytes, bytes] = {}
    for member in members(archives, is_cut=is_cut):
        if len(contents) >= MOST_FILES:
            harvest.is_whole = False
            break
        if member.link is None:
            contents[member.name] = member.content
        elif member.link in contents:  # tar packs the second name of a file as a link to the first
            contents[member.name] = contents[member.link]
    _sort_out(contents, harvest)
    return harvest


def _sort_out(contents: dict[bytes, bytes], harvest: Harvest) -> None:
    cut = {
        name.removesuffix(_NAME_OF_CUT): content
        for name, content in contents.items()
        if name.startswith(_CUT) and name.endswith(_NAME_OF_CUT)
    }
    for member, content in contents.items():
        name = cut.get(member, b"") if member.startswith(_CUT) else member
        if name == STDOUT:
            harvest.stdout = content
        elif name == STDERR:
            harvest.stderr = content
        elif name == STATUS:
            harvest.status = _status_in(content)
        elif member == _FULL:
            harvest.full = tuple(one for one in _PLACES if one.encode() in content.split())
        elif member == _USED:
            harvest.used = used_in(content)
        elif member.startswith(_LEFT_OUT):
            harvest.left_out += _count_in(content)
        elif name.startswith(_SANDBOX):
            plain = name.removeprefix(_SANDBOX)
            harvest.files[plain] = content
            if name != member:
                harvest.cut.add(plain)


def _status_in(content: bytes) -> str | None:
    """The exit status; None if main.sh cannot have written this content.

    A status in the right form may be forged all the same: the learner's program can write it.
    """
    status = content[:STATUS_BYTES].strip()
    return status.decode() if status.isdigit() else None


def _count_in(content: bytes) -> int:
    """A count by main.sh or the launcher, which has few digits; 0 if neither has written this."""
    return int(content) if content.isdigit() and len(content) <= _MOST_DIGITS else 0
