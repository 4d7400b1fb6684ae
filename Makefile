# Every verb of the project; `make` alone lists them. Content, not file dates, tells what is due (study/build.py).
VENV ?= .venv
BASE_PYTHON ?= python3
PROFILE ?= full
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
export DATA DATA_MIRROR
# Of the installed modules most are never imported: those that are get compiled then, once, instead of all by pip.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report test lab reproduce quick sweep data bench lock pair clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): requirements.txt pyproject.toml
	@$(BASE_PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; say make BASE_PYTHON=python3.11")'
	@echo "Installing the pinned packages into $(VENV) (one to two minutes)"
	$(BASE_PYTHON) -m venv $(VENV)
	$(PYTHON) -m pip install --disable-pip-version-check --quiet --no-compile --progress-bar on -r requirements.txt
	$(PYTHON) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

report: $(INSTALLED) ## regenerate figures, report/report.html and report/report.pdf (PART=part2: one part alone, CODE=no: without cells' source)
	@$(PYTHON) -m study.build --profile $(PROFILE) $(if $(PART),--part $(PART)) $(if $(filter no,$(CODE)),--no-code)

quick: $(INSTALLED) ## the same small, from scratch, on synthetic data, into build/
	@$(PYTHON) -m study.build --profile quick $(if $(PART),--part $(PART))

test: $(INSTALLED) ## run all tests
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m pytest --ignore=tests/with_torch
	@$(PYTHON) -m pytest tests/with_torch  # a process of its own: PyTorch and TensorFlow do not share one

lab: $(INSTALLED) ## open the notebooks in JupyterLab (localhost only, with a token)
	@JUPYTER_CONFIG_PATH=.jupyter $(PYTHON) -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/README.md

reproduce: $(INSTALLED) ## make every run anew in a fresh store and compare it with the records (PART=part2: one part alone)
	@$(PYTHON) -m study.reproduce --profile $(PROFILE) $(if $(PART),--part $(PART)) $(if $(WORKERS),--workers $(WORKERS))

sweep: $(INSTALLED) ## make a part's missing runs (PART=part2 SEEDS=0-9, WORKERS=2 or SCHEDULER=tcp://host:8786)
	@$(PYTHON) -m study.sweep --profile $(PROFILE) --part $(or $(PART),none) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(WORKERS),--workers $(WORKERS)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

data: $(INSTALLED) ## get and verify every file of the catalog
	@$(PYTHON) -m study.catalog

bench: $(INSTALLED) ## measure the build's and the training's speed
	@$(PYTHON) -m study.bench

lock: $(INSTALLED) ## compile requirements.txt from pyproject.toml (needs uv)
	@mkdir -p build
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-header --no-annotate -q -o build/lock.txt
	grep -vE '^(nvidia-|cuda-|triton)' build/lock.txt > build/requirements.txt  # CUDA comes with torch's own wheel, where it has any
	mv build/requirements.txt requirements.txt

pair: $(INSTALLED) ## bring notebooks/*.ipynb in step with notebooks/*.py
	@$(VENV)/bin/jupytext --update --to ipynb notebooks/*.py

clean: ## remove what the build made, except records, report and figures
	rm -rf build .pytest_cache .ruff_cache .hypothesis
