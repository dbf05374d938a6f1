"""Images that are made warm because somebody wishes it: a client, an operator or the settings."""
