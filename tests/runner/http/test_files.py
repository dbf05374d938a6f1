"""Which files a run returns, by which names."""

import pytest

from tests.runner.http.support import text
from tests.serving import Served

ODD_NAMES = [
    "-rf", "--help", "a&b", "two words", "it's", 'say "hi"', "new\nline", "x" * 200, "a.*[b]+(c)^$",
    "naïve-日本語", "[brackets]", ".hidden", "sub/dir/file.txt", "back\\slash", "$(id)", "*",
    "tab\there", "~", "stdout", "status", " ", "a;b|c", "-", ".dojo/stdout", "sandbox/x",
    "%s%n", "\\0000", "e\u0301", "\u00e9", "☃" * 80, "{}", "!", "'", '"', "\r\n", ".dojo/cut/1",
]  # fmt: skip


async def test_a_file_can_have_an_odd_name(http: Served) -> None:
    """A sent file that the program changed is returned by its own name, and one that it
    left does not.
    """
    result = await http.run(
        "find . -type f ! -name cyber-dojo.sh -exec "
        "bash -c 'for f; do echo + >>\"$f\"; done' _ {} +",
        dict.fromkeys(ODD_NAMES, "old\n"),
    )

    assert result["stderr"] == text()
    assert result["changed"] == dict.fromkeys(ODD_NAMES, text("old\n+\n"))
    assert result["created"] == {}


@pytest.mark.parametrize("first", range(0, len(ODD_NAMES), 16))
async def test_a_program_can_make_odd_names(http: Served, first: int) -> None:
    """A file that the program created is returned by its own name."""
    names = ODD_NAMES[first : first + 16]
    result = await http.run(
        'mkdir made; while IFS= read -r -d \'\' name; do mkdir -p "made/$(dirname "./$name")"\n'
        'echo new >"made/$name"; done <names; rm names',
        {"names": "".join(f"{name}\0" for name in names)},
    )

    assert result["created"] == {f"made/{name}": text("new\n") for name in names}


async def test_files_that_are_left_alone_are_not_reported(http: Served) -> None:
    """A file that was touched, rewritten with what it held, or deleted is not reported."""
    result = await http.run(
        "touch same.txt; cat same.txt >copy; cat copy >same.txt; rm copy gone.txt",
        {"same.txt": "é\r\n\0tail", "gone.txt": "x", "empty": ""},
    )

    assert (result["created"], result["changed"]) == ({}, {})


async def test_a_large_file_that_is_left_alone_is_not_reported(http: Served) -> None:
    """A large file that was not touched is not reported, whatever else is as large."""
    files = {"a.txt": "a" * 500_000, "b.txt": "b" * 500_000, "c.txt": "é" * 40_000}
    result = await http.run("tr b c <b.txt >made.txt; echo >>c.txt", files)

    assert result["created"] == {"made.txt": text("c" * 51200, truncated=True)}
    assert result["changed"] == {"c.txt": text("é" * 25600, truncated=True)}


async def test_a_large_file_that_changed_at_its_end_is_reported(http: Served) -> None:
    """A large file that changed only at its end is reported, even if its size is as it was."""
    result = await http.run("truncate -s 499999 a.txt; printf X >>a.txt", {"a.txt": "a" * 500_000})

    assert result["changed"] == {"a.txt": text("a" * 51200, truncated=True)}


@pytest.mark.parametrize("size", [51200, 51201, 51202])
async def test_a_file_that_has_grown_is_reported(http: Served, size: int) -> None:
    """A file that has grown is reported, even if the returned part of it is what was sent."""
    result = await http.run(
        "head -c 50000 a.txt >more; cat more more >>a.txt; rm more", {"a.txt": "a" * size}
    )

    assert result["changed"] == {"a.txt": text("a" * 51200, truncated=True)}


async def test_sixteen_created_files_are_reported(http: Served) -> None:
    """Of created texts the first 16 by name are reported, of changed ones all."""
    sent = {f"s{number:02}": "old" for number in range(20)}
    result = await http.run(
        "for n in {30..10}; do echo $n >c$n; done; printf '\\0\\1\\2\\3' >c00\n"
        "for f in s*; do echo new >$f; done",
        sent,
    )

    assert list(result["created"]) == [f"c{number}" for number in range(10, 26)]
    assert sorted(result["changed"]) == sorted(sent)


async def test_a_created_file_called_stdout_is_kept_apart(http: Served) -> None:
    """Files that are called like our own are not taken for ours."""
    result = await http.run("echo out; for n in stdout stderr status; do echo file >$n; done")

    assert result["stdout"] == text("out\n")
    assert result["created"] == dict.fromkeys(("stdout", "stderr", "status"), text("file\n"))
    assert result["status"] == "0"


async def test_binary_files_are_left_out(http: Served) -> None:
    """A file is text when libmagic says so of all of it, or when it has less than two bytes."""
    result = await http.run(
        "printf '' >none; printf '\\0' >nul; printf '\\377' >one; printf 'a\\0b' >with-nul\n"
        "printf '\\377\\376a\\0b\\0\\n\\0' >utf16; printf 'caf\\351\\n' >latin1\n"
        "printf 'caf\\303\\251\\n' >utf8; printf '\\1\\2\\3\\4' >control\n"
        "{ printf '%070000d' 0; printf '\\0'; } >late-nul; printf 'a\\tb\\033[1m\\r\\n' >escapes"
    )

    assert result["created"] == {
        "none": text(),
        "nul": text("\0"),
        "one": text(),
        "utf16": text("a\0b\0\n\0"),
        "latin1": text("caf\n"),
        "utf8": text("café\n"),
        "escapes": text("a\tb\033[1m\r\n"),
        # Only its beginning is harvested: the whole of that is text.
        "late-nul": text("0" * 51200, truncated=True),
    }


async def test_a_sent_file_that_turns_binary_is_left_out(http: Served) -> None:
    """A changed file that is no text is not reported."""
    result = await http.run("printf 'a\\0b\\0' >a.txt", {"a.txt": "text"})

    assert result["changed"] == {}


async def test_only_regular_files_are_read(http: Served) -> None:
    """Links to other places, sockets and pipes are not followed, and stop nothing."""
    result = await http.run(
        "ln -s /etc/passwd link; ln -s none dangling; ln -s . loop; mkfifo pipe; mkdir d.txt\n"
        "ln -s cyber-dojo.sh to-script; echo x >plain"
    )

    assert result["created"] == {"plain": text("x\n")}


async def test_a_sent_file_that_became_a_link_is_not_reported(http: Served) -> None:
    """A file that was replaced by a link counts as deleted."""
    result = await http.run("rm a.txt; ln -s /etc/passwd a.txt", {"a.txt": "x"})

    assert (result["created"], result["changed"]) == ({}, {})


async def test_hard_links_are_files(http: Served) -> None:
    """Every name of one file has its content; a sent one that is untouched is not reported."""
    result = await http.run("ln sent also; echo x >b; ln b a; ln b c", {"sent": "s"})

    assert result["created"] == {
        "a": text("x\n"),
        "also": text("s"),
        "b": text("x\n"),
        "c": text("x\n"),
    }
    assert result["changed"] == {}


async def test_a_name_that_is_no_text_is_left_out(http: Served) -> None:
    """A file whose name cannot be said in JSON is left out, and the others are not."""
    result = await http.run("echo x >$'\\377'; echo y >y")

    assert result["created"] == {"y": text("y\n")}
