JUNIT=/usr/share/java/junit-platform-console-standalone.jar
# What the JVM's thorough compiler would take is more than a kata gains by it.
QUICK=-XX:TieredStopAtLevel=1

scalac "-J$QUICK" -deprecation -feature -cp "$JUNIT" ./*.scala || exit 2
java "$QUICK" -jar "$JUNIT" --disable-banner --disable-ansi-colors --details=tree --details-theme=ascii \
  --class-path .:/usr/share/java/scala-library.jar --scan-class-path .
