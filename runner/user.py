"""Drops root's rights: the daemon becomes an ordinary user in the group of the engine's socket.

cyber-dojo starts the service as root, and without the group that the engine's socket belongs to.
The service's image names a user to become (RUN_AS); a start without the image names none.
"""

import os
from pathlib import Path

from loguru import logger

_READ_AND_WRITE_BY_GROUP = 0o060
_UNIX = "unix://"


def leave_root(run_as: str, docker_host: str) -> None:
    """Become this user (`uid:gid`, both numbers), and keep the group that opens the engine.

    Does nothing if no user is named, or if the process is not root's. If an ordinary user could not
    reach the engine, the process stays root, and a warning says why.
    """
    if not run_as or os.geteuid() != 0:
        return
    try:
        groups = _groups_for(docker_host)
        uid, gid = map(int, run_as.split(":"))
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        logger.bind(reason=reason).warning("the daemon stays root")
    else:
        logger.bind(user=run_as, groups=groups).info("the daemon is an ordinary user now")


def _groups_for(docker_host: str) -> list[int]:
    """The groups that an ordinary user needs. Raises OSError if no group may open the socket."""
    if not docker_host.startswith(_UNIX):
        return []
    path = Path(docker_host.removeprefix(_UNIX))
    status = path.stat()
    if status.st_mode & _READ_AND_WRITE_BY_GROUP != _READ_AND_WRITE_BY_GROUP:
        raise PermissionError(0, "no group may write to the engine's socket", str(path))
    return [status.st_gid]
