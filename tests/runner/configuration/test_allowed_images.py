"""Which images may be named: prefixes of their full names, whole parts of them only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool import usual_name
from runner.configuration.allowed_images import AllowedImages, ImageNotAllowedError

DIGEST = "sha256:" + "0123456789abcdef" * 4

ALLOWED = [
    ("ubuntu", "ubuntu"),
    ("ubuntu", "docker.io/library/ubuntu:22.04"),
    ("docker.io/library/ubuntu", "ubuntu:22.04"),
    ("docker.io/library/ubuntu", "index.docker.io/ubuntu"),
    ("ubuntu", f"ubuntu:22.04@{DIGEST}"),
    ("ubuntu:22.04", "docker.io/ubuntu:22.04"),
    ("ubuntu:latest", "ubuntu"),
    ("cyberdojofoundation", "cyberdojofoundation/gcc_assert:1"),
    ("cyberdojofoundation/", "cyberdojofoundation/gcc_assert:1"),
    ("cyberdojofoundation/gcc", "cyberdojofoundation/gcc:1"),
    ("cyberdojofoundation/gcc", "docker.io/cyberdojofoundation/gcc/more"),
    ("ghcr.io", "ghcr.io/a/b:1"),
    ("ghcr.io/", "GHCR.io/a"),
    ("ghcr.io/cyber-dojo-languages", "ghcr.io/cyber-dojo-languages/clang:1"),
    ("ghcr.io/cyber-dojo-languages/", "ghcr.io/cyber-dojo-languages/clang:1"),
    ("127.0.0.1:5000", "127.0.0.1:5000/x"),
    ("registry:5000/", "registry:5000/a/b:1"),
    ("localhost", "localhost/a"),
    ("docker.io", "ubuntu"),
    ("docker.io", "a/b"),
    (f"ubuntu@{DIGEST}", f"ubuntu@{DIGEST}"),
]
REFUSED = [
    ("ubuntu", "ubuntu-evil"),
    ("ubuntu", "evil/ubuntu"),
    ("ubuntu", "evil.io/ubuntu"),
    ("ubuntu", "docker.io.evil.io/library/ubuntu"),
    ("ubuntu:22.04", "ubuntu:22.041"),
    ("ubuntu:22.04", "ubuntu"),
    ("ubuntu:22.04", f"ubuntu:22.04@{DIGEST}"),  # of which an engine takes the digest alone
    ("cyberdojofoundation/", "cyberdojofoundation"),
    ("cyberdojo", "cyberdojofoundation/gcc"),
    ("cyberdojofoundation/gcc", "cyberdojofoundation/gcc_assert"),
    ("ghcr.io", "ghcr.io.evil.io/a"),
    ("ghcr.io", "ghcr.io:444/a"),
    ("ghcr.io/a", "ghcr.io/ab"),
    ("localhost", "localhost:5000/a"),
    ("registry:5000/", "registry:5001/a"),
    ("registry:5000", "registry:5000/a"),  # a tag, as it has no slash
    ("docker.io", "127.0.0.1:5999/x"),
]


@pytest.mark.parametrize(("prefix", "name"), ALLOWED)
def test_a_name_below_a_prefix_is_allowed(prefix: str, name: str) -> None:
    """A prefix allows the image of that name, its tags, and all images below it."""
    AllowedImages(("nobody/has:this", prefix)).check(name)


@pytest.mark.parametrize(("prefix", "name"), REFUSED)
def test_any_other_name_is_refused(prefix: str, name: str) -> None:
    """A prefix ends where a part of the name ends, and a host is another with another port."""
    with pytest.raises(ImageNotAllowedError, match=r"^image_name: not allowed here: "):
        AllowedImages((prefix,)).check(name)


@pytest.mark.parametrize("name", ["ubuntu", "127.0.0.1:5999/x", f"a@{DIGEST}"])
def test_without_prefixes_every_name_is_allowed(name: str) -> None:
    """An operator who lists nothing allows every name."""
    assert AllowedImages().allows(name)


@pytest.mark.parametrize("image_id", [DIGEST, DIGEST.removeprefix("sha256:"), "sha256:0123"])
def test_an_id_is_no_name(image_id: str) -> None:
    """An id leads to any image of the node, so it is refused unless ids are allowed."""
    with pytest.raises(ImageNotAllowedError, match=r"^image_name: not by its id: "):
        AllowedImages().check(image_id)

    AllowedImages(("ubuntu",), ids=True).check(image_id)


@pytest.mark.parametrize(
    "wrong",
    ["*", "ghcr.io/*", "Ubuntu", "a b", "ubuntu:", "a/b:1/", "/a", "a//b", "a/..", "http://a/",
     DIGEST, "", "/", "a.io:x/"],
)  # fmt: skip
def test_a_prefix_that_no_name_has_is_an_error(wrong: str) -> None:
    """A prefix that allows nothing is a mistake of the operator's, who is told of it."""
    with pytest.raises(ValueError, match="image"):
        AllowedImages((wrong,))


PART = st.from_regex(r"[a-z0-9]{1,3}", fullmatch=True)
NAMES = st.lists(PART, min_size=1, max_size=3).map("/".join)


@given(NAMES, st.sampled_from(["", "docker.io/", "ghcr.io/", "r:5000/"]), PART)
def test_all_names_of_an_image_are_judged_alike(path: str, host: str, tag: str) -> None:
    """What is allowed is the image, by whichever of its names."""
    name = f"{host}{path}:{tag}"
    allowed = AllowedImages((name, "docker.io/library"))

    assert allowed.allows(name)
    assert allowed.allows(usual_name(name))
    assert not allowed.allows(f"evil.io/{path}:{tag}")
