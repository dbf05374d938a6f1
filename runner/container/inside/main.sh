# As /.dojo/main.sh NONCE LIMIT_S WHOLE [CELL]: runs the learner's cyber-dojo.sh and answers on stdout.
#
# The answer is a line with the nonce, tar archives one after the other, and a last line
# `NONCE done` or `NONCE timed_out`. The archives hold /.dojo/{stdout,stderr,status} and all
# regular files of /sandbox. A file of up to 64 KiB is whole; of a larger one there is only the
# beginning (beginnings.sh). But a file of a sent file's size, which WHOLE (`find` tests) names, is
# whole, because nobody could tell otherwise whether it has changed. This needs bash, tar and find;
# not even cat or sleep.
#
# The learner's program has our user, so it can write to every file that we can. Therefore no code
# that runs after the program is read from a file: bash has all of this one in memory before it starts
# the program, and has looked up the programs that the harvest needs.
# /.dojo is a file system of its own, so that a program that fills /tmp does not lose its output.
# Until the program is started only names with _dojo_ are assigned: see entry.sh.

# Our own processes. entry.sh counts them before the image's warm-up, which may have left others.
[[ ${_dojo_at_start[0]} ]] || _dojo_at_start=(/proc/[0-9]*)
TMOUT=0 read -r -a _dojo_load_at_start </proc/loadavg
[[ $4 ]] || hash bash tar find head 2>/dev/null

# The program gets as the image has it what this bash was told to ignore, or has changed.
as_the_image_has_it() {
  local _dojo_line _dojo_option IFS=:
  set +o monitor +o privileged
  # shellcheck disable=SC2154 # by entry.sh
  for _dojo_line in "${_dojo_heeded[@]}"; do
    case $_dojo_line in
      POSIXLY_CORRECT=*) export POSIXLY_CORRECT="${_dojo_line#*=}" ;;
      BASHOPTS=*) for _dojo_option in ${_dojo_line#*=}; do shopt -s "$_dojo_option" || :; done ;;
      *) for _dojo_option in ${_dojo_line#*=}; do set -o "$_dojo_option" || :; done ;;
    esac
  done 2>/dev/null
}

# The program is a process group of its own, so that all of it can be told to end. The subshell
# waits for it and passes its status through a pipe, because `read` has a time limit and `wait`
# has none.
exec 3< <(
  set -m
  (
    as_the_image_has_it
    exec bash ./cyber-dojo.sh </dev/null >/.dojo/stdout 2>/.dojo/stderr
  ) &
  set +m
  printf '%d\n' "$!"
  wait "$!"
  printf '%d\n' "$?"
)
# The program has started with these; our own bash, tar and find must not obey them.
unset BASH_ENV TMOUT POSIXLY_CORRECT TAR_OPTIONS
nonce=$1
limit_s=$2
whole=$3
cell=$4
read -r -u 3 group || exit 1
ended='done'
read -r -t "$limit_s" -u 3 status
read_status=$?
if ((read_status > 128)); then
  ended=timed_out
  # A second for traps on TERM and EXIT, and their output. It is for the whole group, because the
  # program's script may end before the processes that it has started.
  kill -TERM -- "-$group"
  for ((tries = 0; tries < 100; tries++)); do
    kill -0 -- "-$group" 2>/dev/null || break
    read -r -t 0.01 # our stdin stays silent: a nap
  done
elif ((read_status)); then
  exit 1 # the program killed the subshell: there is no status, and no answer
fi

# Every process that still runs, in whichever group or session, ends here in one step (kill(-1)
# spares only the caller and PID 1), also those of the image's warm-up. So no process changes files
# during the harvest, or leaves no room for its processes.
for ((tries = 0; tries < 500; tries++)); do
  kill -KILL -- -1 2>/dev/null
  processes=(/proc/[0-9]*)
  ((${#processes[@]} <= ${#_dojo_at_start[@]})) && break
  read -r -t 0.001
done

LC_ALL=C
cd / || exit 1

# The status is written over all of the four blanks that came with the hand-over. That needs no room,
# so it works even if the program has filled the file system.
[[ $status ]] && printf '%-4s' "$status" 1<>/.dojo/status

# In a cell the first process answers in the same way once we have ended; our status tells it how.
if [[ $cell ]]; then
  [[ $ended == timed_out ]] && exit 3
  exit 0
fi

# What the run took of the machine. Bash has most of the kernel's counters by itself. Processes that
# were left over count for the container's init, in hundredths of a second.
used() {
  local file peak='' line load inits
  read -r -a load </proc/loadavg
  for file in /sys/fs/cgroup/{memory.peak,memory/memory.max_usage_in_bytes}; do
    [[ -r $file ]] && read -r peak <"$file" && break
  done
  read -r line </proc/1/stat
  # shellcheck disable=SC2206 # numbers; a here-string may need room in /tmp
  inits=(${line##*) })
  printf 'memory %s\nstarted %d\ncpu ' "$peak" $((load[4] - _dojo_load_at_start[4] - 1))
  printf '%d.%02d0s ' $(((inits[13] + inits[14]) / 100)) $(((inits[13] + inits[14]) % 100))
  times
}
# This is written over blanks, too, like the status.
used 2>/dev/null 1<>/.dojo/used

harvest=(.dojo/{stdout,stderr,status,used})
[[ $ended == timed_out ]] || harvest+=(sandbox)
bash=${BASH_CMDS[bash]} tar=${BASH_CMDS[tar]} find=${BASH_CMDS[find]}
# shellcheck disable=SC2154 # the text of beginnings.sh, assigned before this script
run=("$bash" -p -c "$_dojo_beginnings" bash)
begin=("${run[@]}" beginnings "${BASH_CMDS[head]}")

# FOLDER; nobody can have put anything else in the place of that name. Two pages: more would take longer.
is_full() {
  printf '%8192s' '' 2>/dev/null >"$1/$nonce" && return 1
  [[ $({ printf '%8192s' '' >"$1/$nonce"; } 2>&1) == *'No space left on device'* ]]
}

printf '%s\n' "$nonce"
# The outputs come first, so that they are there when the rest is too much to be read.
# $whole is split into words on purpose: it is a list of tests, of digits and blanks only.
# shellcheck disable=SC2086
# No parentheses around -exec: BusyBox never runs what is left for a `+` inside them.
"$find" "${harvest[@]}" -type f \( -size -65537c $whole \) -exec "$tar" -cf - {} + \
  -o -type f -path '.dojo/*' -exec "${begin[@]}" {} \; \
  -o -type f -exec "${begin[@]}" {} + 2>/dev/null
full=
for folder in /tmp /sandbox /home/sandbox; do
  is_full "$folder" && full+="$folder "
done
[[ $full ]] && "${run[@]}" put_text .dojo/full "$full"
printf '%s %s\n' "$nonce" "$ended"
