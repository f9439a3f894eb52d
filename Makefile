# The two commands of the README, and a few others.
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

# An idle worker takes half of another's remaining tests, so that module fixtures are rarely built twice.
# Bytecode is always written: otherwise each worker would compile all tests again.
suite: .venv/stamp .venv-pywb/stamp .venv/brotli/stamp
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist worksteal

# The same, then the quick part of the suite on every other Python found, each in its own environment.
test-all: test
	for python in $$($(BIN)/python tests/pythons.py); do \
	  venv=.venv-$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
	  echo "The quick part of the suite with $$python:" && \
	  $$python -m venv $$venv && \
	  $$venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.lock -e '.[dev]' && \
	  $$venv/bin/python -m pip install --quiet --disable-pip-version-check --target $$venv/brotli --upgrade -r tests/brotli.lock && \
	  $$venv/bin/pytest -n auto --dist worksteal -m 'not slow' || exit 1; \
	done

# The documentation as a site in both languages, in site/; a broken link fails the build.
site: .venv-site/stamp
	.venv-site/bin/mkdocs build --strict --quiet

# The generated parts of the documentation; tests fail when they are out of date. The locale selects English.
docs: .venv/stamp
	LC_ALL=en_CA.UTF-8 $(BIN)/typer cegep_audit.cli utils docs --name cegep-audit --output docs/cli.md
	$(BIN)/python docs/build/data_dictionary.py > docs/data-dictionary.md
	$(BIN)/python docs/build/json_schema.py > docs/schema.json
	$(BIN)/python tests/readme_output.py

# The accuracy of account detection on labelled pages, and the rule behind each error.
accuracy: .venv/stamp
	$(BIN)/python tests/accuracy.py

# Known vulnerabilities of the locked packages; the age of the lock if no database can be reached.
audit: .venv-audit/stamp
	.venv-audit/bin/python tests/lock_audit.py

# Other projects' test data, from the folder FOREIGN: cases, passes, and intended differences.
foreign: .venv/stamp
	$(BIN)/python tests/foreign.py "$(FOREIGN)"

# The cost of collecting, reporting and a cluster, against targets. Takes half an hour on an idle machine; see docs/performance.md.
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

# Updated when the dependencies change; constraints.lock holds the tested versions.
.venv/stamp: pyproject.toml constraints.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv: this takes a minute, the first time only."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.lock -e '.[dev]'
	touch $@

# The web archive that tests read from, in its own environment: it needs old versions of shared packages.
.venv-pywb/stamp: tests/pywb.lock
	$(PYTHON) -m venv .venv-pywb
	.venv-pywb/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# An extra that one test needs, kept out of the way of another test that needs it absent.
.venv/brotli/stamp: tests/brotli.lock | .venv/stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target .venv/brotli -r $<
	touch $@

# The crawler that the bench compares with, in its own environment: the project does not need it.
.venv-peers/stamp: bench/peers.lock
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# The vulnerability scanner, in its own environment: it needs other packages.
.venv-audit/stamp: tests/audit.lock
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# The documentation builder, in its own environment: the project does not need it.
.venv-site/stamp: docs/site.lock
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

clean:
	rm -rf .venv .venv-* site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo
