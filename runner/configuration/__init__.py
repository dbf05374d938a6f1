"""The settings, subject by subject, and the forms in which operators write their values."""
