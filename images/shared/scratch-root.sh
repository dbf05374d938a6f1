#!/bin/sh
# Makes in /scratch what every image needs that begins FROM scratch: the user sandbox, its home,
# a /tmp and the lambda for the colour.
set -eu

mkdir -p /scratch/bin /scratch/etc /scratch/home /scratch/usr/local/bin
cat >/scratch/etc/passwd <<'END'
root:x:0:0:root:/root:/bin/bash
sandbox:x:41966:51966:sandbox:/home/sandbox:/bin/bash
END
cat >/scratch/etc/group <<'END'
root:x:0:
sandbox:x:51966:
END
install -d -o 41966 -g 51966 /scratch/home/sandbox
install -d -m 1777 /scratch/tmp
install -m 0644 /shared/status_rag.rb /scratch/usr/local/bin/red_amber_green.rb
