# The test itself says which; an error comes before it does.
lambda { |stdout, stderr, _status|
  return :amber unless stderr.empty?
  output = stdout.scrub('')
  return :red if output.match?(/^FAILED/)
  output.match?(/^PASSED/) ? :green : :amber
}
