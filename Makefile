# The front door: each target sets up all it needs on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
MODULES := node_modules/.package-lock.json
LOCK := $(BIN)/uv pip compile -q pyproject.toml --extra temporal --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links

.PHONY: demo up test soak bench check lock install

demo: $(INSTALLED)
	command -v node >/dev/null || sh tests/install-packages.sh
	$(BIN)/python stack.py demo

up: $(INSTALLED)
	$(BIN)/python stack.py up

test: $(INSTALLED) $(MODULES)
	sh tests/install-packages.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile

soak: $(INSTALLED) $(MODULES)
	sh tests/install-packages.sh
	$(BIN)/python -m pytest --soak -n 2 --dist loadfile --no-loadscope-reorder

bench: $(INSTALLED) $(MODULES)
	sh tests/install-packages.sh
	$(BIN)/python -m bench

check: $(INSTALLED) $(MODULES)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	node_modules/.bin/tsc

lock:
	$(LOCK) --group server -o requirements/server.lock
	$(LOCK) --group dev -o requirements/dev.lock

install: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements/dev.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(INSTALLED)

$(MODULES): package.json package-lock.json .npmrc
	command -v npm >/dev/null || sh tests/install-packages.sh
	npm ci --silent --no-audit --no-fund
	touch $(MODULES)
