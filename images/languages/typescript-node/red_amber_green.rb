# tsc's errors, and the runner's summary.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('')
  return :amber if output.match?(/error TS\d+:/)
  return :amber unless (failed = output[/^\S+ fail (\d+)$/, 1])
  failed == '0' && output.match?(/^\S+ pass [1-9]/) ? :green : :red
}
