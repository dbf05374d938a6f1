# For cyber-dojo.sh to source: tidy up what a run leaves behind. Nothing here ever fails, as many
# start points run under `set -e`.

cyber_dojo_delete_dirs() {
  local name
  for name in "$@"; do
    rm -rf -- "$name" 2>/dev/null || true
  done
}

cyber_dojo_delete_files() {
  local name
  for name in "$@"; do
    rm -f -- "$name" 2>/dev/null || true
  done
}

cyber_dojo_reset_dirs() {
  local name
  for name in "$@"; do
    rm -rf -- "$name" 2>/dev/null || true
    mkdir -p -- "$name" 2>/dev/null || true
  done
}
