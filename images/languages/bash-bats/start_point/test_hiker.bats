source ./hiker.sh

@test "life, the universe and everything" {
  run answer
  echo "expected 42 but was $output"
  [ "$output" = 42 ]
}
