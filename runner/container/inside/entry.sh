# The script in which a container waits: given to `bash -c` when it is created, long before its request.
#
# It says that it is ready, reads one hand-over (docs/protocol.md) from stdin and runs /tmp/main.sh.
# The payload is a tgz in which NUL and backslash are written as \0000 and \\, so that bash itself can
# take exactly `length` bytes off a stream that stays open, and any bash can: no head, no dd, no end
# of file. Needs bash, tar and gzip.
# In a cell, as `bash -c ENTRY entry 3`, the header has no nonce, as the cell's first process answers; that
# process also unpacks the payload, and says so by a line on descriptor 3. Our own outputs then lead
# nowhere: the learner's program could write to whatever they are.

# shellcheck disable=SC2154  # `field` assigns the names that it is given
field() {
  IFS= read -r -d '' "$1"
}

unpack() {
  if [[ $cell ]]; then
    read -r -u "$cell" && exec {cell}<&-
    return
  fi
  local LC_ALL=C payload # count bytes, whatever the image's locale
  IFS= read -r -N "$1" payload || return 1
  printf '%b' "$payload" | tar -xzf - -C /
}

cell=$1
printf 'dojo-runner: ready\n'
if { [[ $cell ]] || field nonce; } && field limit_s && field whole &&
  field CYBER_DOJO_ID && field CYBER_DOJO_IMAGE_NAME && field length &&
  unpack "$length"; then
  [[ $cell ]] && exec >/dev/null 2>&1
  unset -f field unpack
  unset length
  export CYBER_DOJO_ID CYBER_DOJO_IMAGE_NAME
  # shellcheck source=runner/container/inside/main.sh
  . /tmp/main.sh "$nonce" "$limit_s" "$whole" "$cell"
else
  exit 1
fi
