# PHPUnit's last lines. What cannot be read has others.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('')
  return :amber if output.match?(/Parse error|ParseError|^ERRORS!/)
  return :red if output.match?(/^FAILURES!/)
  output.match?(/^OK \([1-9]/) ? :green : :amber
}
