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
# Those that may be said to be full, in the order in which they are told.
_PLACES = ("/tmp", "/sandbox", "/home/sandbox")  # noqa: S108 - a container's
_SANDBOX = b"sandbox/"
STATUS_BYTES = 4  # main.sh writes that much, blanks included

# A tmpfs of /sandbox has 64k inodes and 250 MiB; nobody reads that much of a kata's output.
LARGEST_ANSWER_BYTES = 48 * 1024 * 1024
MOST_FILES = 20_000
# Few ever come near it, and of larger ones only some are read at once (run.run.LARGE_AT_ONCE).
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
        """Raises UnreadableError as soon as it does not begin as it must."""
        self._received += data
        begins = self._received[: len(self._first_line)]
        if not self._first_line.startswith(begins):
            raise UnreadableError("something else was written where the answer is read from")
        for line, word in self._last_lines.items():
            if self._received.endswith(line):
                self._ended = word

    @property
    def has_begun(self) -> bool:
        """Whether its first line is there: the program has ended, and is being harvested."""
        return len(self._received) >= len(self._first_line)

    @property
    def is_complete(self) -> bool:
        """Whether its last line is there."""
        return self._ended is not None

    @property
    def is_large(self) -> bool:
        """Whether it is one of those of which only a few are read at once."""
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
        # By a view: a slice of a bytearray is one, and would be copied a second time.
        with memoryview(self._received) as received:
            return bytes(received[len(self._first_line) : len(received) - len(last)])


@dataclass
class Harvest:
    """The findings after a run; `status` is None when the answer has no status file.

    `files` maps names below /sandbox to contents; those larger than 64 KiB are cut to 51201
    bytes, save when their size is that of a file that was sent.
    """

    stdout: bytes = b""
    stderr: bytes = b""
    status: str | None = None
    files: dict[bytes, bytes] = field(default_factory=dict)
    cut: set[bytes] = field(default_factory=set)  # names of those of which there is only a part
    left_out: int = 0  # how many more there were, of over 64 KiB, of which there is nothing
    full: tuple[str, ...] = ()  # the folders in which no room was left
    used: Used = NOTHING_KNOWN
    is_whole: bool = True  # False: there was more than we read


def unpack(archives: bytes, *, is_cut: bool = False) -> Harvest:
    """Read tar archives that follow one another. `is_cut`: their end is missing, on purpose.

    CPU-bound: 0.1 ms, and 1 ms for 100 files. Raises UnreadableError.
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
    """None for what main.sh did not write; of what it did, the program may have forged the rest."""
    status = content[:STATUS_BYTES].strip()
    return status.decode() if status.isdigit() else None


def _count_in(content: bytes) -> int:
    """Of few digits, as all that main.sh and the launcher count; 0 for what neither has written."""
    return int(content) if content.isdigit() and len(content) <= _MOST_DIGITS else 0
