"""The error by which any part of this room refuses a request."""


class RequestError(Exception):
    """The request cannot be carried out: an HTTP status, and a message that names the field."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
