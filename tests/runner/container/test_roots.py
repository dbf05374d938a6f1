"""Roots: what operators say of them, what runs have shown, and for how long that holds."""

from typing import Any

import pytest

from runner.container.profile import Home, ImageProfile
from runner.container.roots import MOST_IN_VAIN, PAUSE_S, REMEMBERED_S, Roots

NAME = "ghcr.io/me/gcc:1"
PROFILE = ImageProfile("sha256:1", Home.TMPFS, None)


class Clock:
    """A clock that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def is_writable(roots: Roots) -> bool:
    """Whether the image gets a writable root now."""
    return roots.needs_of(NAME, PROFILE).writable_root


def test_what_a_run_has_shown_is_remembered_for_a_while() -> None:
    """The image gets a writable root for an hour; then it has to be shown anew."""
    clock = Clock()
    roots = Roots(now_s=clock)
    assert (is_writable(roots), roots.may_try(NAME, "sha256:1")) == (False, True)

    roots.tried(NAME, PROFILE, changed=True)

    assert (is_writable(roots), roots.may_try(NAME, "sha256:1")) == (True, False)
    assert "failed on a read-only root" in roots.why(NAME)
    clock.now_s += REMEMBERED_S
    assert (is_writable(roots), roots.may_try(NAME, "sha256:1")) == (False, True)
    assert not roots.why(NAME)


def test_what_was_shown_of_an_image_is_of_that_id() -> None:
    """A new image of the same name begins anew."""
    roots = Roots(now_s=Clock())

    roots.tried(NAME, PROFILE, changed=True)

    assert not roots.needs_of(NAME, ImageProfile("sha256:2", Home.TMPFS, None)).writable_root


def test_tries_in_vain_end() -> None:
    """After a few runs that showed nothing none is made again for ten minutes."""
    clock = Clock()
    roots = Roots(now_s=clock)

    for _ in range(2):
        for _ in range(MOST_IN_VAIN):
            assert roots.may_try(NAME, "sha256:1")
            roots.tried(NAME, PROFILE, changed=False)
        assert not roots.may_try(NAME, "sha256:1")
        assert roots.may_try(NAME, "sha256:2")
        clock.now_s += PAUSE_S

    assert not is_writable(roots)


@pytest.mark.parametrize("prefix", ["ghcr.io", "ghcr.io/me", NAME])
def test_operators_pin_images(prefix: str) -> None:
    """Operators pin images by the beginnings of their names, and no run of them is made again."""
    for pinned, writable in (({"read_only": (prefix,)}, False), ({"writable": (prefix,)}, True)):
        roots = Roots(**pinned, now_s=Clock())  # type: ignore[arg-type]
        roots.tried(NAME, PROFILE, changed=True)

        assert is_writable(roots) == writable
        assert not roots.may_try(NAME, "sha256:1")


def test_read_only_comes_first() -> None:
    """An image that both settings name has a read-only root."""
    assert not is_writable(Roots(read_only=("ghcr.io/me/gcc",), writable=("ghcr.io/me",)))


def test_writable_roots_can_be_forbidden() -> None:
    """Nothing makes a root writable then."""
    roots = Roots(allowed=False, writable=("ghcr.io",), now_s=Clock())
    roots.tried(NAME, PROFILE, changed=True)

    assert (is_writable(roots), roots.may_try(NAME, "sha256:1")) == (False, False)


def test_the_reason_is_logged_once(logs: list[dict[str, Any]]) -> None:
    """However many runs an image has, and however often its need is found out anew."""
    clock = Clock()
    roots = Roots(now_s=clock)
    for _ in range(2):
        roots.tried(NAME, PROFILE, changed=True)
        assert is_writable(roots)
        clock.now_s += REMEMBERED_S

    [event] = [one for one in logs if one["message"] == "an image needs containers of its own kind"]
    assert (event["image"], event["root"], event["cells"]) == (NAME, "writable", False)
