JUNIT=/usr/share/java/junit-platform-console-standalone.jar

javac -Xlint:unchecked -Xlint:deprecation -cp ".:$JUNIT" ./*.java || exit 2
java -jar "$JUNIT" --disable-banner --disable-ansi-colors --details=tree --details-theme=ascii \
  --class-path . --scan-class-path
