"""The operators' views of the service: health, metrics, logs and the live page."""
