"""The container of this very process: it is found by the mounts that the engine makes for it."""

import pytest

from runner.engine.own_image import own_container_id

ID = "1f" * 32
MOUNTS = f"""\
22 27 0:21 / /proc rw,relatime - proc proc rw
612 600 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw
613 600 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw
"""


def test_the_container_is_known_by_its_mounts() -> None:
    """The engine mounts files from a folder that has the container's id, whatever its host name."""
    assert own_container_id(MOUNTS) == ID


@pytest.mark.parametrize(
    "mounts", ["", MOUNTS.splitlines()[0], f"1 2 0:1 /x/containers/{ID[:-1]}/hosts /etc/hosts rw"]
)
def test_a_process_of_no_container_has_none(mounts: str) -> None:
    """A process on the host, as in development, has no image of its own."""
    assert own_container_id(mounts) is None
