# Each target sets up all it needs: a virtual environment with the versions of constraints.txt.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: quickstart test check docs reference format clean

quickstart: $(VENV)/.installed  ## train the headline arrangements and print their leaderboard
	$(VENV)/bin/zsg-harness run --matrix quickstart --store runs/quickstart

test: $(VENV)/.installed-dev  ## run the tests
	$(VENV)/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev  ## lint, types, and the walls between the packages
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q -m types tests/harness/cli/test_new_plugin.py
	$(VENV)/bin/lint-imports

docs: $(VENV)/.installed-dev  ## build the manual into site/, and check its links
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	$(VENV)/bin/python scripts/manual/links.py site

reference: $(VENV)/.installed-dev  ## write the parts of the manual that follow from the code
	$(VENV)/bin/python scripts/manual

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) runs site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[offline]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.installed
