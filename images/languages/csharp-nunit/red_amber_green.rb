# NUnit's summary. What does not compile has none.
lambda { |stdout, _stderr, _status|
  counts = stdout.scrub('').scan(/^Tests run: (\d+), Errors: (\d+), Failures: (\d+),/).last
  return :amber if counts.nil? || counts[0] == '0'
  counts[1..] == %w[0 0] ? :green : :red
}
