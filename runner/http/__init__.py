"""HTTP: the only room that knows its statuses."""
