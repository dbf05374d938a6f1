"""The HTTP statuses, and the header, that a client of the API has to know."""

OK = 200
BUSY = 503  # ask again after the seconds that Retry-After names
ASKS_FOR_TIMINGS = "X-Dojo-Timings"  # with the value 1, of a run
