"""A process that has imported pytest, and forks for each pytest of a run.

shared/client.c, in the place of `python3` and `pytest`, hands over what a process has: descriptors,
folder, arguments, variables, limits. Whenever the real program might do something else than a fork
of this process would, the client is told to start the real one.
"""

import array
import contextlib
import gc
import importlib
import io
import os
import resource
import runpy
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ADDRESS = "\0warm-pytest"
LIMITS = 16
MOST_FILES = 2000  # of the run's, among which names of modules are looked for

_HERE = os.path.dirname(os.path.abspath(__file__))
# What a Python reads when it starts. It may say something else in the run: the real one heeds it.
_HEEDED = (b"PYTHON", b"LD_", b"LC_", b"LANG", b"TZ", b"HOME", b"PATH", b"GLIBC_", b"MALLOC_",
           b"PYTEST_DEBUG")  # fmt: skip
_NO_BYTECODE = b"PYTHONDONTWRITEBYTECODE"


def variables(words: list[bytes]) -> dict[bytes, bytes]:
    """By their names, those of words of the form NAME=VALUE."""
    return {
        name: value for name, equals, value in (word.partition(b"=") for word in words) if equals
    }


class Request:
    """What the client's process is like; raises ValueError if it is for the real program."""

    def __init__(self, body: bytes, files: list[int]) -> None:
        words = body.split(b"\0")
        self.files = files
        self.program = os.fsdecode(words[0])
        self.umask = int(words[1])
        at = 2
        self.limits = [(int(words[i]), int(words[i + 1])) for i in range(at, at + 2 * LIMITS, 2)]
        at += 2 * LIMITS
        count = int(words[at])
        self.arguments = [os.fsdecode(word) for word in words[at + 1 : at + 1 + count]]
        self.environment = variables(words[at + 1 + count : -1])
        self.is_module = self.program.startswith("python")
        self.no_bytecode = bool(self.environment.get(_NO_BYTECODE))
        if self.is_module:
            self._be_a_module()

    def _be_a_module(self) -> None:
        """Of a Python only `python3 -m pytest` is ours, with or without -B."""
        while self.arguments[:1] == ["-B"]:
            self.no_bytecode = True
            del self.arguments[0]
        if self.arguments[:2] != ["-m", "pytest"]:
            raise ValueError("another module, or none")
        del self.arguments[:2]


def import_all() -> None:
    """Import what a session does; one module less is only so much slower."""
    with open(os.path.join(_HERE, "modules")) as file:
        for name in file.read().split():
            with contextlib.suppress(Exception):
                importlib.import_module(name)


# pytest heeds `-p no:PLUGIN` before it registers its plugins: it is made ready for the usual ones.
_LEFT_OUT: tuple[tuple[str, ...], ...] = ((), ("no:cacheprovider",))


def make_ready() -> None:
    """Have pytest register its own plugins now, which takes a quarter of its time after a fork."""
    config: Any = importlib.import_module("_pytest.config")
    make = config.get_config
    ready = {
        left_out: make([word for name in left_out for word in ("-p", name)])
        for left_out in _LEFT_OUT
    }

    def get_config(args: Any = None, plugins: Any = None) -> Any:
        found = ready.pop(left_out_by(args or ()), None)
        if found is None:
            return make(args, plugins)
        found.invocation_params = config.Config.InvocationParams(
            args=args or (), plugins=plugins, dir=Path.cwd()
        )
        return found

    config.get_config = get_config


def left_out_by(arguments: Iterable[str]) -> tuple[str, ...]:
    """The plugins that a command line leaves out."""
    words = iter(arguments)
    names = [
        next(words, "") if word == "-p" else word.removeprefix("-p")
        for word in words
        if word.startswith("-p")
    ]
    return tuple(name for name in names if name.startswith("no:"))


def environment_at_start() -> dict[bytes, bytes]:
    """As this process got it: Python itself may add to it."""
    with open("/proc/self/environ", "rb") as file:
        return variables(file.read().split(b"\0"))


def heeded(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """What of it a Python reads when it starts."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_HEEDED) and name != _NO_BYTECODE
    }


def is_usual(request: Request, at_start: dict[bytes, bytes]) -> bool:
    """Whether a fork of ours does what the real program would do; we are in the run's folder."""
    if heeded(request.environment) != heeded(at_start):
        return False
    if os.path.exists(os.path.join(os.path.expanduser("~"), ".local")):
        return False
    # A learner's module that has the name of one of ours would be imported in its place.
    ours = {name.partition(".")[0] for name in sys.modules}
    left = MOST_FILES
    for _folder, folders, files in os.walk("."):
        left -= len(folders) + len(files)
        if left < 0 or not ours.isdisjoint(folders):
            return False
        if not ours.isdisjoint(name.partition(".")[0] for name in files if _is_module(name)):
            return False
    return True


def _is_module(name: str) -> bool:
    return name.endswith((".py", ".pyc", ".so"))


def receive(connection: socket.socket) -> Request:
    """A whole request that is ours. Raises OSError, ValueError; no file of it is open then."""
    head, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(4 * 4))
    files: array.array[int] = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    try:
        if len(head) != 4 or len(files) != 4:
            raise ValueError("not a request")
        body = connection.recv(struct.unpack("=I", head)[0], socket.MSG_WAITALL)
        return Request(body, files.tolist())
    except (OSError, ValueError, IndexError):
        close_all(files)
        raise


