# Everything a developer runs. `make help` lists it.
#   make test TESTS=tests/test_servers.py PYTEST_ARGS='-k postgresql -x'
#   make demo DIR=/tmp/practice

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTS  ?= tests
DIR    ?=
SIZE_MIB ?= 512
ROWS     ?= 500000
ROUNDS   ?= 3
# Compiled first: tests start hundreds of our own processes, each of which would compile its modules anew where
# PYTHONDONTWRITEBYTECODE is set. Two processes; a file's tests stay together, so that what they share is made once; the
# order of the files is that of tests/conftest.py.
PYTEST := $(BIN)/python -m compileall -q portability fixtures && \
          $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help venv servers demo bench test test-slow test-all fixtures clean \
        check check-style check-format check-types check-floors

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

venv: $(STAMP)  ## the environment in .venv, with everything that tests need

# Keyed by pyproject.toml: a changed dependency is installed by the next command.
$(STAMP): pyproject.toml
	@sh scripts/debian.sh venv $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[postgresql,mysql,odbc,sqlite,http,s3,convert,service,test]'
	@# Only its copy of the Data Package v2 schema is wanted, none of the fifteen packages that it would bring.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps dplib-py
	@touch $@

servers:  # programs that tests run: PostgreSQL, MariaDB, age, ssh-keygen, zstd, LibreOffice
	@sh scripts/debian.sh servers

demo: $(STAMP)  ## the whole story on the built-in practice: no server, no network
	$(BIN)/portability demo $(DIR)

test: $(STAMP) servers  ## all tests but the slow ones
	$(PYTEST) -m 'not slow' $(PYTEST_ARGS) $(TESTS)

test-slow: $(STAMP) servers  ## the slow tests
	$(PYTEST) -m slow $(PYTEST_ARGS) $(TESTS)

test-all: $(STAMP) servers  ## both
	$(PYTEST) $(PYTEST_ARGS) $(TESTS)

bench: $(STAMP) servers  ## sealing, extracting and loading beside their peers, on private servers; SIZE_MIB=4096 ROWS=5000000 ROUNDS=3 DOCS=docs/benchmarks
	$(BIN)/python -m bench --size-mib $(SIZE_MIB) --rows $(ROWS) --rounds $(ROUNDS) $(if $(DOCS),--docs $(DOCS))

check: check-style check-format check-types check-floors  ## style, types and floors
check-style: $(STAMP)
	$(BIN)/ruff check
check-format: $(STAMP)
	$(BIN)/ruff format --check
check-types: $(STAMP)
	$(BIN)/mypy
check-floors: $(STAMP)
	$(BIN)/lint-imports

fixtures: $(STAMP)  ## build the test vectors again from their seeded script
	$(BIN)/python -m fixtures.build

clean:  ## remove the environment and all caches
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
