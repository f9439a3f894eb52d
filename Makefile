# The two commands of the README, and the few others worth a name.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test types suite test-all docs site accuracy audit foreign bench fmt clean

demo: .venv/stamp
	$(BIN)/cegep-audit demo

test: .venv/stamp .venv-pywb/stamp .venv/brotli/stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(MAKE) --jobs=2 --no-print-directory types suite

types: .venv/stamp
	$(BIN)/mypy

# A worker without work takes half of what another has left, so that what a module shares is seldom made twice.
# Bytecode is written, whatever the environment says: else each worker compiles all tests again.
suite: .venv/stamp .venv-pywb/stamp .venv/brotli/stamp
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist worksteal

# The same, then the quick part of the suite on every other Python found, each in an environment of its own.
test-all: test
	for python in $$($(BIN)/python tests/pythons.py); do \
	  venv=.venv-$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
	  echo "The quick part of the suite with $$python:" && \
	  $$python -m venv $$venv && \
	  $$venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.lock -e '.[dev]' && \
	  $$venv/bin/python -m pip install --quiet --disable-pip-version-check --target $$venv/brotli --upgrade -r tests/brotli.lock && \
	  $$venv/bin/pytest -n auto --dist worksteal -m 'not slow' || exit 1; \
	done

# The documentation as a site in both languages, in site/; a link that leads nowhere ends it.
site: .venv-site/stamp
	.venv-site/bin/mkdocs build --strict --quiet

# What the code writes of the papers; the tests tell when it is stale. English is asked for by the locale.
docs: .venv/stamp
	LC_ALL=en_CA.UTF-8 $(BIN)/typer cegep_audit.cli utils docs --name cegep-audit --output docs/cli.md
	$(BIN)/python docs/build/data_dictionary.py > docs/data-dictionary.md
	$(BIN)/python docs/build/json_schema.py > docs/schema.json
	$(BIN)/python tests/readme_output.py

# How exactly accounts are read on labelled pages, and which rule erred where.
accuracy: .venv/stamp
	$(BIN)/python tests/accuracy.py

# Known vulnerabilities of the packages in the lock; where no database can be asked, its age.
audit: .venv-audit/stamp
	.venv-audit/bin/python tests/lock_audit.py

# Test data that others wrote, from the folder FOREIGN: cases, right, and what differs on purpose.
foreign: .venv/stamp
	$(BIN)/python tests/foreign.py "$(FOREIGN)"

# What collecting, reporting and a cluster cost, each with its targets; a quiet machine, half an hour. See docs/performance.md.
bench: .venv/stamp .venv-peers/stamp
	status=0; \
	$(BIN)/python bench/bench_collecting.py || status=1; \
	$(BIN)/python bench/bench_report.py || status=1; \
	$(BIN)/python bench/bench_accounts.py || status=1; \
	$(BIN)/python bench/bench_scale.py || status=1; \
	$(BIN)/python bench/bench_cluster.py --sites 5000 --rounds 2 || status=1; \
	exit $$status

fmt: .venv/stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Brought up to date when the dependencies change; constraints.lock holds the versions everything was tested with.
.venv/stamp: pyproject.toml constraints.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv: this takes a minute, the first time only."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.lock -e '.[dev]'
	touch $@

# The web archive that tests read from, apart: it wants old versions of packages that others want new.
.venv-pywb/stamp: tests/pywb.lock
	$(PYTHON) -m venv .venv-pywb
	.venv-pywb/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# An extra that one test needs and another must not see.
.venv/brotli/stamp: tests/brotli.lock | .venv/stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target .venv/brotli -r $<
	touch $@

# The crawler that collecting is compared with, apart: the project does without it.
.venv-peers/stamp: bench/peers.lock
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# What looks up vulnerabilities, apart: it wants packages of its own.
.venv-audit/stamp: tests/audit.lock
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# What builds the documentation, apart: the project does without it.
.venv-site/stamp: docs/site.lock
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

clean:
	rm -rf .venv .venv-* site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo
