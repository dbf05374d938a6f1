for test in *Test.php; do
  phpunit --do-not-cache-result "$test"
done
