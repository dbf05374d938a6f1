# A cache that cannot be written to is an error here, and not only slow.
touch "$CCACHE_DIR/is-writable" || exit 1
make --silent
