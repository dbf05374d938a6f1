"""HTTP: requests are read and answered here, and no other room knows HTTP's statuses."""
