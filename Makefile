# Thin: every target calls the command line. `make help` says what each does.

SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
VITRINE := $(VENV)/bin/vitrine
SOURCE ?=
LANDING ?=
SCALE ?=
FRESH ?=
AS_OF ?= 2011-10-31
JOBS ?= 1
INSTALLED := $(VENV)/requirements.lock
PIP := $(VENV)/bin/python -m pip install --disable-pip-version-check
# Of the thousand lines that pip prints, as many as show that it goes on.
TOLD := { count=0; while read -r did what size unit _; do case "$$did" in \
  Collecting) count=$$((count + 1)); [ $$((count % 25)) -ne 0 ] || echo "  package $$count: $$what";; \
  Downloading) case "$$size $$unit" in *[0-9][0-9][0-9].*MB*) echo "  loading $$what $$size $$unit";; esac;; \
  Installing) echo "  unpacking them: minutes without a line";; \
  esac; done; }

.PHONY: help setup demo test lint up down sql docs bench bench-features bench-ranker bench-classifier bench-lists bench-judging leaderboard
.DEFAULT_GOAL := help

help: ## Say what each target does.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make the virtual environment from requirements.lock; does nothing when it is up to date.

demo: setup ## Run the whole pipeline on a simulated shop, or with SOURCE=… LANDING=… on a real one; FRESH=1 erases an earlier demo.
	@$(VITRINE) demo $(if $(SOURCE),--source $(SOURCE)) $(if $(LANDING),--landing $(LANDING)) $(if $(FRESH),--fresh)

test: setup lint ## Run every check and every test.
	@$(VITRINE) doctor --no-ports
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(VENV)/bin/pytest --numprocesses 2 --max-worker-restart 1

lint: setup ## Check format, style, types and SQL; change nothing.
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/sqlfluff lint dbt_project/models --processes 2

up: setup ## Start Airflow and MLflow on this machine, and print addresses and login.
	@$(VITRINE) up

down: setup ## Stop what `make up` started.
	@$(VITRINE) down

sql: setup ## Query the published warehouse, read-only.
	@$(VITRINE) sql

docs: setup ## Generate the dbt docs and the data dictionary.
	@$(VITRINE) docs

bench: setup ## Show what each stage of the runs in the home cost, and its trend.
	@$(VITRINE) status --costs

bench-features: setup ## Measure a large retailer's features beside plain DuckDB and Polars: an hour, or less with SCALE=0.01.
	@$(VENV)/bin/python -m benchmarks.features $(if $(SCALE),--scale $(SCALE))

leaderboard: setup ## Judge every model on five weeks of the home's shop and write docs/leaderboard.md; AS_OF=… ends them, JOBS=2 fits two at a time.
	@$(VITRINE) evaluate --as-of $(AS_OF) --weeks 5 --jobs $(JOBS) --page docs/leaderboard.md

bench-ranker: setup ## Measure the ranker's sampler, training and scoring beside implicit and plain torch: 8 minutes, or less with SCALE=0.01.
	@$(VENV)/bin/python -m benchmarks.ranker $(if $(SCALE),--scale $(SCALE))

bench-classifier: setup ## Measure the classifier's training, embedding, memory and resuming beside a plain loop: 8 minutes, or less with SCALE=0.01.
	@$(VENV)/bin/python -m benchmarks.classifier $(if $(SCALE),--scale $(SCALE))

bench-judging: setup ## Show whether what lists' judgements say may be believed: 3 minutes; LANDING=…/open_bandit/men adds a real log.
	@$(VENV)/bin/python -m benchmarks.judging $(if $(LANDING),--open-bandit $(LANDING))

bench-lists: setup ## Measure a night's list for a million customers and 250 campaigns, and its files: 10 minutes, or less with SCALE=0.01.
	@$(VENV)/bin/python -m benchmarks.lists $(if $(SCALE),--scale $(SCALE))

# The copy of the lock tells what is installed: a new environment only when the lock has changed.
$(INSTALLED): requirements.lock
	@command -v $(PYTHON) >/dev/null || { \
	  echo "found no $(PYTHON), needed Python 3.11; type: sudo apt-get install python3.11 python3.11-venv" \
	    "(macOS: brew install python@3.11), or name another: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@command -v java >/dev/null || { \
	  echo "found no java, needed Java 17; type: sudo apt-get install openjdk-17-jre-headless" \
	    "(macOS: brew install openjdk@17)"; exit 1; }
	@cmp --silent $< $@ || { \
	  set -o pipefail; \
	  echo "installing the $$(wc -l < $<) packages of $< into $(VENV): about 3 GB, 5 to 10 minutes, this once" && \
	  $(PYTHON) -m venv $(VENV) && \
	  $(PIP) --progress-bar off -r $< | $(TOLD) && \
	  $(PIP) --quiet --no-deps --editable .; }
	@cp $< $@
