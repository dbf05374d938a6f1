# RUnit's summary. What cannot be read is an error.
lambda { |stdout, _stderr, _status|
  output = stdout.scrub('')
  errors, failures = output[/^Number of errors: (\d+)/, 1], output[/^Number of failures: (\d+)/, 1]
  return :amber unless errors == '0' && output.match?(/^Number of test functions: [1-9]/)
  failures == '0' ? :green : :red
}
