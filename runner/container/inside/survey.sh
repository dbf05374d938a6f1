# The script of a survey: what the containers of an image need. It runs once for each image, as the learner's
# user, in a container that nothing of a learner's is ever in. It prints words that end with NUL;
# container/survey.py reads them.
#
# Its arguments are pairs, `overlay FOLDER`, `volume FOLDER`, or `hook FILE`: to be looked at, too. Needs bash, and
# find for all that has an owner.

# shellcheck disable=SC2128  # GROUPS: its first word is the group that we run as
shopt -s nullglob dotglob
LC_ALL=C
most=64 # places: one alone can change what the image needs
home=/home/sandbox

say() {
  printf '%s\0' "$@"
}

# Whether all that is at a path belongs to our user and to our group.
is_ours() {
  ! IFS= read -r -d '' _ < <(find "$1" -xdev \( ! -user "$UID" -o ! -group "$GROUPS" \) -print0 2>/dev/null)
}

# As far as can be seen: what may be written to and not be listed counts as empty.
is_empty() {
  local inside=("$1"/*)
  ((${#inside[@]} == 0))
}

# Whether a folder holds nothing but what another one holds by the same names.
is_copy() {
  local one twin
  for one in "$1"/*; do
    twin=$2/${one##*/}
    if [[ -h $one || -h $twin ]]; then
      return 1
    elif [[ -d $one ]]; then
      [[ -d $twin ]] && is_copy "$one" "$twin" || return 1
    else
      [[ -f $one && -f $twin && $(<"$one") == "$(<"$twin")" ]] || return 1
    fi
  done
}

say_home() {
  if [[ ! -d $home ]] || is_empty "$home"; then
    say home empty
  elif is_copy "$home" /etc/skel; then
    say home skeleton
  elif is_ours "$home"; then
    say home ours
  else
    say home others
  fi
}

say_place() {
  local holds=filled owner=others
  if [[ -O $1 ]]; then
    owner=user
  elif [[ -k $1 ]]; then
    owner=sticky
  fi
  if [[ ! -d $1 ]]; then
    holds='file'
    [[ -s $1 ]] || holds=nothing
  elif is_empty "$1"; then
    holds=empty
  elif is_ours "$1"; then
    holds=ours
  fi
  say place "$holds" "$owner" "$1"
}

# The topmost folders and the files that we may write to, or might make so. Not by -writable, or bash's -w:
# to those nothing is writable on a read-only file system.
say_places() {
  local path
  while IFS= read -r -d '' path; do
    ((most-- > 0)) || break
    say_place "$path"
  done < <(
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /sandbox -o -path /tmp -o -path "$home" \) -prune \
      -o \( -type d -o -type f \) \( -user "$UID" -o -group "$GROUPS" -perm -0020 -o -perm -0002 \) -print0 -prune 2>/dev/null
  )
}

# The name that a file in the form of /etc/passwd gives to a number.
name_of() {
  local name _ number
  while IFS=: read -r name _ number _; do
    [[ $number == "$2" ]] && say "$1" "$name" && break
  done 2>/dev/null <"$3"
}

name_of user "$UID" /etc/passwd
name_of group "$GROUPS" /etc/group
for tool in tar gzip find; do
  type -P "$tool" >/dev/null || say missing "$tool"
done
while (($# > 1)); do
  case $1 in
    overlay) [[ -d $2 ]] && say overlay "$2" ;;
    hook) [[ -f $2 && -x $2 ]] && say hook "$2" ;;
    volume) is_ours "$2" || say others "$2" ;;
  esac
  shift 2
done
for folder in /tmp "$home"; do
  [[ -d $folder && ! -h $folder ]] && say folder "$folder"
done
say_home
say_places
say end
