"""Names of images."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool.image_name import LONGEST_NAME, PATTERN, full_name, is_id, is_well_formed, usual_name

DIGEST = "sha256:" + "0123456789abcdef" * 4

GOOD = [
    "alpine", "alpine:3.20", "alpine:latest", "cyberdojofoundation/gcc_assert", "a", "a1",
    "cyberdojo/gcc_assert:93eefc6", "localhost/a", "localhost:5000/a", "my.registry/a/b/c:x",
    "my.registry:443/a-b/c__d/e.f:V1.2-x_y", "ghcr.io/cyber-dojo-languages/clang:1",
    f"alpine@{DIGEST}", f"alpine:3@{DIGEST}", f"localhost:5000/a/b@{DIGEST}", "a---b", "UPPER.io/a",
    "Localhost:1/a", "a:" + "x" * 128,
]  # fmt: skip
BAD = [
    "", " ", "a b", "a\n", "\na", "a\nb", "Alpine", "a/B", "user/Upper:1", "..", "../a", "a/../b",
    "a//b", "/a", "a/", "a:", ":a", "a:b:c", "a@", "a@b", "a@sha256:", "a@sha256:xyz", "-a", "a-",
    "a?b", "a%b",
    "_a", "a_", "a___b", "a..b", "a._b", "alpine; rm", "$(id)", "`id`", "a:-b", "a:.b", "é", "a\0",
    "a:" + "x" * 129, "-host.io/a", "host-.io/a", "host.io:x/a", "host.io:/a", ".io/a",
    "http://a/b", "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_an_engine_could_know_is_well_formed(name: str) -> None:
    """Host, path, tag and digest are those of Docker's grammar."""
    assert is_well_formed(name)


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_malformed(name: str) -> None:
    """Nothing that an engine would refuse, or a shell would read otherwise, gets through."""
    assert not is_well_formed(name)


@pytest.mark.parametrize(
    ("name", "usual", "full"),
    [
        ("gcc", "gcc:latest", "docker.io/library/gcc:latest"),
        ("gcc:3", "gcc:3", "docker.io/library/gcc:3"),
        ("library/gcc", "gcc:latest", "docker.io/library/gcc:latest"),
        ("docker.io/gcc", "gcc:latest", "docker.io/library/gcc:latest"),
        ("docker.io/library/gcc:3", "gcc:3", "docker.io/library/gcc:3"),
        ("index.docker.io/library/gcc", "gcc:latest", "docker.io/library/gcc:latest"),
        ("docker.io/me/gcc", "me/gcc:latest", "docker.io/me/gcc:latest"),
        ("library/a/b", "library/a/b:latest", "docker.io/library/a/b:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest", "localhost:5000/a:latest"),
        ("localhost:5000/a:1", "localhost:5000/a:1", "localhost:5000/a:1"),
        ("GHCR.io/a:1", "GHCR.io/a:1", "ghcr.io/a:1"),
        (f"a@{DIGEST}", f"a@{DIGEST}", f"docker.io/library/a@{DIGEST}"),
        (f"a:1@{DIGEST}", f"a:1@{DIGEST}", f"docker.io/library/a:1@{DIGEST}"),
        (DIGEST, DIGEST, DIGEST),
        ("Not A Name", "Not A Name", "Not A Name"),
    ],
)
def test_names_of_one_image(name: str, usual: str, full: str) -> None:
    """Docker Hub and its library may be left out, no tag means `:latest`, and a port is no tag."""
    assert (usual_name(name), full_name(name)) == (usual, full)
    assert full_name(usual) == full


@pytest.mark.parametrize("name", [DIGEST, DIGEST[7:], "sha256:ab", "sha256:0", "sha512:abc"])
def test_what_an_engine_takes_for_an_id(name: str) -> None:
    """An id is known with or without the name of its algorithm, and by its beginning."""
    assert is_id(name)


@pytest.mark.parametrize(
    "name", ["gcc", "sha256", "sha256:latest", "abcd", "a" * 63, f"a@{DIGEST}", f"me/{DIGEST}", ""]
)
def test_what_is_no_id(name: str) -> None:
    """A name is no id, though it may look like one in parts."""
    assert not is_id(name)


@given(st.text() | st.text(alphabet="abA0._-/:@", max_size=40))
def test_a_usual_name_is_final(name: str) -> None:
    """The usual name of a usual name is itself; well formed stays well formed."""
    usual = usual_name(name)

    assert usual_name(usual) == usual
    assert full_name(full_name(name)) == full_name(name)
    if is_well_formed(name) and len(name) < 400:
        assert is_well_formed(usual)
        assert is_well_formed(full_name(name))


@given(st.text(alphabet="abA0._-/:@ \n", max_size=40))
def test_what_is_well_formed_is_one_plain_word(name: str) -> None:
    """No blank, no line's end, nothing that climbs, no option."""
    if is_well_formed(name):
        assert name.split() == [name]
        assert ".." not in name
        assert not name.startswith(("-", "/", "."))


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_the_pattern_knows_the_same_names(name: str) -> None:
    """The pattern that clients are told allows exactly the names that the daemon takes."""
    assert (matches(name) and len(name) <= LONGEST_NAME) == is_well_formed(name)


@given(st.text("ab.:_-@/0Z", max_size=12))
def test_the_pattern_knows_the_same_names_of_all(name: str) -> None:
    """The pattern and the parser agree on names with any dots, colons and slashes."""
    assert matches(name) == is_well_formed(name)


def matches(name: str) -> bool:
    """Whether the pattern does; a JSON schema's `$` is the very end of the text."""
    return re.search(PATTERN.replace("$", r"\Z"), name) is not None
