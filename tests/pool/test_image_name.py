"""Names of images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool.image_name import is_well_formed, with_tag

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
    ("name", "tagged"),
    [
        ("alpine", "alpine:latest"),
        ("alpine:3", "alpine:3"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("localhost:5000/a:1", "localhost:5000/a:1"),
        (f"a@{DIGEST}", f"a@{DIGEST}"),
        (f"a:1@{DIGEST}", f"a:1@{DIGEST}"),
    ],
)
def test_no_tag_means_latest(name: str, tagged: str) -> None:
    """A name with neither tag nor digest means `:latest`; a port is no tag."""
    assert with_tag(name) == tagged


@given(st.text())
def test_a_tag_is_added_once(name: str) -> None:
    """Adding it to what has it changes nothing, and well formed stays well formed."""
    tagged = with_tag(name)

    assert with_tag(tagged) == tagged
    assert is_well_formed(tagged) == is_well_formed(name)


@given(st.text(alphabet="abA0._-/:@ \n", max_size=40))
def test_what_is_well_formed_is_one_plain_word(name: str) -> None:
    """No blank, no line's end, nothing that climbs, no option."""
    if is_well_formed(name):
        assert name.split() == [name]
        assert ".." not in name
        assert not name.startswith(("-", "/", "."))
