# Set-up needs git, Python 3.11 or newer and make; everything else comes from requirements.lock.
#   make demo    de-identify a small sample study and show before and after
#   make test    all tests               (make test ARGS="tests/unit -k dates")
#   make bench   measure against other programs, write benchmarks/results/
#   make lint    ruff, mypy, import-linter
#   make docs    write the generated pages of docs/ anew
#   make lock    write requirements.lock anew from pyproject.toml
#   make clean   remove what these targets made

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete
GENERATORS := $(sort $(wildcard tools/docs_*.py))

.PHONY: setup demo test bench bench-smoke lint docs lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh
	@touch $@

demo: $(STAMP)
	@$(BIN)/deident demo demo-out --force

test: $(STAMP)
	@tools/test-programs.sh
	$(BIN)/pytest -n 2 $(ARGS)

bench: $(STAMP)
	@tools/test-programs.sh
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-smoke: $(STAMP)
	$(BIN)/python -m benchmarks.run --smoke

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(STAMP)
	@set -e; for page in $(GENERATORS); do $(BIN)/python "$$page"; done

lock: $(STAMP)
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	    --group build --group test --group lint --group bench --group lock \
	    --generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean:
	rm -rf .venv demo-out build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache \
	    .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