def close_all(files: Iterable[int]) -> None:
    """A pipe that stayed open here would never end for its reader."""
    for file in files:
        os.close(file)


def become(request: Request, added: dict[bytes, bytes]) -> None:
    """Take over what the client's process has; the fork is then as if it had been started by it."""
    os.setpgid(0, 0)
    for number, file in enumerate(request.files[:3]):
        os.dup2(file, number)
    close_all(request.files)
    signal.set_wakeup_fd(-1)
    os.umask(request.umask)
    for number, limits in enumerate(request.limits):
        if resource.getrlimit(number) != limits:
            resource.setrlimit(number, limits)
    os.environb.clear()
    os.environb.update({**request.environment, **added})
    sys.dont_write_bytecode = request.no_bytecode
    renew_streams()


def renew_streams() -> None:
    """Make the streams as a Python makes them when it starts: they look at what they lead to."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        raw: Any = io.FileIO(number, "r" if number == 0 else "w", closefd=False)
        raw.name = f"<{name}>"
        size = os.fstat(number).st_blksize or io.DEFAULT_BUFFER_SIZE
        buffered = io.BufferedReader(raw, size) if number == 0 else io.BufferedWriter(raw, size)
        newline = None if number == 0 else "\n"
        new: Any = io.TextIOWrapper(
            buffered, old.encoding, old.errors, newline, line_buffering=number == 2
        )
        new.mode = "r" if number == 0 else "w"
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def run(request: Request) -> None:
    """What the interpreter itself does with such a command line."""
    if request.is_module:
        sys.path[0] = os.getcwd()
        sys.orig_argv = [request.program, "-m", "pytest", *request.arguments]
        sys.argv = ["-m", *request.arguments]
        runpy.run_module("pytest", run_name="__main__", alter_sys=True)
    else:
        program = f"/usr/bin/{request.program}"
        sys.path[0] = os.path.dirname(program)
        sys.orig_argv = ["/usr/bin/python3", program, *request.arguments]
        sys.argv = [program, *request.arguments]
        runpy.run_path(program, run_name="__main__")


class Zygote:
    """Answers clients until it is killed. In a fork `serve` returns the request."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._at_start = environment_at_start()
        self._added = {
            name: value for name, value in os.environb.items() if name not in self._at_start
        }

    @property
    def added(self) -> dict[bytes, bytes]:
        """Variables that Python itself has added."""
        return self._added

    def serve(self) -> Request:
        """The request that this fork is for."""
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    request = self._accept()
                    if request is not None:
                        return request
                else:
                    key.data()  # see _watch

    def _accept(self) -> Request | None:
        connection, _ = self._listener.accept()
        try:
            request = receive(connection)
        except (OSError, ValueError, IndexError):
            connection.close()
            return None
        os.fchdir(request.files[3])
        try:
            usual = is_usual(request, self._at_start)
            child = os.fork() if usual else -1
        except OSError:
            child = -1
        if child == 0:
            self._selector.close()
            self._listener.close()
            # Only now: what the fork cannot take over, the real program has to.
            become(request, self._added)
            connection.sendall(b"y")
            connection.close()
            return request
        close_all(request.files)
        if child < 0:
            connection.close()
        else:
            self._watch(child, connection)
        return None

    def _watch(self, child: int, connection: socket.socket) -> None:
        process = os.pidfd_open(child)

        def client_says() -> None:
            try:
                said = connection.recv(1)
            except OSError:
                said = b""
            if said:
                os.kill(child, said[0])
                return
            self._selector.unregister(connection)  # it was killed, and so is what it stands for
            try:
                os.killpg(child, signal.SIGKILL)
            except OSError:
                os.kill(child, signal.SIGKILL)

        def child_ended() -> None:
            _, status = os.waitpid(child, 0)
            self._selector.unregister(process)
            os.close(process)
            try:
                self._selector.unregister(connection)
                connection.sendall(b"e" + struct.pack("=i", status))
            except (OSError, KeyError):
                pass
            connection.close()

        self._selector.register(connection, selectors.EVENT_READ, client_says)
        self._selector.register(process, selectors.EVENT_READ, child_ended)


def main() -> Request:
    """Import, listen, and let the hook end; returns in each fork."""
    import_all()
    with contextlib.suppress(Exception):
        make_ready()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(ADDRESS)
    listener.listen(64)
    if os.fork():
        os._exit(0)
    gc.collect()
    gc.freeze()
    return Zygote(listener).serve()


if __name__ == "__main__":
    run(main())
