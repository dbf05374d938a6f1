for test in test_*.rb; do
  ruby "$test"
done
