"""What Schemathesis also looks at in every answer; it loads this file by itself."""

import schemathesis


@schemathesis.check
def no_bug(_context: object, response: schemathesis.Response, _case: object) -> None:
    """The contract answers wrong values with 500, so a status says nothing. This message does."""
    assert b"unexpected error" not in response.content
