tsc --strict --target es2020 --module commonjs --outDir /tmp/js ./*.ts && node --test /tmp/js
