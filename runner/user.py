"""Makes the daemon an ordinary user: it gives up root's rights, but for the socket's group.

cyber-dojo starts the service as root, without the group that the engine's socket belongs to. The
service's image names a user to become instead (RUN_AS); an ordinary start names none.
"""

import os
from pathlib import Path

from loguru import logger

_READ_AND_WRITE_BY_GROUP = 0o060
_UNIX = "unix://"


def leave_root(run_as: str, docker_host: str) -> None:
    """Become this user (`uid:gid`, both numbers), and keep the group that opens the engine.

    Does nothing where no user is named, or where the process is not root's. Where the engine could
    not be reached afterwards the process stays root, and a warning says why.
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
    """The groups that an ordinary user needs. Raises OSError where no group opens the socket."""
    if not docker_host.startswith(_UNIX):
        return []
    path = Path(docker_host.removeprefix(_UNIX))
    status = path.stat()
    if status.st_mode & _READ_AND_WRITE_BY_GROUP != _READ_AND_WRITE_BY_GROUP:
        raise PermissionError(0, "no group may write to the engine's socket", str(path))
    return [status.st_gid]
