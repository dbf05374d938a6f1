# bats prints TAP. A file that cannot be read is a test of its own, by this name, that fails.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('')
  return :amber unless output.match?(/^1\.\.[1-9]/) && !output.match?(/syntax error|bats-gather-tests/)
  return :red if output.match?(/^not ok \d+/)
  output.match?(/^ok \d+/) ? :green : :amber
}
