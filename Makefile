# Every verb of the project; `make` alone lists them. Content, not file dates, tells what is due (study/build.py).
VENV ?= .venv
BASE_PYTHON ?= python3
PROFILE ?= full

# A shell may export such a name for its own ends: of its values those are taken that mean something here.
SPACE := $(subst ,, )
own = $(if $(and $(findstring environment,$(origin $1)),$($1)),$(if $(filter $2,$(subst $(SPACE),_,$($1))),,$(warning \
  $1=$($1) of the shell is left aside; to choose it, say make … $1=…)$(eval $1 :=)))
$(call own,DATA,real synthetic)
$(call own,PROFILE,full quick)
$(call own,PART,part1 part2 part3 part4 bonus)
$(call own,CODE,no)
$(call own,KEEP,yes)
$(call own,NOTEBOOKS,html)
$(foreach name,SEEDS WORKERS SCHEDULER MINUTES SEED,$(call own,$(name)))
PROFILE := $(or $(PROFILE),full)
export DATA DATA_MIRROR
# What a terminal of JupyterLab or a test sets for its own processes; a verb decides by itself.
unexport STUDY_PROFILE STUDY_BUILDING STUDY_STARTED JUPYTER_NO_CONFIG
# Of the installed modules most are never imported: those that are get compiled then, once, instead of all by pip.
unexport PYTHONDONTWRITEBYTECODE
# By which the environment would be another one, or elsewhere.
unexport PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_DRY_RUN PIP_NO_DEPS PIP_REQUIREMENT PIP_EDITABLE

PYTHON := "$(VENV)/bin/python"
INSTALLED := $(subst $(SPACE),\ ,$(VENV))/.installed
PIP = $(PYTHON) -I -m pip install --disable-pip-version-check --no-user --quiet
# This interpreter on this checkout, and nothing of the account's settings.
RUN := $(PYTHON) -I -X utf8 study/environment.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report test lab reproduce audit quick sweep adopt data format bench lock pair clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): requirements.txt pyproject.toml
	@$(BASE_PYTHON) -I -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; say make BASE_PYTHON=python3.11")'
	@echo "Installing the pinned packages into $(VENV) (one to two minutes)"
	$(BASE_PYTHON) -I -m venv "$(VENV)"
	$(PIP) --no-compile --progress-bar on -r requirements.txt
	@$(PYTHON) -I -c 'import papermill' || { echo "pip installed nothing into $(VENV): look at its settings, '$(VENV)/bin/pip config list'" >&2; exit 1; }
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch "$@"

report: $(INSTALLED) ## regenerate figures, report/report.html and report/report.pdf (PART=part2: one part alone, CODE=no: without cells' source, NOTEBOOKS=html: executed notebooks as pages, too)
	@$(RUN) study.build --profile $(PROFILE) $(if $(PART),--part $(PART)) $(if $(filter no,$(CODE)),--no-code) $(if $(filter html,$(NOTEBOOKS)),--notebooks)

quick: $(INSTALLED) ## the same small, from scratch, on synthetic data, into build/
	@$(RUN) study.build --profile quick $(if $(PART),--part $(PART))

test: $(INSTALLED) ## lint, types and all quick tests
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) pyrefly check --python-interpreter-path $(PYTHON) --summary=none study
	@$(MAKE) $(SIDE_BY_SIDE) $(LANES) CHOSEN="not slow"

test-all: $(INSTALLED) ## the other tests: whole builds, killed processes, a cluster, browsers
	@$(MAKE) $(SIDE_BY_SIDE) $(LANES) CHOSEN=slow

# Four processes at a time, of one thread each, since tests often wait; what each says comes at its end. PyTorch and
# TensorFlow never share one.
SIDE_BY_SIDE := --no-print-directory --keep-going --jobs=4 $(if $(filter output-sync,$(.FEATURES)),--output-sync)
LANES := tests-builds tests-others tests-keras tests-torch
.PHONY: test-all $(LANES)
tests-builds: TESTS := tests/test_build.py
tests-others: TESTS := tests --ignore=tests/test_build.py --ignore=tests/with_keras --ignore=tests/with_torch
tests-keras: TESTS := tests/with_keras
tests-torch: TESTS := tests/with_torch
$(LANES):
	@OMP_NUM_THREADS=1 $(RUN) pytest -m "$(CHOSEN)" $(TESTS)

lab: $(INSTALLED) ## open the notebooks in JupyterLab, on localhost and with a token (PROFILE=quick: small, on synthetic data)
	@$(RUN) study.pairing --in-step
	@$(if $(filter-out full,$(PROFILE)),STUDY_PROFILE=$(PROFILE)) JUPYTER_CONFIG_PATH=.jupyter $(PYTHON) -Es -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. \
	  --ServerApp.kernel_spec_manager_class=study.kernel.Kernels \
	  --LabApp.default_url=/lab/tree/README.md $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

reproduce: $(INSTALLED) ## make every run anew in a fresh store and compare it with the records (PART=part2: one part alone)
	@$(RUN) study.reproduce --profile $(PROFILE) $(if $(PART),--part $(PART)) $(if $(WORKERS),--workers $(WORKERS))

audit: $(INSTALLED) ## make runs drawn at random anew and compare them with the records (MINUTES=10, PART=part2, SEED=1: of the draw, KEEP=yes: for the report)
	@$(RUN) study.audit --profile $(PROFILE) $(if $(PART),--part $(PART)) $(if $(WORKERS),--workers $(WORKERS)) \
	  $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(if $(filter yes,$(KEEP)),--keep)

sweep: $(INSTALLED) ## make a part's missing runs (PART=part2 SEEDS=0-9, WORKERS=2 or SCHEDULER=tcp://host:8786)
	@$(RUN) study.sweep --profile $(PROFILE) --part $(or $(PART),none) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(WORKERS),--workers $(WORKERS)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

adopt: $(INSTALLED) ## take a draft's complete runs over into the records (PART=part2)
	@$(RUN) study.drafts --profile $(PROFILE) --part $(or $(PART),none)

data: $(INSTALLED) ## get and verify every file of the catalog
	@$(RUN) study.catalog

format: $(INSTALLED) ## bring the code into ruff's form
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

bench: $(INSTALLED) ## measure the build's and the training's speed
	@$(RUN) study.bench

lock: $(INSTALLED) ## compile requirements.txt from pyproject.toml (needs uv)
	@mkdir -p build
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-header --no-annotate -q -o build/lock.txt
	grep -vE '^(nvidia-|cuda-|triton)' build/lock.txt > build/requirements.txt  # CUDA comes with torch's own wheel, where it has any
	mv build/requirements.txt requirements.txt

pair: $(INSTALLED) ## make notebooks/*.ipynb anew from notebooks/*.py, without outputs, as they are committed
	@$(RUN) study.pairing

clean: ## remove what the build made, except records, report and figures
	rm -rf build .pytest_cache .ruff_cache .hypothesis
