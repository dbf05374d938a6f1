# mocha's summary in TAP. What cannot be read has none.
lambda { |stdout, _stderr, _status|
  output = stdout.scrub('')
  failed, passed = output[/^# fail (\d+)$/, 1], output[/^# pass (\d+)$/, 1]
  return :amber if failed.nil? || passed.nil?
  return :red unless failed == '0'
  passed == '0' ? :amber : :green
}
