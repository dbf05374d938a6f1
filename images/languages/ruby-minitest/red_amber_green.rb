# minitest's last line. What cannot be read has none.
lambda { |stdout, _stderr, _status|
  counts = stdout.scrub('').scan(/^\d+ runs, \d+ assertions, (\d+) failures, (\d+) errors, \d+ skips$/).last
  return :amber if counts.nil?
  counts == %w[0 0] ? :green : :red
}
