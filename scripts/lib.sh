# shellcheck shell=bash
# Shared by the bash scripts beside it, which source it.

# shellcheck disable=SC2034  # for those who source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
    echo "error: $*" >&2
    exit 1
}

# step TEXT COMMAND...: one line with the seconds that COMMAND took.
step() {
    local text=$1 started=$SECONDS
    shift
    printf '%s ... ' "$text"
    "$@"
    echo "$((SECONDS - started)) s"
}

# The first Python that is new enough. Each is run: a version manager's shim can exist for a Python
# that does not.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or later found (looked for: ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}); install one, or say where: make PYTHON=..."
}
