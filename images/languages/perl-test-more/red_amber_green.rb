# prove sums up in its last lines. What does not compile has planned tests that were not run.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('')
  return :amber if output.match?(/^\s*Parse errors:|^syntax error|^BEGIN failed/)
  return :red if output.match?(/^Result: FAIL/)
  output.match?(/^Result: PASS/) ? :green : :amber
}
