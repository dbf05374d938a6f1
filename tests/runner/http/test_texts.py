"""How much of a text is returned, and what becomes of bytes that are none."""

import pytest

from tests.runner.http.support import text
from tests.serving import Served


@pytest.mark.parametrize(
    ("size", "shown", "truncated"),
    [(51199, 51199, False), (51200, 51200, False), (51201, 51200, True), (70000, 51200, True)],
)
async def test_texts_are_cut_to_fifty_kib(
    http: Served, size: int, shown: int, truncated: bool
) -> None:
    """Stdout, stderr, created and changed files are cut alike, and exactly the limit is
    not over it.
    """
    result = await http.run(
        f"printf '%0{size}d' 0 | tee made sent >&2; printf '%0{size}d' 0", {"sent": ""}
    )

    expected = text("0" * shown, truncated=truncated)
    assert result["stdout"] == result["stderr"] == expected
    assert result["created"] == {"made": expected}
    assert result["changed"] == {"sent": expected}


@pytest.mark.parametrize("character", ["é", "日", "😀"])
async def test_a_text_is_cut_between_characters(http: Served, character: str) -> None:
    """The limit is in bytes, and what is left of a character at the cut is dropped."""
    content = "x" + character * 26_000
    result = await http.run("cat sent; echo . >>sent", {"sent": content})

    size = len(character.encode())
    expected = text("x" + character * ((51200 - 1) // size), truncated=True)
    assert result["stdout"] == expected
    assert result["changed"] == {"sent": expected}


async def test_bytes_that_are_no_utf_8_are_dropped(http: Served) -> None:
    """Bytes that are no UTF-8 are dropped, the rest of the text stays, and NUL is a character."""
    result = await http.run(
        "printf 'a\\377b\\303\\n'; printf '\\355\\240\\200x\\0y' >&2; printf 'caf\\351!\\n' >made"
    )

    assert result["stdout"] == text("ab\n")
    assert result["stderr"] == text("x\0y")
    assert result["created"] == {"made": text("caf!\n")}
