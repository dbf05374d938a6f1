# The script in which a container waits, long before its request. A container for one run reads it from its
# stdin when it is started (lockdown.py), so that the command line of its init stays short.
#
# It says that it is ready, reads one hand-over (docs/protocol.md) from stdin and runs /.dojo/main.sh.
# The payload is a tgz in which NUL and backslash are written as \0000 and \\, so that bash itself can
# take exactly `length` bytes off a stream that stays open, and any bash can: no head, no dd, no end
# of file. Needs bash, tar and gzip.
# In a cell, as `bash -p -c ENTRY entry 3`, the header has no nonce, as the cell's first process answers; that
# process also unpacks the payload, and says so by a line on descriptor 3. Our own outputs then lead
# nowhere: the learner's program could write to whatever they are.
#
# The image's variables are the program's, whatever they are called. So ours begin with _dojo_, as a bash
# exports again what it was given; and `bash -p` heeds neither the image's BASH_ENV, SHELLOPTS, BASHOPTS and
# CDPATH, nor its functions. TMOUT would end a `read`.

# Those that a bash changes while it runs; main.sh gives them to the program as they were.
_dojo_heeded=()
while IFS= TMOUT=0 read -r -d '' _dojo_line; do
  case $_dojo_line in
    SHELLOPTS=* | BASHOPTS=* | POSIXLY_CORRECT=*) _dojo_heeded+=("$_dojo_line") ;;
  esac
done </proc/$$/environ
set +o posix

field() {
  IFS= TMOUT=0 read -r -d '' "$1"
}

unpack() {
  if [[ $_dojo_cell ]]; then
    TMOUT=0 read -r -u "$_dojo_cell" _dojo_line && exec {_dojo_cell}<&-
    return
  fi
  local LC_ALL=C _dojo_payload # count bytes, whatever the image's locale
  IFS= TMOUT=0 read -r -N "$1" _dojo_payload || return 1
  printf '%b' "$_dojo_payload" | {
    unset TAR_OPTIONS GZIP POSIXLY_CORRECT
    exec tar -xzf - -C /
  }
}

_dojo_cell=$1
printf 'dojo-runner: ready\n'
# shellcheck disable=SC2154 # `field` assigns the names that it is given
if { [[ $_dojo_cell ]] || field _dojo_nonce; } && field _dojo_limit_s && field _dojo_whole &&
  field CYBER_DOJO_ID && field CYBER_DOJO_IMAGE_NAME && field _dojo_length &&
  unpack "$_dojo_length"; then
  [[ $_dojo_cell ]] && exec >/dev/null 2>&1
  export CYBER_DOJO_ID CYBER_DOJO_IMAGE_NAME
  # shellcheck source=runner/container/inside/main.sh
  . /.dojo/main.sh "$_dojo_nonce" "$_dojo_limit_s" "$_dojo_whole" "$_dojo_cell"
else
  exit 1
fi
