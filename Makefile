# One vocabulary for people, hooks and CI. Each target sets up what it needs.
PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
SETUP := .venv/.ready
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	--extra dev pyproject.toml --output-file requirements.lock

export DO_NOT_TRACK := 1

.PHONY: setup demo ui test test-daemon check format data lock bench bench-alarms clean

setup: $(SETUP)

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(SETUP): .venv/bin/uv requirements.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		--compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

lock: .venv/bin/uv
	$(LOCK)

demo: setup
	$(BIN)/attrition demo $(if $(DATA),--data $(DATA))

ui: setup
	$(BIN)/attrition ui

data: setup
	$(BIN)/attrition simulate data

test: setup
	$(BIN)/pytest -n 2 --dist loadgroup -m "not daemon" $(ARGS)

# Minutes long: the real daemon, killed and restarted.
test-daemon: setup
	$(BIN)/pytest -n 2 --dist load -m daemon $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A labelled table in the contract's schema; the real one where it is at hand.
TABLE ?= ../shared/data/ibm_hr_attrition.csv

bench: bench-alarms

bench-alarms: setup
	$(BIN)/python scripts/bench_alarms.py $(TABLE)

clean:
	rm -rf .venv .attrition .mypy_cache .pytest_cache .ruff_cache
