"""Settings of the images that clients may name, and of their pulls."""

from pydantic import Field, field_validator

from runner.configuration.allowed_images import AllowedImages
from runner.configuration.lists import Names
from runner.configuration.subject import Subject


class ImageSettings(Subject):
    """Images that clients name."""

    allowed_images: Names = Field(
        (), description="beginnings of names that clients may use, separated by commas; empty: any"
    )
    """beginnings of the names of images that clients may name, separated by commas; empty allows
    every name. An entry ends where a part of a name ends: `ghcr.io/me` allows `ghcr.io/me/gcc:1`,
    and not `ghcr.io/me2/gcc`. A registry is `ghcr.io` or, with a port, `registry:5000/`. `gcc:12`
    allows that tag alone. A single word stands for an image of Docker's library and also for an
    organisation on Docker Hub: `cyberdojofoundation` allows all of its images. A request for
    another image is answered with 403, and a sibling's notice about one warms nothing

    Clients must not choose any image. By default the daemon pulls and runs every image that a
    client names.
    """
    image_ids: bool = Field(False, description="whether clients may name an image by its id")
    """whether clients may also name an image by its id (`sha256:...`), which leads to any image of
    the node, whatever is allowed

    You try out images that have no name, and no stranger reaches the daemon.
    """
    pulls_at_once: int = Field(4, ge=1, le=100, description="pulls that go on at the same time")
    """how many images are pulled at the same time

    If the network or the registry is slow, set fewer, so that each pull ends sooner.
    """
    pulls_queue: int = Field(
        60, ge=0, le=10_000, description="how many more pulls may wait; others are refused"
    )
    """how many more pulls may wait. A request for a further image that is not on the node is
    answered with 503

    A new node is asked for more languages than this at the same time.
    """

    @property
    def allowed(self) -> AllowedImages:
        """Which images clients and siblings may name."""
        return AllowedImages(self.allowed_images, ids=self.image_ids)

    @field_validator("allowed_images")
    @classmethod
    def _can_be_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowedImages(value)
        return value
