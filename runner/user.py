"""Drops root's rights: the daemon becomes an ordinary user in the group of the engine's socket.

cyber-dojo starts the service as root, and without the group that the engine's socket belongs to.
The service's image names a user to become (RUN_AS); a start without the image names none.
"""

import os
from pathlib import Path
from stat import S_ISSOCK

from loguru import logger

_READ_AND_WRITE_BY_GROUP = 0o060
_UNIX = "unix://"
_ADVICE = "once a group may open the engine's socket, and enter its folder, start the daemon again"


def leave_root(run_as: str, docker_host: str) -> None:
    """Become this user (`uid:gid`, both numbers), and keep the group that opens the engine.

    Does nothing if no user is named, or if the process is not root's. If an ordinary user could not
    reach the engine, or its socket is not there yet, the process stays root, and a warning says
    why: a process that has dropped root's rights cannot get another group later.
    """
    if not run_as or os.geteuid() != 0:
        return
    try:
        uid, gid = map(int, run_as.split(":"))
        groups = _groups_for(docker_host)
        if groups:
            _check_that_user_reaches(_socket_of(docker_host), uid, gid, groups)
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        logger.bind(reason=reason, advice=_ADVICE).warning("the daemon stays root")
    else:
        logger.bind(user=run_as, groups=groups).info("the daemon is an ordinary user now")


def _groups_for(docker_host: str) -> list[int]:
    """The groups that an ordinary user needs. Raises OSError if no group may open the socket."""
    if not docker_host.startswith(_UNIX):
        return []
    path = _socket_of(docker_host)
    status = path.stat()
    if not S_ISSOCK(status.st_mode):  # Docker makes a folder where it finds no socket to mount
        raise OSError(0, "is no socket", str(path))
    if status.st_mode & _READ_AND_WRITE_BY_GROUP != _READ_AND_WRITE_BY_GROUP:
        raise PermissionError(0, "no group may write to the engine's socket", str(path))
    return [status.st_gid]


def _check_that_user_reaches(path: Path, uid: int, gid: int, groups: list[int]) -> None:
    """Raise PermissionError if this user may not, because a folder above the socket is shut.

    The kernel is asked as that user, for a moment, since it knows more rules than modes.
    """
    gid_before, groups_before = os.getegid(), os.getgroups()
    try:
        os.setgroups(groups)
        os.setegid(gid)
        os.seteuid(uid)
        may_open = os.access(path, os.R_OK | os.W_OK, effective_ids=True)
    finally:
        os.seteuid(0)
        os.setegid(gid_before)
        os.setgroups(groups_before)
    if not may_open:
        raise PermissionError(0, f"user {uid} cannot reach the engine's socket", str(path))


def _socket_of(docker_host: str) -> Path:
    return Path(docker_host.removeprefix(_UNIX))
