"""How hosts, ports and the engine's address are written in settings, and shown without a login."""

import ipaddress
import re

_PORT = re.compile("[0-9]{1,5}")
# Docker allows an underscore in the names of services, and resolves them.
_HOST_LABEL = re.compile("[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_HOST = 253
_LONGEST_SOCKET_BYTES = 107  # sun_path of a Unix socket's address, without the NUL at its end
_UNIX = "unix://"
_MASK = "*****"
_WORD = re.compile(r"\S+")
_SCHEMES = (_UNIX, "tcp://", "http://", "https://")


def masked(address: str) -> str:
    """The address as it may be shown: without a user, a password, or what follows a `?`.

    The address may be malformed. If it is not clear which part is a password, too much is masked.
    """
    before, at, rest = address.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    rest, mark, _ = rest.partition("?")
    login = f"{scheme}{slashes}{_MASK}@" if slashes else f"{_MASK}@"
    return f"{login if at else ''}{rest}{f'?{_MASK}' if mark else ''}"


def masked_within(text: str) -> str:
    """A library's message, with its URLs and their paths masked in the same way."""
    return _WORD.sub(lambda word: masked(word[0]) if _is_of_url(word[0]) else word[0], text)


def _is_of_url(word: str) -> bool:
    return "//" in word or "/" in word.partition("?")[0]


def check_host_and_port(address: str) -> None:
    """Check an address such as a sibling's. Raises ValueError that says what is wrong with it."""
    host, _, port = address.rpartition(":")
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError(f"{masked(address)!r} is not host:port")
    if not _can_be_host(host):
        raise _no_host(address, host)


def check_own_host(host: str) -> None:
    """Check a host to listen on: a name, an address, or nothing. Raises ValueError that says why.

    An IPv6 address has no brackets here, because no port follows it.
    """
    if host and not _is_address(host) and (host.startswith("[") or not _can_be_host(host)):
        raise ValueError(f"no host can have the name {masked(host)!r}")


def check_engine(address: str) -> None:
    """Check the engine's address, a Unix socket or a host. Raises ValueError that says why."""
    scheme = next((one for one in _SCHEMES if address.startswith(one)), None)
    if scheme is None:
        raise ValueError("must begin with unix://, tcp://, http:// or https://")
    rest = address.removeprefix(scheme)
    if scheme == _UNIX:
        _check_socket(rest)
        return
    host = rest.removesuffix("/")
    if not host:
        raise ValueError(f"{masked(address)!r} names no host")
    # With http:// and https:// a missing port has one meaning for every client. With tcp:// clients
    # differ, so it must be named.
    has_port = host.rpartition("]")[2].count(":") == 1
    if scheme == "tcp://" or has_port:
        check_host_and_port(host)
    elif not _can_be_host(host):
        raise _no_host(address, host)


def _check_socket(path: str) -> None:
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"unix:// needs the absolute path of a socket, not {path!r}")
    if "\0" in path or len(path.encode()) > _LONGEST_SOCKET_BYTES:
        raise ValueError(
            f"no socket can have this path: it is over {_LONGEST_SOCKET_BYTES} bytes or has a NUL"
        )


def _no_host(address: str, host: str) -> ValueError:
    return ValueError(f"{masked(address)!r}: no host can have the name {masked(host)!r}")


def _can_be_host(host: str) -> bool:
    """Whether the host is an address, or a name that the DNS could know (RFC 1035, 2.3.4)."""
    if host.startswith("[") and host.endswith("]"):
        return ":" in host and _is_address(host[1:-1])
    name = host.removesuffix(".")
    labels = name.split(".")
    return len(name) <= _LONGEST_HOST and all(map(_HOST_LABEL.fullmatch, labels))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
