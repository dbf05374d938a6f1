"""The container in which lambdas are evaluated: what it may do and use, as data."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pool import ContainerSpec

_READY_MARK = b"dojo-runner traffic light ready\n"


def spec_for(
    image_name: str, image_id: str, limit_s: float, labels: Mapping[str, str]
) -> ContainerSpec:
    """The evaluator's container; traffic_light.rb limits each lambda further."""
    return ContainerSpec(
        image=image_name,
        image_id=image_id,
        command=("ruby", "-e", _server(), str(limit_s)),
        ready_mark=_READY_MARK,
        # Only root may give each lambda's process a user id of its own; this takes two
        # capabilities, and nothing else of root's is left.
        user="0:0",
        cap_drop=("ALL",),
        cap_add=("SETUID", "SETGID"),
        labels=labels,
        hostname="traffic-light",
        # No lambda can leave anything for the next one: there is nowhere to write.
        read_only=True,
        # The engine's own is writable for everybody.
        tmpfs={"/dev/shm": "ro,nosuid,nodev,noexec,size=4k,mode=755"},  # noqa: S108 - not ours
        # One greedy lambda (192 MiB) beside the evaluator itself (20 MiB); of more at once some
        # are killed, and the evaluator never is.
        memory_bytes=256 * 1024 * 1024,
        # 6 cells of 9 processes and 10 of ours: fork bombs in all cells leave room to end them.
        pids=96,
        # A setuid program of the image gives no lambda another user's rights.
        security_opt=("no-new-privileges",),
        # A lambda has nobody to talk to.
        network="none",
        # Reaps what lambdas leave behind, and cannot be killed from inside.
        init=True,
    )


@cache
def _server() -> str:
    """The program that runs in it."""
    return (files("runner.colour") / "traffic_light.rb").read_text(encoding="utf-8")
