# What people do with this project. `make run` and `make test` do all of their set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test lint e2e kills bench docs clean wheelhouse install-offline offline

run: $(READY)  ## build the demo hospital into ./workspace and ./release
	$(BIN)/python -m flows.build

test: lint  ## lint, types, import contracts, unit, policy, architecture and flow tests
	$(BIN)/pytest -q -n 2 -m "not e2e"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

e2e: $(READY)  ## real servers, browsers, kills, and builds that need others before them
	$(BIN)/pytest -q -n 2 --dist loadfile -m e2e

kills: $(READY)  ## twenty builds, each killed at a random moment and run again
	PYTHONPATH=tests $(BIN)/python benchmarks/kills.py

bench: $(READY)  ## ours beside the peers, in one run each
	$(BIN)/python benchmarks/conversion.py --peers .venv-peers --install
	$(BIN)/python benchmarks/conversion_equality.py
	$(BIN)/python benchmarks/conversion_fuzz.py
	$(BIN)/python benchmarks/burned_in.py --synthetic 10
	$(BIN)/python benchmarks/header_leaks.py --peers .venv-peers --install
	$(BIN)/python benchmarks/report_text.py
	$(BIN)/python benchmarks/rebuild.py
	$(BIN)/python benchmarks/unchanged.py --studies 20000
	$(BIN)/python benchmarks/orchestration.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/acquisition.py
	$(BIN)/python benchmarks/catalog.py
	$(BIN)/python benchmarks/linkage.py
	$(BIN)/python benchmarks/review_store.py
	$(BIN)/python benchmarks/review_page.py

docs: $(READY)  ## write the pages that follow from the code: data dictionary, configuration, reasons
	$(BIN)/python scripts/write_docs.py

wheelhouse: $(READY)  ## everything for an installation without a network: wheels, hashes, bill of materials
	$(BIN)/python scripts/wheelhouse.py --output wheelhouse

install-offline:  ## install from wheelhouse/, on the machine without a network
	PYTHON=$(PYTHON) scripts/install_offline.sh wheelhouse $(VENV)

offline: $(READY)  ## gather, install without a network, build: some minutes and 2 GB, so not part of e2e
	HILUM_TEST_OFFLINE=1 $(BIN)/pytest -q tests/e2e/test_offline.py

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[easyocr,pacs,fhir,dask,s3,server,dev]"
	touch $(READY)

clean:
	rm -rf workspace release .pytest_cache .mypy_cache .ruff_cache .hypothesis
