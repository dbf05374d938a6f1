"""The errors of the pool: one root class, with the facts as attributes."""


class PoolError(Exception):
    """The root of all errors that this package raises on purpose."""


class PoolClosedError(PoolError):
    """The pool is draining: it hands out nothing more."""


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


class ImageMissingError(EngineError):
    """The image is not on this node."""
