# LuaUnit's summary. What cannot be read has none.
lambda { |stdout, _stderr, _status|
  counts = stdout.scrub('')[/^Ran [1-9]\d* tests in .*$/]
  return :amber if counts.nil? || counts.match?(/[1-9]\d* errors?/)
  counts.match?(/\b0 failures\b/) || !counts.match?(/failures?/) ? :green : :red
}
