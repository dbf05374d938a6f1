# Everything from a bare Debian or Ubuntu machine to a running kata; the work is done in scripts/.
# A target that needs a Docker engine goes through scripts/with-engine, see there.

PYTHON ?=
export PYTHON
# Each test process reads what an earlier one compiled: compiling anew takes it as long as its tests.
unexport PYTHONDONTWRITEBYTECODE

# What the daemon needs, which is enough to run it; and with what only developers need.
service := .venv/.project
venv := .venv/.project .venv/.tools
with_engine := scripts/with-engine
test_with_engine = $(with_engine) --images all --tools $(TOOLS) .venv/bin/python scripts/run_tests.py
shell_scripts = scripts/lib.sh $(shell grep -rlE '^\#!.*sh$$' .ci scripts images)
# What runs inside a container has no line that names its shell: it is given to `bash -c`, or sourced.
bash_scripts = bench/harvest_each.sh $(wildcard images/*/start_point/cyber-dojo.sh images/languages/*/start_point/cyber-dojo.sh) $(wildcard runner/container/inside/*.sh) runner/doctor/inside.sh

# The commands that these targets need of the distribution, beside an engine.
test test-long coverage: export TOOLS := docker,docker-compose,clang,systemd-analyze,chromium,curl,node,openssl,git
mutants: export TOOLS := docker,clang
bench soak languages: export TOOLS := docker
fuzz: export TOOLS := clang

.DEFAULT_GOAL := help
.PHONY: help venv engine engine-stop images image demo serve test test-long languages quick fuzz coverage bench simulate lock clean mutants soak promises
.PHONY: docs picture diagrams release-check
.PHONY: check check-page check-format check-lint check-types check-imports check-words check-shell

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

venv: $(venv) ## .venv with the locked packages and this project (PYTHON=... picks the Python)
	@:

# A stamp for each part: an edit of pyproject.toml alone must not cost the installation of all packages,
# and "make demo" waits for no tool that only developers use.
.venv/.packages: deploy/image/service.lock deploy/image/build.lock requirements.lock scripts/venv
	@scripts/venv packages

.venv/.project: .venv/.packages pyproject.toml
	@scripts/venv project

.venv/.tools: .venv/.packages | .venv/.project
	@scripts/venv tools

.venv/.release: .venv/.packages release.lock | .venv/.project .venv/.tools
	@scripts/venv release

engine: $(service) ## a Docker engine that stays, for development
	@$(with_engine) --stay

engine-stop: $(service) ## stop the engine of "make engine"
	@$(with_engine) --stop

images: $(service) ## the images that the project needs; IMAGES="ruby gcc" for only some, IMAGES=languages for those of make languages
	@$(with_engine) .venv/bin/python images/build.py $(IMAGES)

image: $(service) ## the service as an image, dojo-runner/runner:latest, and those beside it
	@$(with_engine) .venv/bin/python images/service.py

demo: $(service) ## a red, an amber and a green kata over HTTP
	@$(with_engine) --images ruby,python-pytest,launcher .venv/bin/python -m scripts.demo

serve: $(service) ## the daemon in the foreground
	@$(with_engine) --images ruby,python-pytest,launcher .venv/bin/dojo-runner serve

test: $(venv) ## all tests but the long ones, and their 25 slowest; ARGS="-k name" for only some
	@$(test_with_engine) "not long and not languages" $(ARGS)

test-long: $(venv) ## the long tests: hostile programs, engines that fail, deployments, long days, the benchmark
	@$(test_with_engine) "long and not languages" $(ARGS)

# The images of all languages take gigabytes and minutes: no other command builds them.
# ARGS selects tests. They say nothing about the other languages, so nothing is measured or written then.
languages: $(venv) ## build an image for each language, try all colours and kinds, write docs/languages.md; ARGS="-k name" only tries some
	@$(with_engine) --images ruby,launcher,languages --tools $(TOOLS) $(if $(ARGS),.venv/bin/pytest -m languages tests/languages $(ARGS),\
		sh -c '.venv/bin/pytest -m languages tests/languages && .venv/bin/python -m bench languages --write-report')

# Three workers for each core, as these tests wait longer than they compute. The longest files come first
# (tests/long_files.py), so that no worker is left with one of them when the others are done. Where examples
# are random a few do here: `make test` tries them all.
quick: $(venv) ## the tests that need no engine, on all cores; ARGS="-k name" for only some
	@MOST_EXAMPLES=10 .venv/bin/pytest -m "not docker and not clang and not tools and not long" --numprocesses $$((3 * $$(nproc))) --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: $(venv) ## a minute of fuzzing for each parser of the launcher; ARGS="--seconds 600 untar" for more
	@$(with_engine) --tools $(TOOLS) .venv/bin/python -m tests.launcher.fuzz $(ARGS)
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-5000} .venv/bin/pytest -q -m fuzz --timeout 0

mutants: $(venv) ## take out one protection after the other: does a test notice? ARGS=--no-docker for the quick ones
	@$(with_engine) --images all --tools $(TOOLS) .venv/bin/python -m tests.mutants $(ARGS)

coverage: $(venv) ## the whole test suite, and which lines and branches of pool and runner it runs
	@rm -rf .state/coverage
	@$(with_engine) --images all --tools $(TOOLS) .venv/bin/coverage run -m pytest -m "not languages" $(ARGS)
	@.venv/bin/coverage combine -q
	@.venv/bin/coverage report

check: check-format check-lint check-types check-imports check-words check-shell ## all checks below; no engine

# One target for each tool, so that .pre-commit-config.yaml runs the same.
check-format: $(venv)
	.venv/bin/ruff format --check

check-lint: $(venv)
	.venv/bin/ruff check

check-types: $(venv)
	.venv/bin/mypy --strict pool runner tests
	.venv/bin/mypy --strict scripts/engine.py scripts/with_engine.py scripts/packages.py scripts/run_tests.py scripts/child.py images
	.venv/bin/mypy --strict --explicit-package-bases scripts/daemon.py scripts/demo.py scripts/picture.py scripts/diagrams.py scripts/release.py scripts/settings_page.py docs/site/hooks.py hatch_build.py bench

check-imports: $(venv)
	.venv/bin/lint-imports

check-words: $(venv)
	.venv/bin/codespell

check-shell: $(venv)
	.venv/bin/shellcheck $(shell_scripts)
	.venv/bin/shellcheck --shell=bash $(bash_scripts)

# The page needs nothing that is built, so TypeScript is no part of the project: npm brings it each time.
check-page: ## the types in the live page's scripts; needs npm, and is no part of "make check"
	npx --yes --package=typescript@7 tsc --allowJs --checkJs --noEmit --strict --target es2022 \
		--module es2022 --moduleResolution bundler --lib es2022,dom,dom.iterable runner/http/live_files/page.js

bench: $(venv) ## the benchmark; ARGS=--quick for two minutes of it, ARGS=--help for all there is
	@$(with_engine) --images all --tools $(TOOLS) .venv/bin/python -m bench $(ARGS)

soak: $(venv) ## 10,000 mixed requests to each kind of container: nothing grows; ARGS="--runs 1000 --reuse cells"
	@$(with_engine) --images all --tools $(TOOLS) .venv/bin/python -m bench soak $(ARGS)

simulate: $(venv) ## days of classes in virtual time: tables, and pictures in docs; needs no engine
	@.venv/bin/python -m bench.simulator $(ARGS)

promises: $(venv) ## write what the tests promise into docs/security.md and docs/reliability.md
	@.venv/bin/python -m tests.promises

docs: $(venv) ## the tables of docs/settings.md, and the pages as a site, .state/site/index.html
	@.venv/bin/python -m scripts.settings_page
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet
	@echo .state/site/index.html

picture: $(venv) ## docs/pictures/run.svg anew: what "dojo-runner run" shows
	@$(with_engine) --images ruby,python-pytest,launcher .venv/bin/python -m scripts.picture

diagrams: $(venv) ## docs/pictures/diagram_*.svg anew, of the diagrams in the pages; needs npm and chromium
	@.venv/bin/python -m scripts.diagrams

release-check: $(venv) .venv/.release ## what a release must pass: the wheel, its contents, an SBOM, known vulnerabilities
	@.venv/bin/python -m scripts.release

lock: ## requirements.lock anew from pyproject.toml
	@scripts/lock

clean: ## remove .venv, .state and caches; images stay
	rm -rf .venv .state .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
