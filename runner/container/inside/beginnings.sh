# beginnings HEAD FILE...: prints the beginnings of files that are too large to be returned whole.
# put_text NAME TEXT: prints an archive's member of that name.
#
# They are printed as members of a tar archive: the program's outputs under their own names, and of any other
# file the beginning as .dojo/cut/PID.N, and its name as PID.N.name. A beginning has 51201 bytes, one
# more than a text may have, so the daemon sees that it was truncated. The number of files that were too
# many to be read is in .dojo/left_out/PID.
#
# This text comes before main.sh in one file, which bash reads into memory before the learner's program
# starts. It is also the command of the shells that `find` starts, as `bash -p -c TEXT bash FUNCTION ARGUMENT...`.
# So no file that the program could write to is executed after it. Nothing is written to a file either, so
# this works even if the program has filled all file systems.

# Bash cannot hold a NUL: `parts` is the beginning, cut at its NULs, and `size` the size of all of it. It ends
# early after so many NULs in a row (0: never).
read_parts() {
  local IFS= most_nuls=$1 left=51201 empty=0 part
  parts=()
  while ((left > 0)) && read -r -d '' -n "$left" part; do
    parts+=("$part")
    ((left -= ${#part} + 1))
    if [[ $part ]]; then empty=0; elif ((++empty == most_nuls)); then break; fi
    part=
  done
  size=51201
  if ((left >= 0)); then
    parts+=("$part") # what follows the last NUL
    size=$((size + ${#part} - left))
  fi
}

# The header for NAME, of plain letters; `size` bytes follow it. In GNU's format, without owner and time.
put_header() {
  local octal code text sum place
  printf -v zeros '%512s' ''
  zeros=${zeros// /\\0}
  printf -v octal '%011o' "$size"
  sum=$((8 * 32 + 671)) # the blanks in the checksum's place, "ustar  " and the type
  text=${1}0000644$octal
  for ((place = 0; place < ${#text}; place++)); do
    printf -v code %d "'${text:place:1}"
    ((sum += code))
  done
  printf "%s${zeros:0:2*(100-${#1})}%s\0${zeros:0:32}%s\0${zeros:0:24}%06o\0 0${zeros:0:200}ustar  \0${zeros:0:494}" \
    "$1" 0000644 "$octal" "$sum"
}

put_filling() {
  printf %s "${zeros:0:(512-size%512)%512}" # any bytes fill a block
}

# The member NAME, whose content is `parts`.
put_member() {
  put_header "$1"
  printf %s "${parts[0]}"
  ((${#parts[@]} == 1)) || printf '\0%s' "${parts[@]:1}"
  put_filling
}

# An output FILE, which counts as a text whatever is in it. Bash needs a second for 50,000 NULs. An image
# may lack `head`, or have one that cannot count bytes.
put_output() {
  if "$head" -c 0 /dev/null 2>/dev/null; then
    size=51201
    put_header "$1"
    "$head" -c "$size" "$1"
    put_filling
  else
    read_parts 0 <"$1" && put_member "$1"
  fi
}

# NAME TEXT
put_text() {
  local LC_ALL=C parts=("$2") size zeros
  size=${#2}
  put_member "$1"
}

# HEAD is the path of the image's `head`, or empty.
beginnings() {
  local head=$1 file n=0 left_out=0 parts size zeros
  local LC_ALL=C # count bytes
  shift
  for file; do
    if ((n == 200 || SECONDS >= 3)); then # the harvest has to end, too
      ((left_out++))
      continue
    fi
    ((n++))
    if [[ $file == .dojo/std??? ]]; then
      put_output "$file"
      continue
    fi
    # Six NULs in a row are in no text of any encoding, so the file is none.
    read_parts 6 <"$file" || continue
    put_member ".dojo/cut/$$.$n"
    put_text ".dojo/cut/$$.$n.name" "$file"
  done
  ((left_out)) && put_text ".dojo/left_out/$$" "$left_out"
}

SECONDS=0 # the image may say something else
"$@"
