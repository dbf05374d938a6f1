"""The errors of the pool: one root class, with the facts as attributes."""


def plain(words: object) -> str:
    """An engine's words as a text that can be encoded, even if its JSON held half a surrogate."""
    return str(words).encode("utf-8", "replace").decode()


class PoolError(Exception):
    """The root of all errors that this package raises on purpose."""


class PoolClosedError(PoolError):
    """The pool is draining, so it hands out no more containers."""


class PoolRetiredError(PoolClosedError):
    """The image's pool was retired.

    The image was replaced or removed, or its containers are of another kind now. A caller should
    find out anew which container the image needs, and ask for it; that may open a new pool.
    """


class EngineError(PoolError):
    """The engine refused or failed an operation.

    - `operation` is the call that failed: create, attach, start, ready, exec, stats, network,
      remove, list, list images, inspect, read, pull, load, events, info or version. It is `warm`
      if a container ended by itself right after its ready mark.
    - `status` is the engine's HTTP status; it is 0 if the engine could not be asked, or did not
      answer in time.
    - `message` has the engine's own words, as a text that can be encoded; of very many, the middle
      is left out.
    """

    def __init__(
        self, operation: str, message: str, *, status: int = 0, image: str = "", container: str = ""
    ) -> None:
        self.operation = operation
        self.message = plain(message)
        super().__init__(f"{operation} {container or image}: {self.message}")
        self.status = status
        self.image = image
        self.container = container

    @property
    def may_pass(self) -> bool:
        """Whether the fault may be the engine's, and not the image's, so that it may pass."""
        return self.status >= 500


class UnansweredError(EngineError):
    """The engine could not be asked, or gave no sensible answer in time.

    `advice` tells an operator what to do about it; the message names nothing of the host.
    """

    def __init__(
        self,
        operation: str,
        message: str,
        *,
        advice: str = "",
        image: str = "",
        container: str = "",
    ) -> None:
        super().__init__(operation, message, image=image, container=container)
        self.advice = advice

    @property
    def may_pass(self) -> bool:
        """True: the fault is the engine's."""
        return True


class ImageMissingError(EngineError):
    """The image is not on this node."""
