python3 -B -m pytest -p no:cacheprovider
