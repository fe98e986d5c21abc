# Needs a Python 3.11 or newer and nothing else. `make` alone says what it can do.

.DEFAULT_GOAL := help
.PHONY: help demo chaos test lint lock bench fuzz pictures FORCE

BIN := .venv/bin
PROJECT := pyproject.toml receiver/pyproject.toml requirements/install
RUN := .venv/.installed-run
TEST := .venv/.installed-test
FUZZ := .venv/.installed-fuzz
export PYTHON

help: ## this text
	@echo "Tocsin: an on-call escalation engine whose webhooks can be trusted."
	@echo
	@awk -F ':[^#]*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  PYTHON=/path/to/python3.12 chooses the interpreter."

demo: $(RUN) ## start a server, fire an alert, watch it escalate
	@$(BIN)/tocsin demo $(ARGS)

chaos: $(RUN) ## kill servers 200 times under load (ARGS="--kills 20" for less)
	@$(BIN)/tocsin chaos --kills 200 $(ARGS)

test: $(TEST) lint ## the linters, then every test (ARGS="-k word" for some, JOBS=0 for one by one)
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),auto) --dist loadfile $(ARGS)

lint: $(TEST) ## style, formatting, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(TEST) ## every benchmark (NAME=deliver for one, ARGS=--quick for less)
	@for name in $(or $(NAME),deliver ingest peer lateness hostile fairness growth storm throughput footprint churn); do \
	  $(BIN)/python -m bench $$name $(ARGS) || exit 1; \
	done

fuzz: $(FUZZ) ## feed the parsers nonsense (NAME=alert for one, SECONDS=60 for each)
	@$(BIN)/python -m fuzz $(or $(NAME),all) --seconds $(or $(SECONDS),60)

pictures: $(TEST) ## every page in every world, to be looked at (ARGS="--out FOLDER --page incident --world few")
	@$(BIN)/python -m pictures $(ARGS)

# A pin stays while it satisfies pyproject.toml; UPGRADE=--upgrade takes the newest of everything.
COMPILE = @$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
  --generate-hashes --no-emit-package tocsin-receiver --custom-compile-command "make lock" $(UPGRADE)

lock: ## choose versions again from pyproject.toml (UPGRADE=--upgrade)
	@requirements/install requirements/lock.txt
	$(COMPILE) --group lock --output-file requirements/lock.txt
	$(COMPILE) pyproject.toml --group build --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --group build --group test --output-file requirements/test.txt
	$(COMPILE) --group fuzz --output-file requirements/fuzz.txt

# Without isolation the packages are built by the setuptools of the lock file, not by one from an index.
$(RUN): requirements/run.txt $(PROJECT) $(if $(PYTHON),FORCE)
	@requirements/install requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
	  --no-deps --no-build-isolation --editable ./receiver --editable .
	@touch $@

$(TEST): requirements/test.txt $(RUN)
	@requirements/install requirements/test.txt
	@touch $@

$(FUZZ): requirements/fuzz.txt $(RUN)
	@requirements/install requirements/fuzz.txt
	@touch $@
