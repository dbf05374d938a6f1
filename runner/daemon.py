"""`dojo-runner serve`: the daemon's process, from its settings to its end."""

import asyncio
import errno
import os
import resource
import sys
from collections.abc import Callable

from loguru import logger

from pool import give_up_all
from runner.app import serve as serve_until_stopped
from runner.configuration.variables import PREFIX
from runner.environment import SettingsError, foreign_variables, read_settings
from runner.operators.logs import log_to_stdout
from runner.settings import Settings
from runner.threads import SWITCH_S
from runner.user import leave_root
from runner.visible import visible_line

try:
    import uvloop
except ImportError:  # not on this platform: asyncio's own loop does
    _new_event_loop = asyncio.new_event_loop
else:
    _new_event_loop = uvloop.new_event_loop

STDERR = 2
FLUSH_S = 1.0  # for the reader of the log to take the last lines


def serve() -> int:
    """Run the daemon until SIGTERM; its settings come from the environment."""
    try:
        settings = read_settings()
    except SettingsError as error:
        return _fail(str(error))
    _keep_standard_descriptors()
    raise_file_limit()
    writer = log_to_stdout(
        settings.log_level, settings.log_format, may_colour=not settings.no_color
    )
    if foreign := foreign_variables():
        logger.bind(names=foreign).info("variables that are no settings are passed over")
    leave_root(settings.run_as, settings.docker_host)
    sys.setswitchinterval(SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=_new_event_loop) as runner:
            runner.run(_serve(settings, lambda: writer.dropped))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        return _fail(f"cannot listen on {where}: {error.strerror} ({_variable_of(error)})")
    finally:
        writer.close(FLUSH_S)
    return 0


async def _serve(settings: Settings, lines_dropped: Callable[[], int]) -> None:
    """Raises OSError when the port is taken."""
    try:
        await serve_until_stopped(settings, lines_dropped)
    finally:
        await give_up_all()  # calls of an engine that hangs


def _variable_of(error: OSError) -> str:
    """The setting of the port where that is taken or not allowed, else that of the host."""
    is_of_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
    return f"{PREFIX}{'PORT' if is_of_port else 'HOST'}"


def _keep_standard_descriptors() -> None:
    """Open what is closed of stdin, stdout and stderr.

    Otherwise the next file that is opened would take its number, and the log would go there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        pass
    os.close(descriptor)


def raise_file_limit() -> None:
    """Raise the soft limit of open files, which is often 1024, to the hard one.

    Every connection and every container takes a descriptor.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _fail(message: str) -> int:
    sys.stderr.write(f"dojo-runner: {visible_line(message)}\n")
    return 1
