"""Replicas: telling the others of takes, and hearing them."""
