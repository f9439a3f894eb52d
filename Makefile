# The two commands of the README, and the few others worth a name.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test fmt clean

demo: .venv/stamp
	$(BIN)/cegep-audit demo

test: .venv/stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto

fmt: .venv/stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Made anew when the dependencies change; constraints.lock holds the versions everything was tested with.
.venv/stamp: pyproject.toml constraints.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.lock -e '.[dev]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
