#!/bin/sh
# Puts BusyBox into /scratch, and a link to it for everything that it can be.
set -eu

cp /bin/busybox /scratch/bin/
for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "/scratch/bin/$applet"
done
