# From a fresh checkout to a served answer: `make up`. Needs Python 3.11 or newer, gcc, g++ and make; the rest is fetched.
# What a step has finished is kept as a stamp in the virtual environment; a step that fails leaves none.

VENV ?= .venv
PORT ?=
# The release that is tested; the build without CUDA is taken where the package index, or TORCH_INDEX, offers one.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
DATASET ?= tests/evaluation/career.jsonl

NEWEST_FIRST = python3.11 python3.12 python3.13 python3
VERSION_OK = import sys; raise SystemExit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in $(NEWEST_FIRST); do $$p -c '$(VERSION_OK)' 2>/dev/null && echo $$p && break; done)

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check
CAREER = $(BIN)/career
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help up install models ingest test chromium lint bench eval clean clean-native
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

up: install  ## install, fetch the models, ingest seeds/, serve: make up [PORT=9000]
	@$(CAREER) up $(if $(PORT),--port $(PORT))

install: $(VENV)/.project  ## virtual environment with everything that serving needs

models: install  ## fetch the default models
	@$(CAREER) models pull

ingest: install  ## build the index of seeds/
	@$(CAREER) ingest

test: install $(VENV)/.dev $(VENV)/.clients chromium  ## everything the tests need, then the tests: make test [ARGS="-k cli"]
	@$(CAREER) models pull --all
	$(BIN)/python -m pytest $(ARGS)

lint: install $(VENV)/.dev  ## types and style
	$(BIN)/mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check

bench: install $(VENV)/.dev  ## is the evidence of a question among the first passages?
	$(BIN)/python -m tests.benchmarks.retrieval own seeds $(DATASET) $(ARGS)

eval: install  ## batch evaluation: make eval [DATASET=questions.jsonl]
	$(CAREER) eval run $(DATASET) $(ARGS)

clean:  ## remove the environment, the index and the caches; models stay
	rm -rf $(VENV) indexes/built dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-native:  ## forget the compiled llama.cpp, so that the next install compiles it anew
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/career-rag/native" $(VENV)/.llama $(VENV)/.project

# Debian packages: installed where we may, else named. $(1) what it is for, $(2) packages, $(3) what to do without.
define apt_install
if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
  echo "==> $(1): installing $(2)"; \
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2) >/dev/null; } || $(3); \
else \
  echo "==> $(1) needs: sudo apt-get install $(2)" >&2; $(3); \
fi
endef

$(VENV)/.created:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11 or newer is needed: install it (on Debian or Ubuntu: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@$(PYTHON) -c '$(VERSION_OK)' || { echo "$(PYTHON) is older than Python 3.11, or not there: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call apt_install,The virtual environment,python3-venv,exit 1); }
	@echo "==> virtual environment $(VENV) with $$($(PYTHON) --version)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.torch: $(VENV)/.created
	@$(BIN)/python -m service.llm.native torch --requirement '$(TORCH)' --index '$(TORCH_INDEX)'
	@touch $@

$(VENV)/.llama: service/llm/native.py service/llm/kernels.py service/llm/kernels_check.py $(wildcard service/llm/cpp/*) $(VENV)/.created
	@command -v "$${CXX:-c++}" >/dev/null || { $(call apt_install,Compiling llama.cpp,build-essential,exit 1); }
	@$(BIN)/python -m service.llm.native install
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.torch $(VENV)/.llama
	@echo "==> career-rag and what it imports"
	@$(PIP) --quiet --progress-bar on --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.project
	@echo "==> what the tests import"
	@$(PIP) --quiet --group dev
	@touch $@

# LlamaIndex wants an older `openai` than the tests: such clients are tried from an environment of their own.
$(VENV)/.clients: pyproject.toml $(VENV)/.created
	@echo "==> other people's clients, in $(VENV)/clients"
	@$(BIN)/python -m venv $(VENV)/clients
	@$(VENV)/clients/bin/python -m pip install --disable-pip-version-check --quiet --upgrade 'pip>=25.1'
	@$(VENV)/clients/bin/python -m pip install --disable-pip-version-check --quiet --group clients
	@touch $@

chromium:
	@command -v chromium google-chrome >/dev/null || { $(call apt_install,Browser tests,chromium fonts-noto-cjk,true); }
