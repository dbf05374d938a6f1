erlc ./*.erl || exit 2
erl -noshell -eval 'case eunit:test(hiker_tests) of ok -> halt(0); _ -> halt(1) end.'
