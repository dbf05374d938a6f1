"""What clients read of an engine's failures: its words, unless they tell of the host."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool import EngineError
from runner.engine.words import without_the_host, words_for_clients

OF_THE_HOST = [
    "mkdir /var/lib/docker/overlay2/abc-init/merged: no space left on device",
    "[Errno 2] No such file or directory: '/srv/none.sock'",
    "Cannot connect to Docker Engine via unix://localhost [Connection refused]",
    "Cannot connect to host engine:2375 ssl:default [Connect call failed ('10.0.0.5', 2375)]",
    "Connect call failed ('engine', 2375)",
    'Get "https://registry.lan/v2/": dial tcp: lookup registry.lan',
    "dial tcp 10.0.0.5: connection refused",
    "dial tcp [fe80::1]: connection refused",
    "error mounting (/run/containerd/io.containerd.runtime.v2.task)",
    "open \\\\.\\pipe\\docker_engine",
]
OF_THE_IMAGE = [
    "[FATAL tini (7)] exec bash failed: No such file or directory; exited (127)",
    'OCI runtime create failed: exec: "bash": executable file not found in $PATH: unknown',
    "no space left on device",
    "no answer within 20 s",
    r"printed b'welcome\n' where b'dojo-runner: ready\n' was expected",
    "No such image: cyberdojo/gcc",
]


@pytest.mark.parametrize("message", OF_THE_HOST)
@pytest.mark.parametrize("operation", ["start", "inspect", "list"])
def test_words_that_tell_of_the_host_are_not_shown(message: str, operation: str) -> None:
    """A path, a URL or an address is the operator's business; clients read a sentence instead."""
    words = words_for_clients(EngineError(operation, message, image="gcc"))

    assert words.startswith("the container engine could not ")


@pytest.mark.parametrize("message", OF_THE_IMAGE)
def test_other_words_are_shown(message: str) -> None:
    """An author of an image needs the words of its init and its shell."""
    assert words_for_clients(EngineError("start", message, image="gcc")) == message


@given(
    st.text(max_size=20),
    st.from_regex(
        r"(/[a-z0-9._-]{1,8}){1,5}|tcp://[a-z]{1,9}|(\d{1,3}\.){3}\d{1,3}", fullmatch=True
    ),
    st.text(max_size=20),
)
def test_no_path_or_address_is_ever_shown(before: str, secret: str, after: str) -> None:
    """Whatever stands around a path or an address, it is not shown."""
    words = f"{before} {secret} {after}"
    if re.search(r"/\w|://|\d\.\d", words):
        assert without_the_host(words, "hidden") == "hidden"
