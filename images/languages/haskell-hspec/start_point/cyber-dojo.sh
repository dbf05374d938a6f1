ghc -v0 -Wall -outputdir /tmp/built -o /tmp/tests ./*.hs || exit 2
/tmp/tests
