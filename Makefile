# One vocabulary for people, hooks and CI. Each target sets up what it needs.
PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
SETUP := .venv/.ready
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links
LOCK := $(COMPILE) --custom-compile-command "make lock"

# What NannyML imports and never uses here, and weighs most, is left out.
PEERS_LOCK := $(COMPILE) --no-emit-package kaleido --no-emit-package nvidia-nccl-cu12 \
	--custom-compile-command "make lock-peers" scripts/peers.in --output-file scripts/peers.lock

export DO_NOT_TRACK := 1

.PHONY: setup demo ui serve up down images backup restore test test-slow test-browser \
	test-spark e2e fuzz faults faults-long audit check format data lock lock-peers \
	bench bench-drift bench-drift-peers bench-gate bench-model bench-scale bench-serving \
	bench-size clean

setup: $(SETUP)

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(SETUP): .venv/bin/uv requirements.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		--compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Each image has a lock of its own, of the versions in requirements.lock and of nothing else.
IMAGE_LOCKS := docker/web docker/model docker/mlflow

lock: .venv/bin/uv
	$(LOCK) --extra dev pyproject.toml --output-file requirements.lock
	$(LOCK) --constraints requirements.lock --extra containers pyproject.toml \
		--output-file docker/dagster.lock
	$(LOCK) --constraints requirements.lock --extra spark pyproject.toml --output-file spark.lock
	$(foreach name,$(IMAGE_LOCKS),$(LOCK) --constraints requirements.lock $(name).in \
		--output-file $(name).lock &&) true

demo: setup
	$(BIN)/attrition demo $(if $(DATA),--data $(DATA))

ui: setup
	$(BIN)/attrition ui

# The two APIs, the pages and MLflow, with the champion of the home: `make demo` makes one.
serve: setup
	$(BIN)/attrition serve

# All of it in containers, with PostgreSQL: docs/deployment.md.
up down backup:
	docker/stack.sh $@

# Of the stack's newest version, by this machine's Docker; IMAGE_REGISTRY in .env.
images: setup
	docker/stack.sh images

restore:
	docker/stack.sh restore $(FROM)

data: setup
	$(BIN)/attrition simulate data --replace

# One thread a worker: the matrices are small, and threads cost more than they save.
test: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup \
		-m "not slow and not faults and not browser and not fuzz and not docker and not spark" \
		$(ARGS)

# Minutes long: the real commands, the loop over again. Much of it is waiting, so there is a worker
# more than cores.
test-slow: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadgroup -m slow $(ARGS)

# Processes killed at random instants, the daemon too, and outages: docs/reliability.md.
FAULTS := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest attrition_assets_tests/faults \
	-n 4 --dist loadgroup -m faults

faults: setup
	$(FAULTS) --rounds 5 $(ARGS)

faults-long: setup
	$(FAULTS) --rounds 50 $(ARGS)

# In Debian's Chromium (packages chromium and chromium-driver); without it these tests are skipped.
test-browser: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m browser $(ARGS)

# Large tables on an Apache Spark of this machine, which needs Java 17 (Debian's package
# openjdk-17-jre-headless); without it these tests are skipped.
test-spark: setup
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r spark.lock
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m spark $(ARGS)

# Images built and run by a real Docker engine, which docker/engine.sh makes where it can; without
# one these tests are skipped.
e2e: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m docker $(ARGS)

# A thousand requests a path, drawn from what the APIs' documents allow and what they do not.
fuzz: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m fuzz $(ARGS)

# The locked libraries against what is known of their faults. One that cannot be looked up fails it:
# not known is not sound.
AUDIT := $(BIN)/uv tool run pip-audit@2.10.1 --strict --disable-pip --require-hashes

audit: setup
	$(AUDIT) $(AUDIT_FLAGS) $(foreach lock,requirements.lock $(wildcard docker/*.lock),-r $(lock))

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A labelled table in the contract's schema; the real one where it is at hand.
TABLE ?= ../shared/data/ibm_hr_attrition.csv

bench: bench-drift bench-gate bench-model bench-serving

# One thread a process: the benchmark runs a process a core.
bench-drift: setup
	OPENBLAS_NUM_THREADS=1 $(BIN)/python scripts/bench_drift.py $(TABLE)

# What the gate between champion and challenger promotes and misses, by simulation: minutes.
bench-gate: setup
	OPENBLAS_NUM_THREADS=1 $(BIN)/python scripts/bench_gate.py

# What the model is worth beside its rivals, and what training costs; one thread, as costs are told.
bench-model: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python scripts/bench_model.py $(TABLE)

# The prediction API beside a bare echo and a bare pipeline, and under load: five minutes.
bench-serving: setup
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python scripts/bench_serving.py

# Tables that stay where they are, up to 50 million rows, and three engines' answers: a quarter to
# half an hour by the processor, 2 GB of disk, and Java for Spark.
bench-scale: setup
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r spark.lock
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python scripts/bench_scale.py

# The known tools on the same draws, an hour long; NannyML has an environment of its own.
bench-drift-peers: setup .venv-peers/.ready
	$(BIN)/python scripts/bench_drift_peers.py $(TABLE) --nannyml .venv-peers/bin/python

# A million people through the real jobs: needs half an hour, 12 GB of memory and 2 GB of disk.
EMPLOYEES ?= 1000000

bench-size: setup
	OPENBLAS_NUM_THREADS=1 $(BIN)/python scripts/bench_size.py --employees $(EMPLOYEES)

.venv-peers/.ready: scripts/peers.lock .venv/bin/uv
	$(PYTHON) -m venv .venv-peers
	$(BIN)/uv pip install --quiet --python .venv-peers/bin/python --require-hashes --no-deps \
		-r scripts/peers.lock
	@touch $@

lock-peers: .venv/bin/uv
	$(PEERS_LOCK)

clean:
	rm -rf .venv .venv-peers .attrition .mypy_cache .pytest_cache .ruff_cache
