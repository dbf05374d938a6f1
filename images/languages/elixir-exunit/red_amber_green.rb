# ExUnit's last line but one. What does not compile has none.
lambda { |stdout, _stderr, _status|
  counts = stdout.scrub('').match(/^(\d+) tests?, (\d+) failures?/)
  return :amber if counts.nil? || counts[1] == '0'
  counts[2] == '0' ? :green : :red
}
