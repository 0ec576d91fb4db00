# `make lab` is the one command to begin with; `make help` lists the others.

VENV ?= .venv
PYTHON = $(VENV)/bin/python
LAB_DRIVER ?= netns
OVERLAY ?= never
FUZZ_SECONDS ?= 600
SEEDS ?= 100000
SOURCES = bgpd tests bench

.DEFAULT_GOAL := help
.PHONY: help venv system build test-compiled lab lab-check lab-down test test-long lint fmt bench conformance fuzz clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \t\2/p' Makefile | expand -t 18

venv: $(VENV)/.stamp ## the virtual environment, with everything for development

$(VENV)/.stamp: pyproject.toml tools/venv
	tools/venv $(VENV)

system: ## system tools that the lab and the tests call (installed by apt-get where root may)
	tools/system

build: venv ## the hot rooms compiled by mypyc, in build/compiled: run bgpd from there as from here (needs a C compiler)
	tools/build build/compiled

lab: venv system ## bring the lab up, look at everything, judge it, leave it running (LAB_DRIVER=netns|docker, NODES=5, OVERLAY=never|cross-subnet|always)
	$(PYTHON) -m bgpd.lab up --driver $(LAB_DRIVER) $(if $(NODES),--nodes $(NODES)) --overlay $(OVERLAY)

lab-check: venv ## look at the running lab again
	$(PYTHON) -m bgpd.lab check

lab-down: venv ## remove every trace of the lab (its images stay as a cache: make clean)
	$(PYTHON) -m bgpd.lab down

test: venv system lint ## everything: lint, then every test, namespaces, interop and both labs included (root; PYTEST_FLAGS="-k word": some)
	@command -v cc >/dev/null || tools/system gcc libc6-dev  # the benchmark's load is tested, too
	SIM_SEEDS=$${SIM_SEEDS:-1000} tools/tests $(PYTHON) $(PYTEST_FLAGS)

COMPILED = cd build/compiled && COMPILED_TESTS=1 PYTHONPATH=$$PWD .venv/bin/python -m pytest -p no:cacheprovider
# All but what replaces a part of the code by another: that cannot be done to machine code.
SIMULATED = tests/sim/test_seeds.py tests/sim/test_mesh.py tests/sim/test_faults.py tests/sim/test_restarts.py

test-compiled: build system ## unit, property and session tests, simulated clusters and a lab, with the hot rooms compiled (root)
	SIM_SEEDS=$${SIM_SEEDS:-200}; export SIM_SEEDS; \
	$(COMPILED) -n 2 --dist loadfile $(PYTEST_FLAGS) tests/unit tests/property tests/session $(SIMULATED) \
	  --deselect tests/sim/test_seeds.py::test_nothing_piles_up tests/netns/test_kernel_routes.py "tests/lab/test_lab.py::test_namespaces"

test-long: venv ## ten minutes of kernel faults, a million kernel routes, a hundred thousand simulated clusters (SEEDS=100000; one again: `python -m tests.sim SEED`)
	SOAK_SECONDS=600 BGPD_LONG=1 $(PYTHON) -m pytest -s tests/netns/test_kernel_soak.py tests/netns/test_kernel_million.py tests/etcd/test_streams.py
	PROPERTIES=new $(PYTHON) -m pytest tests/property
	$(PYTHON) -m tests.sim 0 $(SEEDS) $$(nproc)

lint: venv ## ruff and mypy --strict
	$(PYTHON) -m ruff check $(SOURCES)
	$(PYTHON) -m ruff format --check $(SOURCES)
	$(PYTHON) -m mypy --strict $(SOURCES)

fmt: venv ## format the sources
	$(PYTHON) -m ruff format $(SOURCES)
	$(PYTHON) -m ruff check --fix $(SOURCES)

bench: venv system ## ours beside five other daemons, 15 minutes (QUICK=1: two; BENCH=A,R100 and DAEMONS=compiled,bird2: some; PUBLISH=1: into the README)
	@command -v cc >/dev/null || tools/system gcc libc6-dev  # the load is a C program
	-tools/build build/compiled
	$(PYTHON) -m bench $(if $(QUICK),--quick) $(if $(BENCH),--only $(BENCH)) $(if $(DAEMONS),--daemons $(DAEMONS)) $(if $(PUBLISH),--publish)

conformance: venv system ## what five daemons do with malformed messages: docs/conformance.md (root)
	$(PYTHON) -m tests.conformance --out docs/conformance.md

fuzz: venv ## fuzz every decoder and the whole speaker (FUZZ_SECONDS=600 in all, one process)
	$(PYTHON) -m tests.fuzz --seconds $(FUZZ_SECONDS)

clean: ## the lab with its images, the virtual environment, caches of tools
	[ ! -x $(PYTHON) ] || $(PYTHON) -m bgpd.lab down --images
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/out
