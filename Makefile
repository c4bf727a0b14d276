# `make demo` and `make test` are all a newcomer needs; each makes its own environment in .venv.
PYTHON ?= python3
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
export DO_NOT_TRACK ?= 1

.PHONY: demo test test-integration test-slow e2e lint docs bench bench-serve bench-scale fuzz-serve study audit-study lock clean

# deck/ keeps the deck of the demo lender, who alone comes with true probabilities.
demo: .venv/ready ## simulate a lender if data/ holds no CSV, run all months, say where to look
	.venv/bin/vintage demo
	@test -n "$$VINTAGE_DATA$$VINTAGE_DATAMART" -o ! -e data/true_default_probability.csv || cp datamart/deck/vintage.pdf deck/vintage.pdf

test: .venv/ready ## run the test suite but for what follows, within five minutes
	.venv/bin/pytest

test-integration: .venv/ready ## run whole lenders month by month, and commands in processes of their own
	.venv/bin/pytest -m 'integration and not slow'

test-slow: .venv/ready ## kill the flows and fuzz the files, for minutes
	.venv/bin/pytest -m slow --dist load

e2e: .venv/ready ## build the image, start all services and try them, for minutes; needs Docker and Chromium
	.venv/bin/pytest -m e2e -n 0 -x tests/e2e

lint: .venv/ready ## style, types and the import rules between rooms
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/basedpyright
	.venv/bin/lint-imports

docs: .venv/ready ## build the site from docs/, READMEs, commands and docstrings; writes site/
	.venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements-docs.txt
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build -q --strict

bench: .venv/ready ## time the flows; writes benchmarks/results.md
	.venv/bin/python -m benchmarks

bench-serve: .venv/ready ## load copies of the lender's datamart and models by requests for scores; prints latencies
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.serve

bench-scale: .venv/ready ## time features by volume, months, place and workers, for hours unless SCALE_VOLUMES, SCALE_MONTHS, ... choose; writes benchmarks/scale.md
	OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.scale_table

fuzz-serve: .venv/ready ## send ten thousand requests made of its own schema to `vintage serve --port 8199`, which serves a copy: each answer is a recorded decision; fails at a server error
	.venv/bin/uv tool run schemathesis@4.32.5 run http://127.0.0.1:8199/openapi.json --checks not_a_server_error --max-examples 2000

study: .venv/ready ## try the monitoring policy on hundreds of lenders, for an hour; writes benchmarks/monitoring.md
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 .venv/bin/python -m benchmarks.study

audit-study: .venv/ready ## try the audit of sources on planted columns, for half an hour; writes benchmarks/audit.md
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 .venv/bin/python -m benchmarks.audit

lock: .venv/ready ## compile the pinned requirements from pyproject.toml
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra serve pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra serve pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --group pyproject.toml:docs -c requirements-dev.txt -o requirements-docs.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.12 --generate-hashes --group pyproject.toml:airflow -o requirements-airflow.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.12 --generate-hashes --extra serve --extra scale pyproject.toml --group object-store -c requirements-dev.txt -o requirements-scale.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.12 --generate-hashes --group pyproject.toml:airflow-scale -c requirements-airflow.txt -o requirements-airflow-scale.txt

clean: ## remove what the flows made; data/ stays
	rm -rf datamart/*/ model_store/*/ model_store/registry.jsonl reports

# uv installs and compiles the pinned files in seconds; pip's only work is to fetch that uv.
.venv/ready: requirements-dev.txt pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	test -x .venv/bin/uv || awk '/^[^ ]/ {ours = /^uv==/} ours' requirements-dev.txt > .venv/uv.txt
	test -x .venv/bin/uv || .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r .venv/uv.txt
	.venv/bin/uv pip sync -q --compile-bytecode --python .venv/bin/python requirements-dev.txt
	.venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
	touch $@
