"""Child processes and signals, so that a stop reaches whom it is meant for and is never lost.

The signals are blocked for good in this process and taken only where that is safe: while a child
runs it gets them, and in pause() they end the program. Children start with none blocked.
"""

import os
import signal
import sys

STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def block_signals() -> None:
    """Block the signals that stop a program. Call this before anything else."""
    # A shell may have started us with it ignored, and then children could not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS | {signal.SIGCHLD})


def pause(seconds: float) -> None:
    """Sleeps; a signal to stop ends the program in the usual way."""
    stop = signal.sigtimedwait(STOPS, seconds)
    if stop is not None:
        sys.exit(128 + stop.si_signo)


def spawn(command: list[str], *, output: int | None = None, new_session: bool = False) -> int:
    """Starts a command and returns its pid."""
    redirect = []
    if output is not None:
        redirect = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ]
    return os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=redirect,
        setsigmask=(),
        setsid=new_session,
    )


def run(command: list[str]) -> int:
    """Runs a command to its end, hands signals to it, and returns its exit status as a shell's."""
    try:
        pid = spawn(command)
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    while True:
        got = signal.sigwaitinfo(STOPS | {signal.SIGCHLD})
        if got.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        elif got.si_code <= 0:
            # Sent by a process. A terminal's Ctrl-C is sent by the kernel, to the whole foreground
            # group: the child has that already, and a second one means "at once".
            os.kill(pid, got.si_signo)
