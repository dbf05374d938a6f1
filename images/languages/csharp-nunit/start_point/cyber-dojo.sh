NUNIT=/usr/lib/cli/nunit.framework-2.6.3/nunit.framework.dll

mcs -debug -target:library -out:/tmp/tests.dll "-r:$NUNIT" ./*.cs || exit 2
# So that a stack trace has the lines.
export MONO_ENV_OPTIONS=--debug
nunit-console -nologo -nodots -noshadow -noresult /tmp/tests.dll
