"""Files that the manifest hides."""

from tests.runner.http.support import RUN, text
from tests.serving import Served


async def test_hidden_files_are_not_returned(http: Served) -> None:
    """A pattern that matches anywhere in the name of a created or changed file hides it."""
    result = await http.run(
        "echo x >a.log; echo x >b.txt; mkdir coverage; echo x >coverage/c; echo x >sent.log",
        {"sent.log": ""},
        hidden_filenames=["\\.log$", "^coverage/"],
    )

    assert result["created"] == {"b.txt": text("x\n")}
    assert result["changed"] == {}


async def test_hidden_files_are_not_counted(http: Served) -> None:
    """The first 16 files are counted among those that may be shown."""
    result = await http.run(
        "for n in {10..40}; do echo >a$n; done; echo >b", hidden_filenames=["a1", "a2", "a3[0-9]"]
    )

    assert list(result["created"]) == ["a40", "b"]


async def test_a_pattern_that_is_none_is_refused(http: Served) -> None:
    """A text that is no pattern is 500, and the message names which one it is."""
    answer = await http.ask(RUN, http.kata("echo >a", hidden_filenames=["a", "("]))

    status, message = answer.refusal
    assert status == 500
    assert message.startswith("manifest.hidden_filenames.1: ")
