# Everything starts here: `make help`.
PYTHON_IN_CLONE := .venv/bin/python
# What browser, drawing library and Node.js would leave in the home folder.
TRACES := $(CURDIR)/var/traces

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-clients demo test test-torch clients lint format bench screenshot requirements clean purge

help: ## Show this help
	@echo "Usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo PORT=8123 SCENE=my.tif   another port, a raster of your own"
	@echo "  make test ARGS='-k grid'           only some tests"

setup: ## Make the Python environment and build the front-end
	@tools/setup.sh

setup-dev: ## As setup, with what tests, benchmarks, training reports and 8-bit networks need
	@tools/setup.sh dev

setup-clients:
	@tools/setup.sh clients

demo: setup ## Prepare a landscape (or SCENE=my.tif), ingest it and serve it (PORT=8000)
	@$(PYTHON_IN_CLONE) manage.py demo $(if $(SCENE),--scene "$(SCENE)") $(if $(PORT),--port "$(PORT)")

test: lint ## Lint, then all tests: the front-end's by Vitest, the others on a real PostGIS and Chromium
	@tools/frontend.sh test
	@echo "Chromium: $$($(PYTHON_IN_CLONE) -m tests.support.chromium)"
	@XDG_CONFIG_HOME="$(TRACES)/config" MPLCONFIGDIR="$(TRACES)/matplotlib" NODE_COMPILE_CACHE="$(TRACES)/node" \
		$(PYTHON_IN_CLONE) -m pytest --cov --cov-report=term $(ARGS)

clients: setup-clients ## Run Apollo, urql, Relay and other clients, and schema linters, against a server
	@XDG_DATA_HOME="$(TRACES)/data" $(PYTHON_IN_CLONE) -m pytest -m clients -v -s --tb=short --show-capture=no tests/clients $(ARGS)

test-torch: setup-dev ## Test training in PyTorch, which is installed first (gigabytes; UV_TORCH_BACKEND=cpu: less)
	.venv/bin/uv pip install --python $(PYTHON_IN_CLONE) -r pyproject.toml --extra torch -c requirements-dev.txt
	$(PYTHON_IN_CLONE) -m pytest -m torch tests/unit/training $(ARGS)

lint: setup-dev ## Check format, style, types and who imports whom
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@tools/frontend.sh lint

format: setup-dev ## Format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	@tools/frontend.sh format

bench: setup-dev ## Measure against floors and peers, all of it (ARGS=warm: one; ARGS=--help: the list)
	@$(PYTHON_IN_CLONE) -m bench $(or $(ARGS),all)

screenshot: setup-dev ## Take the picture of the map in the README, of the demo (URL=http://…: of that server)
	@$(PYTHON_IN_CLONE) -m tests.support.screenshot $(URL)

requirements: setup-dev ## Compile the pinned requirements (ARGS=--upgrade takes newer ones)
	@tools/requirements.sh $(ARGS)

clean: ## Stop the database and remove what was built or fetched; scenes and scores stay
	@tools/clean.sh

purge: ## As clean, and delete the database, the demo and models under var/ (asks; YES=1 does not)
	@tools/clean.sh all $(YES)
