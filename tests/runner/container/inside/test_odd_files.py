"""What comes of odd names, depths, kinds and rights of files, in real containers."""

import pytest

from tests.runner.container.inside.places import LONGEST, Run, by_userland, by_way, mostly

pytestmark = pytest.mark.docker


class TestOddFiles:
    """What comes of odd names, depths, kinds and rights of files."""

    @mostly
    async def test_a_hundred_files(self, run: Run) -> None:
        """Of a hundred new texts the first 16 are returned; of changed ones all."""
        sent = {f"sent_{number:03}": "x" for number in range(100)}

        result = await run(
            'for n in {100..199}; do echo "$n" >"new_$n"; done;'
            ' for f in sent_*; do echo y >"$f"; done',
            files=sent,
        )

        assert list(result.created) == [f"new_{number}" for number in range(100, 116)]
        assert list(result.changed) == sorted(sent)

    @by_way
    async def test_folders_a_thousand_deep(self, run: Run) -> None:
        """Too deep to be named is too deep to be returned; the rest is returned."""
        result = await run(
            """echo new >new; python3 -c '
import os
for _ in range(1000):
    os.mkdir("deeper")
    os.chdir("deeper")
open("bottom", "w").write("x")'"""
        )

        assert result.status == "0"
        assert result.created["new"].content == "new\n"

    @mostly
    async def test_what_is_sent_is_there(self, run: Run) -> None:
        """Files of any size and name are there, writable, with the time of their request."""
        sizes = (0, 1, 511, 512, 513, 65_536, 65_537, 300_000)
        sent = {f"of_{size}": "x" * size for size in sizes}
        sent |= {"n" * size: "name" for size in (91, 92, 93, 100, 101, 255)}
        sent |= {"/".join(["d" * 100] * depth) + "/f": "deep" for depth in (1, 5, 30)}

        result = await run(
            "find . -type f ! -name cyber-dojo.sh -mmin -5 -size +0"
            """ -exec bash -c 'for f; do printf y >>"$f"; done' bash {} +; printf y >>of_0""",
            files=sent,
        )

        assert (result.status, result.created) == ("0", {})
        assert sorted(result.changed) == sorted(sent)
        small = {name for name, content in sent.items() if len(content) < LONGEST}
        found = {name: text.content for name, text in result.changed.items() if name in small}
        assert found == {name: sent[name] + "y" for name in small}

    @mostly
    async def test_names(self, run: Run) -> None:
        """Any name that JSON can say makes the way there and back."""
        names = [
            "new\nline",
            "-rf",
            "a b",
            "&",
            "'single'",
            '"double"',
            "$(echo x)",
            "`echo x`",
            "*",
            "[a-z]+(.*)?",
            "back\\slash",
            "tab\t",
            ".dot",
            "ünï/cödé",
            "😀",
            "x" * 200,
            "d" * 200 + "/" + "e" * 200,
            "stdout",
            ".dojo/status",
            ".name",
        ]
        sent = dict.fromkeys(names, "sent")

        result = await run(
            "find . -type f ! -name cyber-dojo.sh | while IFS= read -r f; do :; done;"
            ' while IFS= read -r -d "" f; do printf %s changed >"$f"; done'
            " < <(find . -type f ! -name cyber-dojo.sh -print0)",
            files=sent,
        )

        assert result.status == "0"
        assert sorted(result.changed) == sorted(names)
        assert {text.content for text in result.changed.values()} == {"changed"}
        assert result.created == {}

    @by_userland
    async def test_a_name_that_is_no_utf8_is_left_out(self, run: Run) -> None:
        """A file whose name JSON cannot say is left out, and the rest is returned."""
        result = await run("echo x >$'\\xff\\xfe'; echo new >new")

        assert list(result.created) == ["new"]

    @by_way
    async def test_only_regular_files_are_returned(self, run: Run) -> None:
        """Links are not followed, pipes and sockets not read, folders not mistaken for files."""
        result = await run(
            """ln -s /etc/passwd passwd; ln -s /proc/self/environ environ; ln -s loop loop
ln -s nowhere dangling; mkfifo pipe; mkdir folder.txt
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
mknod device c 1 3 2>/dev/null; echo new >new; ln new hard"""
        )

        assert {name: text.content for name, text in result.created.items()} == {
            "hard": "new\n",
            "new": "new\n",
        }

    @mostly
    async def test_read_only_and_unreadable_files(self, run: Run) -> None:
        """A file that not even we may read is left out; the rest is returned."""
        result = await run(
            "umask 0777; echo x >none; umask 0222; echo only >only; umask 0; echo last >last"
        )

        assert {name: text.content for name, text in result.created.items()} == {
            "only": "only\n",
            "last": "last\n",
        }

    @by_way
    async def test_a_locked_folder_hides_only_itself(self, run: Run) -> None:
        """Files in a folder that our own user may not enter are not returned; all others are."""
        result = await run("mkdir locked; echo x >locked/x; chmod 0 locked; echo new >new; exit 8")

        assert (result.status, list(result.created)) == ("8", ["new"])

    @by_way
    async def test_sparse_files(self, run: Run) -> None:
        """A sparse file of 200 MiB takes neither room nor time of others."""
        result = await run("truncate -s 200M sparse; truncate -s 256M /tmp/x; echo new >new")

        assert (result.status, list(result.created)) == ("0", ["new"])

    @by_way
    async def test_many_large_files(self, run: Run) -> None:
        """The harvest ends in time whatever there is to be cut."""
        result = await run(
            'fill 0 70000; text=$(<0); for n in {1..700}; do printf %s "$text" >$n; done; echo out'
        )

        assert (result.status, result.stdout.content) == ("0", "out\n")
        assert len(result.created) == 16

    @by_userland
    async def test_small_texts(self, run: Run) -> None:
        """Files of no and of one byte are texts, whatever the byte."""
        result = await run(
            "printf '' >none; printf '\\0' >nul; printf 'x' >x; printf '\\0\\0' >two"
        )

        assert {name: text.content for name, text in result.created.items()} == {
            "none": "",
            "nul": "\0",
            "x": "x",
        }
