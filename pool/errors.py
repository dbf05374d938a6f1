"""The errors of the pool: one root class, with the facts as attributes."""


class PoolError(Exception):
    """The root of all errors that this package raises on purpose."""


class PoolClosedError(PoolError):
    """The pool is draining: it hands out nothing more."""


class PoolRetiredError(PoolClosedError):
    """The image's pool was retired; the image may have a new one, or get one when it is asked for.

    The caller finds out anew which container the image needs: it was replaced, or removed, or its
    containers are of another kind now.
    """


class EngineError(PoolError):
    """The engine refused or failed an operation.

    `operation` is create, attach, start, ready, exec, remove, list, inspect, read, pull or events;
    `status` is the engine's HTTP status (0: it could not be asked, or did not answer in time), and
    `message` the engine's own words, whole.
    """

    def __init__(
        self, operation: str, message: str, *, status: int = 0, image: str = "", container: str = ""
    ) -> None:
        super().__init__(f"{operation} {container or image}: {message}")
        self.operation = operation
        self.message = message
        self.status = status
        self.image = image
        self.container = container

    @property
    def may_pass(self) -> bool:
        """Whether it may be trouble of the engine's own, rather than a fault of the image."""
        return self.status >= 500


class UnansweredError(EngineError):
    """The engine could not be asked, or gave no answer that makes sense in time.

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
        """It is the engine's own trouble."""
        return True


class ImageMissingError(EngineError):
    """The image is not on this node."""
