# Run as a kata in an image that is looked at, as a learner's program would be: prints facts, a line
# for each, with a tab between its fields.
printf 'user\t%s\t%s\n' "$UID" "${GROUPS[0]}"
if [ -w "$HOME" ]; then writable=yes; else writable=no; fi
printf 'home\t%s\t%s\n' "$HOME" "$writable"
# Places that the user may write to by their permissions; a read-only file system shows in -w alone.
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /sandbox -o -path /tmp -o -path "$HOME" \) -prune \
    -o \( -type d -o -type f \) \
    \( -perm -0002 -o -user 41966 -perm -0200 -o -group 51966 -perm -0020 \) -print -prune 2>/dev/null |
    while IFS= read -r place; do
        if [ -w "$place" ]; then writable=yes; else writable=no; fi
        printf 'place\t%s\t%s\n' "$place" "$writable"
    done
exit 0
