"""A process that has imported every command, and forks for each one that a test types.

To import what a command needs takes Python a second of CPU, and to fork takes it a few
milliseconds. What a test gets is a process all the same, with an environment, streams, signals and
an exit status of its own. Only its imports have been done before, and there is no tidying up after
it. tests/runner/cli/test_output.py starts commands as a shell does.

The tests send the words, the variables and the working directory of a command, and with them its
stdin, stdout, stderr and a socket. On that socket come the command's process id and then its exit
status, a line each.
"""

import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module

from runner.__main__ import main
from runner.commands.command_list import COMMANDS

LONGEST_REQUEST_BYTES = 200_000
DESCRIPTORS = 4


def serve(requests: socket.socket) -> None:
    """Start what is asked for until the tests have ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        request, passed, _, _ = socket.recv_fds(requests, LONGEST_REQUEST_BYTES, DESCRIPTORS)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            _wait_for_command(request, passed)
            os._exit(0)
        for descriptor in passed:
            os.close(descriptor)


def _wait_for_command(request: bytes, passed: list[int]) -> None:
    """Start the command, and tell the test its process id and its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answers = passed
    command = os.fork()
    if command == 0:
        os.close(answers)
        _become_command(request, streams)
    os.write(answers, f"{command}\n".encode())
    _, status = os.waitpid(command, 0)
    os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become_command(request: bytes, streams: list[int]) -> None:
    """Run the command in this process, and end with its exit status.

    It ends without Python's own tidying up, which takes ten times as long as most commands.
    """
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    words, variables, folder = json.loads(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["dojo-runner", *words]
    try:
        main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def _import_commands() -> None:
    for group in COMMANDS.values():
        for command in group.values():
            import_module(command.function.partition(":")[0])


if __name__ == "__main__":
    _import_commands()
    gc.freeze()  # what is there stays: no collection of a command's need look at it
    serve(socket.socket(fileno=int(sys.argv[1])))
