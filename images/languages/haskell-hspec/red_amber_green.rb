# hspec's last line. What does not compile has none.
lambda { |stdout, _stderr, _status|
  counts = stdout.scrub('').scan(/^(\d+) examples?, (\d+) failures?/).last
  return :amber if counts.nil? || counts[0] == '0'
  counts[1] == '0' ? :green : :red
}
