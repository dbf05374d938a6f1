"""The container engine, as the service sees it."""
