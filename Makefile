# Everything runs in .venv; nothing is installed outside this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run report serve test lint bench nightly fuzz crash soak docs lock audit sbom clean
.DELETE_ON_ERROR:

run: $(VENV)/.core
	$(BIN)/marsad run --config config.yaml

# The pages: one HTML file of the dataset, and the operators' page on http://127.0.0.1:8017/.
report: $(VENV)/.faces
	$(BIN)/marsad run --config config.yaml
	$(BIN)/marsad report --config config.yaml --out report.html

serve: $(VENV)/.faces
	$(BIN)/marsad serve --config config.yaml

test: $(VENV)/.dev $(VENV)/.tools
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

# The laws of text and language on every code point and a million posts; about six minutes.
nightly: $(VENV)/.dev
	$(BIN)/python -m tests.nightly_text

# Half a minute for each reader; what breaks one is written to crash-*.  atheris has wheels for Linux and macOS.
FUZZ_SECONDS ?= 30
fuzz: $(VENV)/.fuzz
	for target in telegram whatsapp csv archive pages; do \
	  $(BIN)/python tests/fuzz/readers.py $$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=3000 || exit 1; \
	done

# The proof that runs lose nothing: kills and refused system calls, full disks, cut samples; readers while sources are rerun.
# PROOF="--help" tells the sizes; the full one takes hours.  See docs/proof.md.
crash: $(VENV)/.bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	PYTHONPATH=.:tests $(BIN)/python -m tests.proof crash $(PROOF)

soak: $(VENV)/.bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	PYTHONPATH=.:tests $(BIN)/python -m tests.proof soak $(PROOF)

docs: $(VENV)/.core
	$(BIN)/python -c 'from pipeline.storage.schema import dictionary; print(dictionary(), end="")' > docs/columns.md
	$(BIN)/python -c 'from pipeline.readers.catalog import formats; print(formats(), end="")' > docs/formats.md
	$(BIN)/python -c 'from pipeline.config.reference import reference; print(reference(), end="")' > docs/config.md
	$(BIN)/python -c 'from pipeline.cli.reference import reference; print(reference(), end="")' > docs/commands.md

# Versions and hashes of everything that an installation takes; see docs/security.md.
lock: $(VENV)/.audit
	$(BIN)/uv pip compile --quiet --universal --no-header --generate-hashes pyproject.toml -o locks/core.txt
	$(BIN)/uv pip compile --quiet --universal --no-header --generate-hashes pyproject.toml -o locks/extras.txt \
	  --extra cluster --extra export --extra geo --extra remote --extra report --extra serve

audit: $(VENV)/.audit
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r locks/extras.txt

sbom: $(VENV)/.audit $(VENV)/.core
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o sbom.json $(BIN)/python
	@echo "sbom.json: what is installed in $(VENV), CycloneDX"

clean:
	rm -rf $(VENV) data sbom.json report.html

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "marsad needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp for each set of packages, so that a second call asks no network.
$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.faces: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[export,report,serve]'
	@touch $@ $(VENV)/.core

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.core

# The tests of the pages need a Chromium (one that is there, else playwright's, else Debian's), those of crashes strace.
$(VENV)/.tools: $(VENV)/.dev
	@for name in chromium chromium-browser google-chrome; do command -v $$name && break; done >/dev/null \
	  || $(BIN)/python -m playwright install chromium \
	  || { apt-get update -qq && apt-get install -y -qq chromium; } \
	  || echo "no Chromium to be had: the tests of the pages are skipped, in CI they fail"
	@command -v strace >/dev/null || { apt-get update -qq && apt-get install -y -qq strace; } \
	  || echo "no strace to be had: the tests that break single system calls are skipped"
	@touch $@

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ $(VENV)/.core

$(VENV)/.fuzz: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,fuzz]'
	@touch $@ $(VENV)/.core

$(VENV)/.audit: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5' 'pip-audit>=2.8' 'cyclonedx-bom>=5'
	@touch $@
