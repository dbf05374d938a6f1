"""The commands of the pages: each is run by a test, from the page's own words (see claims.py)."""
