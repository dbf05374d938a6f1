# In this script a container waits for its run. A container for one run reads the script from its
# stdin when it is started (lockdown.py), so that the command line of its init stays short.
#
# The script says that it is ready, reads one hand-over (docs/protocol.md) from stdin and runs /.dojo/main.sh.
# The payload is a tgz in which NUL and backslash are written as \0000 and \\. So any bash can by itself
# take exactly `length` bytes off a stream that stays open, without head, dd or an end of file. This
# needs bash, tar and gzip.
# As `... entry "" HOOK` it first runs the image's own warm-up, see docs/authors.md.
# In a cell, as `bash -p -c ENTRY entry 3`, the header has no nonce, because the cell's first process answers. That
# process also unpacks the payload, and says so by a line on descriptor 3. Our own outputs are then
# /dev/null, because the learner's program can write to them.
#
# The program gets the image's variables, whatever they are called. Bash exports again each variable that it
# was given, so our own must have other names: they begin with _dojo_. `bash -p` ignores the image's BASH_ENV,
# SHELLOPTS, BASHOPTS, CDPATH and functions. TMOUT would end a `read`.

# Bash changes these variables while it runs; main.sh gives them to the program as they were.
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

# main.sh ends every process but these, and so does the code below.
_dojo_at_start=(/proc/[0-9]*)
_dojo_most_processes=48 # a warm-up may leave so many; a run has 128 in all

# This does not wait by `read -t`: the bytes on our stdin may be those of a hand-over already.
end_all() {
  local _dojo_tries _dojo_processes
  for ((_dojo_tries = 0; _dojo_tries < 2000; _dojo_tries++)); do
    kill -KILL -- -1 2>/dev/null
    _dojo_processes=(/proc/[0-9]*)
    ((${#_dojo_processes[@]} <= ${#_dojo_at_start[@]})) && break
  done
}

# Whether a warm-up left so many processes that a run would have too few. Then they are ended.
end_if_too_many() {
  local _dojo_processes=(/proc/[0-9]*)
  ((${#_dojo_processes[@]} > ${#_dojo_at_start[@]} + _dojo_most_processes)) || return 1
  end_all
  return 0
}

# The memory that the processes which a warm-up left have for themselves.
memory_kib() {
  local _dojo_process _dojo_field _dojo_size _dojo_unit
  _dojo_kib=0
  for _dojo_process in /proc/[0-9]*; do
    [[ " ${_dojo_at_start[*]} " == *" $_dojo_process "* ]] && continue
    while TMOUT=0 read -r _dojo_field _dojo_size _dojo_unit; do
      [[ $_dojo_field == RssAnon: ]] && ((_dojo_kib += _dojo_size))
    done <"$_dojo_process/status"
  done 2>/dev/null
}

now_us() {
  _dojo_now_us=${EPOCHREALTIME/[.,]/}
  [[ $_dojo_now_us ]] || printf -v _dojo_now_us '%(%s)T000000' -1 # an older bash
}

# HOOK is the image's own program; the processes that it starts are there for this run. If it fails, or has not
# ended in time, they are ended. As in main.sh a subshell waits for it, because `wait` has no time limit.
warm_up() {
  local _dojo_ended _dojo_group _dojo_status _dojo_began_us _dojo_now_us _dojo_kib _dojo_limit_s=3
  now_us
  _dojo_began_us=$_dojo_now_us
  exec {_dojo_ended}< <(
    set -m
    (
      [[ $_dojo_cell ]] && exec {_dojo_cell}<&-
      set +o monitor +o privileged
      exec "$1" </dev/null >/dev/null 2>&1
    ) &
    printf '%d\n' "$!"
    wait "$!"
    printf '%d\n' "$?"
  )
  IFS= read -r -t "$_dojo_limit_s" -u "$_dojo_ended" _dojo_group
  if ! IFS= read -r -t "$_dojo_limit_s" -u "$_dojo_ended" _dojo_status; then
    [[ $_dojo_group ]] && kill -KILL -- "-$_dojo_group" 2>/dev/null
    end_all
    _dojo_status="it has not ended after $_dojo_limit_s s"
  elif ((_dojo_status)); then
    end_all
    _dojo_status="it ended with status $_dojo_status"
  elif end_if_too_many; then
    _dojo_status="it left more than $_dojo_most_processes processes"
  else
    _dojo_status=well
  fi
  exec {_dojo_ended}<&-
  now_us
  memory_kib
  # container/warm_up.py reads this. After it nothing comes over stderr until there is a run.
  printf 'dojo-runner: warm-up %d ms, %d KiB: %s\n' \
    "$(((_dojo_now_us - _dojo_began_us) / 1000))" "$_dojo_kib" "$_dojo_status" >&2
}

_dojo_cell=$1
_dojo_hook=$2
[[ $_dojo_hook && -f $_dojo_hook && -x $_dojo_hook ]] || _dojo_hook=
[[ $_dojo_hook ]] && warm_up "$_dojo_hook"
printf 'dojo-runner: ready\n'
# shellcheck disable=SC2154 # `field` assigns the names that it is given
if { [[ $_dojo_cell ]] || field _dojo_nonce; } && field _dojo_limit_s && field _dojo_whole &&
  field CYBER_DOJO_ID && field CYBER_DOJO_IMAGE_NAME && field _dojo_length &&
  { [[ -z $_dojo_hook ]] || end_if_too_many || :; } &&
  unpack "$_dojo_length"; then
  [[ $_dojo_cell ]] && exec >/dev/null 2>&1
  export CYBER_DOJO_ID CYBER_DOJO_IMAGE_NAME
  # shellcheck source=runner/container/inside/main.sh
  . /.dojo/main.sh "$_dojo_nonce" "$_dojo_limit_s" "$_dojo_whole" "$_dojo_cell"
else
  exit 1
fi
