"""How operators write their settings: names of variables, addresses, and prefixes of images."""
