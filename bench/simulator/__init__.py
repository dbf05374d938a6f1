"""Days and classes in virtual time, on the pool's own decisions: `make simulate`."""
