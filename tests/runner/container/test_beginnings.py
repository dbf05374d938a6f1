"""The script that prints the beginnings of large files, in this machine's own bash."""

import io
import subprocess
import tarfile

from runner.container.scripts import script


def test_two_hundred_files_are_looked_at() -> None:
    """Of 203 files the script skips three, and says so in a member of its archive.

    None of these files can be read, so even on a slow machine the limit of time plays no part.
    """
    missing = [f"missing_{n}" for n in range(203)]

    printed = subprocess.run(  # noqa: S603 - the project's own script
        ["/bin/bash", "-p", "-c", script("beginnings.sh"), "bash", "beginnings", "", *missing],
        capture_output=True,
        check=False,
    )

    with tarfile.open(fileobj=io.BytesIO(printed.stdout + bytes(1024))) as archive:
        (member,) = archive.getmembers()
        content = archive.extractfile(member)
        assert content is not None
        assert (member.name.rpartition("/")[0], content.read()) == (".dojo/left_out", b"3")
