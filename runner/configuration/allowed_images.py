"""Which images clients and siblings may name; the operator's own settings say so."""

from dataclasses import dataclass

from pool import full_name, is_id, is_well_formed

# This word stands for the rest of a name, behind a registry's host or an organisation's name.
_ANY = "any"


class ImageNotAllowedError(Exception):
    """This replica does not run, pull or warm an image of that name; the message says why."""


@dataclass(frozen=True)
class _Prefix:
    """A beginning of an image's full name, and what must come behind it."""

    text: str
    ends: tuple[str, ...]  # none: the name is this very text

    def matches(self, full: str) -> bool:
        if not full.startswith(self.text):
            return False
        rest = full[len(self.text) :]
        return rest.startswith(self.ends) if self.ends else not rest


class AllowedImages:
    """Allows the names that begin with one of the prefixes; without prefixes, every name.

    An image's id is no name: only `ids` decides whether clients may use ids. Raises ValueError for
    a prefix with which no name can begin.
    """

    def __init__(self, prefixes: tuple[str, ...] = (), *, ids: bool = False) -> None:
        self._prefixes = [one for prefix in prefixes for one in _prefixes_of(prefix)]
        self._ids = ids

    def allows(self, name: str) -> bool:
        """Whether a client may name this image."""
        if is_id(name):
            return self._ids
        full = full_name(name)
        return not self._prefixes or any(one.matches(full) for one in self._prefixes)

    def check(self, name: str) -> None:
        """Raises ImageNotAllowedError unless a client may name this image."""
        if self.allows(name):
            return
        if is_id(name):
            raise ImageNotAllowedError(f"image_name: not by its id: {name!r}")
        raise ImageNotAllowedError(f"image_name: not allowed here: {name!r}")


def _prefixes_of(prefix: str) -> list[_Prefix]:
    """What a prefix of the settings means for full names.

    A single word may be an image of Docker's library or an organisation on Docker Hub, so it stands
    for both.
    """
    first, slash, rest = prefix.partition("/")
    if rest:
        return [_image(prefix)]
    if _is_host(first, has_slash=bool(slash)):
        return [_host(first)]
    if slash:
        return [_organisation(first)]
    if ":" in first or "@" in first:
        return [_image(first)]
    return [_image(first), _organisation(first)]


def _is_host(word: str, *, has_slash: bool) -> bool:
    """Whether Docker takes the first word of a name for a host.

    In a word without a slash a colon begins a tag, and not a port.
    """
    name, colon, _ = word.partition(":")
    return "." in name or name == "localhost" or (bool(colon) and has_slash)


def _host(word: str) -> _Prefix:
    host = _full(f"{word}/{_ANY}/{_ANY}").partition("/")[0]
    return _Prefix(host, ("/",))


def _organisation(word: str) -> _Prefix:
    return _Prefix(_full(f"{word}/{_ANY}").rpartition("/")[0], ("/",))


def _image(prefix: str) -> _Prefix:
    """The images of that path and below it; with a tag or a digest, that one image only."""
    is_folder = prefix.endswith("/")
    name = prefix.removesuffix("/")
    last = name.rpartition("/")[2]
    if ":" in last or "@" in last:
        if is_folder:
            raise ValueError(f"{prefix!r}: no image's name goes on after its tag")
        return _Prefix(_full(name), ())
    path = _full(f"{name}:{_ANY}").removesuffix(f":{_ANY}")
    return _Prefix(path, ("/",) if is_folder else ("/", ":", "@"))


def _full(name: str) -> str:
    if not is_well_formed(name) or is_id(name):
        raise ValueError(f"{name!r} cannot be the name of an image, or its beginning")
    return full_name(name)
