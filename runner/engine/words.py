"""The words in which clients are told of an engine's failures: they tell nothing of the host.

An engine's own words may name its folders, its sockets and its address. The daemon's log has them
all the same. A learner's `log` and the message of an error have them only if they name none of
these.
"""

import re

from pool import EngineError

# An absolute path, a URL, an address of IPv4 or IPv6, or a host with its port.
_TELLS_OF_THE_HOST = re.compile(
    r"(?<!\w)/[\w.-]|://|\\\\|\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*::|[\w\])'\"]:\d{2,5}\b|', \d{2,5}\b"
)
_FAILED = {
    "inspect": "say which image it is",
    "read": "say what the image is like",
    "attach": "start a container",
    "create": "start a container",
    "exec": "start a container",
    "ready": "start a container",
    "start": "start a container",
    "pull": "pull the image",
    "warm": "keep a container",
}


def words_for_clients(error: EngineError) -> str:
    """The engine's words, or a sentence instead of them if they tell of the host."""
    failed = _FAILED.get(error.operation, "do its work")
    return without_the_host(error.message, f"the container engine could not {failed}")


def without_the_host(words: str, instead: str) -> str:
    """The words if they tell nothing of the host; otherwise `instead`."""
    return instead if _TELLS_OF_THE_HOST.search(words) else words
