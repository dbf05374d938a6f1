# pytest's last line says it all ("==== 1 failed, 2 passed in 0.03s ===="; without the bars when
# quiet). Words anywhere else may be the learner's own.
lambda { |stdout, stderr, _status|
  output = (stdout + "\n" + stderr).scrub('').gsub(/\e\[[\d;]*m/, '')
  counts = output.scan(/^(?:=+ )?(\d+ [a-z ]+(?:, \d+ [a-z ]+)*) in \d+\.\d+ ?s/).flatten.last
  return :red if counts&.match?(/\bfailed\b/)
  return :green if counts&.match?(/\bpassed\b/) && !counts.match?(/\berrors?\b/)
  :amber
}
