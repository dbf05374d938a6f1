# The runner's summary: TAP's, or that of its reporter "spec". A file that cannot be read is a test that fails.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('')
  return :amber if output.match?(/SyntaxError|ReferenceError/)
  return :amber unless (failed = output[/^\S+ fail (\d+)$/, 1])
  failed == '0' && output.match?(/^\S+ pass [1-9]/) ? :green : :red
}
