# Each target is a few lines over scripts/, and sets up what it needs.
.PHONY: setup serve check test bench docs lock clean

setup: ## what development needs: Python and JavaScript packages, browser, proxy
	scripts/setup dev

serve: ## the product, at http://127.0.0.1:8400; options: make serve ARGS="--port 9000"
	scripts/setup run
	.venv/bin/tidewire serve $(ARGS)

check: setup ## linters, types, import order; no tests
	scripts/check

test: setup ## all tests; some of them: make test ARGS="-k nginx"
	scripts/test $(ARGS)

bench: setup ## the figures in bench/
	scripts/bench $(ARGS)

docs: setup ## docs/reference/, written from the code
	.venv/bin/python scripts/reference.py

lock: setup ## lock files anew from pyproject.toml; newest versions: make lock ARGS=--upgrade
	scripts/lock $(ARGS)

clean: ## all that was made from the sources, .venv and node_modules too
	scripts/clean
