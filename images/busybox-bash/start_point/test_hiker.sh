. ./hiker.sh || exit 2

if [ "$(answer)" = 42 ]; then
  echo All tests passed
else
  echo "expected 42 but was $(answer)"
  exit 1
fi
