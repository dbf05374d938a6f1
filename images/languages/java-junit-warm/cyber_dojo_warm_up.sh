#!/bin/bash
# Starts a JVM that has compiled and tested something, and ends once it is ready.
at=/usr/local/lib/warm-junit
exec "$at/keeper" /usr/bin/java -XX:SharedArchiveFile="$at/classes.jsa" -Xshare:auto \
  -cp "/usr/share/java/junit-platform-console-standalone.jar:$at/warm.jar" Warm "$at/sample" 1
