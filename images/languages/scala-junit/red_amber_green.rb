# The launcher's summary. What does not compile has none.
lambda { |stdout, _stderr, _status|
  output = stdout.scrub('')
  failed = output[/^\[ +(\d+) tests failed +\]$/, 1]
  passed = output[/^\[ +(\d+) tests successful +\]$/, 1]
  return :amber if failed.nil? || passed.nil?
  return :red unless failed == '0'
  passed == '0' ? :amber : :green
}
