# make        install, show R2, run the first three notebooks, write their pages: in runs/html/
# make every  all the notebooks, with all of their trainings
# make study  train and score all that reports/ lacks; make reports  the pages of what it holds
# make batch  all the notebooks and the comparison as jobs side by side (batch/config.yaml)
# make test   the quick tests        make lint   what must be clean        make help   the rest
#
# make DATASET=uva PRESET=64 ARGS="-p seed 1"     other parameters, for all notebooks
# make ARGS_03="-p hop 4 -p frames 1000"          for one of them, by its number

PY ?= python3
V := .venv
BIN := $(V)/bin
OUT ?= runs
DATASET ?= sky
PRESET ?= auto
ARGS ?=
PIP_FLAGS ?=
PROFILE ?= local

FIRST := $(sort $(wildcard notebooks/0[123]_*.ipynb))
EVERY := $(sort $(wildcard notebooks/0*_*.ipynb))
# Of those that `make every` runs: the baselines of 07 have no other presets.
KNOWN := $(filter-out $(if $(filter auto smoke hour 64,$(PRESET)),,notebooks/07%),$(EVERY))
STRIP := $(BIN)/nbstripout --keep-id --extra-keys "metadata.papermill cell.metadata.papermill"
# Two processes of one thread each (tests/conftest.py); one that is done takes over what is left.
TESTS := $(BIN)/python -m pytest -q -n 2 --dist worksteal
PAPERMILL := RENCGAN_PROGRESS=terminal $(BIN)/papermill --no-progress-bar -k python3

.DEFAULT_GOAL := first
.PHONY: first every study batch install test test-all lint format reports benchmark clean help

# $(1) folder for the executed notebooks and all they make, $(2) further papermill arguments,
# $(3) the notebooks
define run_notebooks
	@mkdir -p $(1)
	@set -e; for nb in $(3); do \
	  name=$$(basename $$nb .ipynb); echo "== $$name"; \
	  own=$$(printenv ARGS_$${name%%_*} || true); \
	  $(PAPERMILL) $$nb $(1)/$$name.ipynb -p out_root $(1) $(2) $(ARGS) $$own \
	  || { $(BIN)/python -m rencgan report $(1)/html $(1)/$$name.ipynb; \
	       echo "$$name stopped; the page above shows where. Run the same command to go on." >&2; \
	       exit 1; }; \
	done
endef

# $(1), $(2), $(3) as above: the page follows each notebook.
define run_with_page
	$(call run_notebooks,$(1),$(2),$(3))
	@$(BIN)/python -m rencgan report $(1)/html $(3:notebooks/%=$(1)/%)
endef

# Without other parameters it trains R2 alone, to take about a quarter of an hour on two cores:
# EncGAN3 is the one that comes with the project, and the control is left out.
ASKED := -p dataset $(DATASET) -p preset $(PRESET)
ALONE := $(filter sky-auto-,$(DATASET)-$(PRESET)-$(ARGS))
first: $(V)/.ready  ## install, show R2, run notebooks 01 to 03, write their pages (again: resumes)
	@$(BIN)/python -m rencgan first-sight $(OUT)/html || true
	$(call run_with_page,$(OUT),$(ASKED),$(filter notebooks/01%,$(FIRST)))
	$(call run_with_page,$(OUT),$(ASKED) $(if $(ALONE),-p weights published),$(filter notebooks/02%,$(FIRST)))
	$(call run_with_page,$(OUT),$(ASKED) $(if $(ALONE),-p control none),$(filter notebooks/03%,$(FIRST)))
	@echo "The pages are in $(OUT)/html/. Begin with 03_rencgan.html: long video, by the published R2"
	@echo "and by the one that was trained here; 01_data.html and 02_encgan3.html lead up to it."

every: $(V)/.ready  ## the same with all notebooks
	$(call run_with_page,$(OUT),-p dataset $(DATASET) -p preset $(PRESET),$(KNOWN))

batch: $(V)/.batch  ## notebooks and comparison by Snakemake; PROFILE=slurm, ARGS="--config preset=smoke"
	@$(BIN)/python -m snakemake -s batch/Snakefile --profile batch/profiles/$(PROFILE) $(ARGS)

install: $(V)/.ready  ## the virtual environment alone

test: $(V)/.ready  ## the quick tests
	@$(TESTS) -m "not long"

test-all: $(V)/.ready  ## the long ones too
	@$(TESTS)

lint: $(V)/.ready  ## formatting, static checks, notebooks stored without outputs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(STRIP) --verify notebooks/*.ipynb

format: $(V)/.ready  ## make `make lint` content, as far as that goes by itself
	@$(BIN)/ruff check --fix -q . || true
	@$(BIN)/ruff format .
	@$(STRIP) notebooks/*.ipynb

# Of what reports/ holds already: result files, weights, the benchmark. Nothing is trained.
R := -p source procedural
reports: $(V)/.ready  ## the pages in reports/, from the results and weights that lie there (two hours)
	$(call run_notebooks,$(OUT)/reports,$(R) -p preset mini,$(wildcard notebooks/01_*.ipynb))
	$(call run_notebooks,$(OUT)/reports,$(R) -p weights published,$(wildcard notebooks/0[23457]_*.ipynb))
	$(call run_notebooks,$(OUT)/reports,$(R) -p preset mini,$(wildcard notebooks/0[69]_*.ipynb))
	$(call run_notebooks,$(OUT)/reports,$(R) -p preset hour,$(wildcard notebooks/08_*.ipynb))
	@$(BIN)/python -m rencgan report reports $(EVERY:notebooks/%=$(OUT)/reports/%)
	@cp $(foreach preset,mini hour,$(OUT)/reports/$(preset)/sky/*.json) reports/
	@$(BIN)/python -m rencgan readme

study: $(V)/.ready  ## train and score what reports/ lacks (without it: all), then the pages
	@$(BIN)/python -m rencgan study all --dry --seeds 1 2 3
	@mkdir -p $(OUT)
	@$(BIN)/python -m rencgan publish
	@$(BIN)/python -m rencgan compare sky --seeds 1 2 3
	@$(BIN)/python -m rencgan compare taichi --seeds 1 2 3
	@$(BIN)/python -m rencgan compare sky --preset hour --models StyleGAN-V "iVGAN, 0-GP" MotionVideoGAN
	@$(BIN)/python -m rencgan study all --seeds 1 2 3
	@$(BIN)/python -m rencgan benchmark --json > $(OUT)/benchmark.json && mv $(OUT)/benchmark.json reports/
	@$(MAKE) reports

benchmark: $(V)/.ready  ## speed of data, training and sampling on this machine
	@$(BIN)/python -m rencgan benchmark $(ARGS)

clean:  ## the environment and what Python left; runs/ and reports/ stay
	rm -rf $(V) build dist *.egg-info .pytest_cache .ruff_cache
	find rencgan tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

$(V)/.ready: pyproject.toml constraints.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "rencgan needs Python 3.11 or newer, and $(PY) is older or missing;" \
	       "name another one, such as: make PY=python3.12" >&2; exit 1; }
	@echo "Installing into $(V) (once)"
	@test -x $(BIN)/python || $(PY) -m venv $(V)
	@$(BIN)/python -m pip install -qq $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

$(V)/.batch: $(V)/.ready
	@$(BIN)/python -m pip install -qq $(PIP_FLAGS) -c constraints.txt -e '.[batch]'
	@touch $@
