# As /tmp/main.sh NONCE LIMIT_S WHOLE [CELL]: runs the learner's cyber-dojo.sh and answers on stdout.
#
# The answer: a line with the nonce, tar archives one after the other, and a last line
# `NONCE done` or `NONCE timed_out`. The archives hold /tmp/dojo/{stdout,stderr,status} and all
# regular files of /sandbox, whole up to 64 KiB; of a larger one its beginning (beginnings.sh),
# unless WHOLE (`find` tests) names its size: it may be a file that was sent, and only the whole
# of it tells whether it changed. Needs bash, tar and find; not even cat or sleep.
#
# The learner's program has our user, so it can write to every file that we can. Nothing that runs
# after it is read from such a file: bash has all of this one in memory before it starts the program,
# and knows by then where the image has the programs that the harvest needs.

nonce=$1
limit_s=$2
whole=$3
cell=$4
at_start=(/proc/[0-9]*)
[[ $cell ]] || hash bash tar find head 2>/dev/null

# The program is a process group of its own, so that all of it can be told to end. The subshell
# waits for it and passes its status through a pipe, because `read` has a time limit and `wait`
# has none.
exec 3< <(
  set -m
  bash ./cyber-dojo.sh </dev/null >/tmp/dojo/stdout 2>/tmp/dojo/stderr &
  set +m
  printf '%d\n' "$!"
  wait "$!"
  printf '%d\n' "$?"
)
read -r -u 3 group || exit 1
ended='done'
read -r -t "$limit_s" -u 3 status
read_status=$?
if ((read_status > 128)); then
  ended=timed_out
  # A second for traps on TERM and EXIT, and what they print: of all of the program, as its script
  # may end before what it has started.
  kill -TERM -- "-$group"
  for ((tries = 0; tries < 100; tries++)); do
    kill -0 -- "-$group" 2>/dev/null || break
    read -r -t 0.01 # our stdin stays silent: a nap
  done
elif ((read_status)); then
  exit 1 # the program killed the subshell: there is no status, and no answer
fi

# Every process that still runs, in whichever group or session, ends here and at once (kill(-1)
# spares only the caller and PID 1). So none races with the harvest, or holds what it needs to fork.
for ((tries = 0; tries < 500; tries++)); do
  kill -KILL -- -1 2>/dev/null
  processes=(/proc/[0-9]*)
  ((${#processes[@]} <= ${#at_start[@]})) && break
  read -r -t 0.001
done

LC_ALL=C
cd / || exit 1

# Written over the four blanks that came with the hand-over, all of them: that needs no room,
# should the program have filled /tmp.
[[ $status ]] && printf '%-4s' "$status" 1<>/tmp/dojo/status

# A cell's first process answers, in the same way, once we have ended; our status tells it how.
if [[ $cell ]]; then
  [[ $ended == timed_out ]] && exit 3
  exit 0
fi

harvest=(tmp/dojo/{stdout,stderr,status})
[[ $ended == timed_out ]] || harvest+=(sandbox)
bash=${BASH_CMDS[bash]} tar=${BASH_CMDS[tar]} find=${BASH_CMDS[find]}
export -f beginnings read_parts put_header put_filling put_member put_output
begin=("$bash" -c 'beginnings "$@"' bash "${BASH_CMDS[head]}")
unset BASH_ENV # should the image have one, it may be a file of the program's by now

printf '%s\n' "$nonce"
# The outputs come first, so that they are there when the rest is too much to be read.
# $whole is split into words on purpose: it is a list of tests, of digits and blanks only.
# shellcheck disable=SC2086
# No parentheses around -exec: BusyBox never runs what is left for a `+` inside them.
"$find" "${harvest[@]}" -type f \( -size -65537c $whole \) -exec "$tar" -cf - {} + \
  -o -type f -path 'tmp/dojo/*' -exec "${begin[@]}" {} \; \
  -o -type f -exec "${begin[@]}" {} + 2>/dev/null
printf '%s %s\n' "$nonce" "$ended"
