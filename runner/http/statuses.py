"""The HTTP statuses that a client of the API has to know."""

OK = 200
BUSY = 503  # ask again after the seconds that Retry-After names
