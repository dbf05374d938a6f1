# What `go test` says of a package. What does not compile fails, too, and says so.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('')
  return :amber if output.match?(/\[(?:build|setup) failed\]/)
  return :red if output.match?(/^--- FAIL: /)
  output.match?(/^ok\s/) ? :green : :amber
}
