# What a container waits in: given to `bash -c` when it is created, long before its request.
#
# It says that it is ready, reads one hand-over from stdin and runs /tmp/main.sh:
#   nonce NUL limit_s NUL whole NUL id NUL image_name NUL length NUL payload
# In a cell, as `bash -c ENTRY entry 3`, the launcher has unzipped the payload: it is on descriptor 3.
# Elsewhere the payload is a tgz in which NUL and backslash are written as \0000 and \\, so that bash itself
# can take exactly `length` bytes off a stream that stays open, and any bash can: no head, no dd,
# no end of file. Needs bash, tar and gzip.

field() {
  IFS= read -r -d '' "$1"
}

unpack() {
  if [[ $files ]]; then
    tar -xf - -C / <&"$files" && exec {files}<&-
    return
  fi
  local LC_ALL=C payload # count bytes, whatever the image's locale
  IFS= read -r -N "$1" payload || return 1
  printf '%b' "$payload" | tar -xzf - -C /
}

files=$1
printf 'dojo-runner: ready\n'
if field nonce && field limit_s && field whole &&
  field CYBER_DOJO_ID && field CYBER_DOJO_IMAGE_NAME && field length &&
  unpack "$length"; then
  unset -f field unpack
  unset length files
  export CYBER_DOJO_ID CYBER_DOJO_IMAGE_NAME
  . /tmp/main.sh "$nonce" "$limit_s" "$whole"
fi
