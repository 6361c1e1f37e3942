# The same names everywhere: on a laptop, in CI and in the documents. `make` lists them.
#
# A stamp is written only after its step has succeeded: an interrupted make is simply run again.
# Recipes are plain sh and work with GNU make 3.81.

PYTHON ?= python3
# Workers which `make up` lets run.
WORKERS ?= 1
# Fault runs: `make chaos SEEDS=50`. One schedule of the simulation: `make simulate SEED=17`.
SEEDS ?= 5
SEED ?=
# Further arguments of all that run something: make test ARGS='-k duplicate'.
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/installed.stamp
JARS := build/kafka-libs/pom.sha256
COMPILED := build/compiled.json
# With somebody else's Kafka neither Java nor Maven is needed.
BROKER := $(if $(KAFKA_BOOTSTRAP),,$(JARS))
COMPILED_SOURCES := $(wildcard pipeline/risk/*.py pipeline/risk/*/*.py pipeline/codecs/*.py \
	pipeline/lane/*.py pipeline/market/conflation.py pipeline/streaming/merge.py \
	pipeline/streaming/record_batch.py pipeline/build.py $(wildcard pipeline/native/*))

IN_C_TOO := tests/unit/test_native.py tests/unit/test_codecs.py tests/unit/test_record_batch.py \
	tests/unit/test_golden_wire.py tests/unit/test_recorded_lanes.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test coverage uncompiled lint chaos simulate simulate-mutants fuzz mutants format up down \
	generate build jars venv bench bench-short bench-core bench-throughput bench-latency \
	bench-recovery bench-users bench-soak bench-flash-crash bench-scaling bench-hot-spot \
	bench-market-data lock clean

help:  ## List these targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

run: $(INSTALLED) $(BROKER) build  ## Start Kafka and a worker, replay real orders, sum up, stop all
	@$(BIN)/tollgate run $(ARGS)

test: $(INSTALLED) $(JARS) build lint coverage uncompiled  ## Lint, then all tests; the core must be covered fully
	@$(BIN)/pytest --numprocesses 4 --dist worksteal $(ARGS)

# Compiled modules cannot be measured: this run takes the same sources as plain Python. The random
# histories are pytest's, on the compiled ones: what covers the core must not be up to chance.
coverage: $(INSTALLED)  ## Measure how far unit tests and scenarios cover the core
	@echo "coverage: unit tests and scenarios on the uncompiled core ..."
	@TOLLGATE_PURE=1 $(BIN)/coverage run -m pytest --quiet tests/unit/test_risk_*.py tests/scenarios
	@$(BIN)/coverage report --fail-under=100

# What pipeline/native replaces has two forms: `make test` runs these on the compiled one.
uncompiled: $(INSTALLED)  ## Test codecs, batches and digests as plain Python as well
	@echo "uncompiled: codecs, batches and digests ..."
	@TOLLGATE_PURE=1 $(BIN)/pytest --quiet --numprocesses 2 --dist worksteal $(IN_C_TOO)

lint: $(INSTALLED)  ## Check style, types, layers and generated code
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pipeline.codecs.generate --check
	@TOLLGATE_PURE=1 $(BIN)/python -m pipeline.documents --check

chaos: $(INSTALLED) $(JARS) build  ## Kill, stop, cut and corrupt real workers; SEEDS=5 runs, judged
	@$(BIN)/python -m tests.chaos --seeds $(SEEDS) $(ARGS)

simulate: $(INSTALLED) build  ## 100,000 schedules of crashes on a model of Kafka; SEED=n repeats one
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(ARGS)

# Compiled modules cannot be changed for a moment: the mutants need the same sources as plain Python.
simulate-mutants: $(INSTALLED)  ## Take each safety step away in turn; the simulation must notice
	@TOLLGATE_PURE=1 $(BIN)/python -m tests.simulation.mutants $(ARGS)

fuzz: $(INSTALLED) build  ## RECORDS=1000000 hostile records through lanes, each judged; SEED=n repeats
	@$(BIN)/python -m tests.fuzz $(if $(RECORDS),--records $(RECORDS)) $(if $(SEED),--seed $(SEED)) \
		$(ARGS)

mutants: $(INSTALLED)  ## Change the money code one thing at a time; the core's tests must notice
	@TOLLGATE_PURE=1 $(BIN)/python -m tests.mutation $(ARGS)

format: $(INSTALLED)  ## Format the code and mend what can be mended automatically
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

up: $(INSTALLED) $(BROKER) build  ## Start Kafka, WORKERS=1 workers and a venue and leave them running
	@$(BIN)/tollgate up --workers $(WORKERS) $(ARGS)

down: $(INSTALLED)  ## Stop what `make up` started; its data stays
	@$(BIN)/tollgate down

# The documents show what the sources say, not what an older build says.
generate: $(INSTALLED)  ## Write what is made from schemas/avro and from the code's own tables
	@$(BIN)/python -m pipeline.codecs.generate
	@TOLLGATE_PURE=1 $(BIN)/python -m pipeline.documents

# Its peers are built when they are first needed: Maven for the one in Java, a virtual environment
# under build/ for Quix Streams.
bench: $(INSTALLED) $(JARS) build  ## The worker against Kafka Streams, Quix Streams, stock Faust
	@$(BIN)/python -m benchmarks.contest $(ARGS)

bench-short: $(INSTALLED) $(JARS) build  ## The same at a glance: one flow, one round, few settings
	@$(BIN)/python -m benchmarks.contest --short $(ARGS)

bench-core: $(INSTALLED) build  ## Microseconds of a decision, with 1 and with 100 orders working
	@$(BIN)/python benchmarks/core.py $(ARGS)

bench-throughput: $(INSTALLED) $(BROKER) build  ## Orders a second, ours against a stock Faust agent
	@$(BIN)/python benchmarks/throughput.py $(ARGS)

bench-latency: $(INSTALLED) $(BROKER) build  ## Milliseconds from order to decision at a steady rate
	@$(BIN)/python benchmarks/latency.py $(ARGS)

bench-recovery: $(INSTALLED) $(BROKER) build  ## Restore, fail-over and pauses, with 100,000 users
	@$(BIN)/python benchmarks/recovery.py $(ARGS)

bench-users: $(INSTALLED) build  ## Memory and speed of a worker with up to 1,000,000 users
	@$(BIN)/python benchmarks/users.py $(ARGS)

bench-soak: $(INSTALLED) $(BROKER) build  ## Producers ahead of a worker, a broker that stalls
	@$(BIN)/python benchmarks/soak.py $(ARGS)

bench-flash-crash: $(INSTALLED) $(BROKER) build  ## A price gap and a flood of orders, rehearsed
	@$(BIN)/python benchmarks/flash_crash.py $(ARGS)

bench-scaling: $(INSTALLED) $(JARS) build  ## More worker processes, more lanes, 10,000 senders, bytes
	@$(BIN)/python benchmarks/scaling.py $(ARGS)

bench-hot-spot: $(INSTALLED) $(BROKER) build  ## One user sends half of all orders: who waits
	@$(BIN)/python benchmarks/hot_spot.py $(ARGS)

bench-market-data: $(INSTALLED) $(BROKER) build  ## A feed of 200,000 ticks/s, and what its marks cost
	@$(BIN)/python benchmarks/market_data.py $(ARGS)

build: $(COMPILED)  ## Compile the hot modules with mypyc, where there is a C compiler

# Its last act is to write this file; without a compiler it is not written, and asked for again.
$(COMPILED): $(INSTALLED) $(COMPILED_SOURCES)
	@mkdir -p build
	@echo "build: compiling the hot modules, a minute or two ..."
	@$(BIN)/python -m pipeline.build >build/compile.log 2>&1 || { tail -n 40 build/compile.log; \
		echo "build: failed; all of it is in build/compile.log"; exit 1; }
	@sed -n 's/^no C compiler/build: &/p' build/compile.log

jars: $(JARS)  ## Fetch Apache Kafka's jars with Maven

$(JARS): deploy/kafka/pom.xml | $(INSTALLED)
	@echo "jars: fetching Apache Kafka, once ..."
	@$(BIN)/python -m pipeline.local.jars
	@touch $@

venv: $(INSTALLED)  ## Make .venv with the pinned dependencies

# In compat mode the root of the tree is on the path, where mypyc puts its shared module.
$(INSTALLED): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, $(PYTHON) is not: install it (Debian: apt-get install" \
			"python3.11 python3.11-venv), then: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks its venv module: install it (Debian: apt-get install python3-venv)"; \
		exit 1; }
	@echo "venv: installing the pinned dependencies, a minute or two ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@

lock:  ## Pin all dependencies anew, with hashes (needs uv)
	@command -v uv >/dev/null 2>&1 || { echo "uv is needed: pipx install uv"; exit 1; }
	@for set in runtime dev; do \
		uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --no-header --output-file requirements/$$set.txt \
			requirements/$$set.in || exit 1; \
	done
	@uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --output-file benchmarks/peers/requirements.txt \
		benchmarks/peers/requirements.in

clean:  ## Remove everything built; .venv and the data in var/ stay
	@rm -rf build *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
	@find . -name '*.so' -not -path './.venv/*' -delete
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
