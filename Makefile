# One name for each thing that one does here; CI runs the same.
.PHONY: setup test lint docs site check

setup:  ## install in editable form with everything that development needs
	pip install -e '.[test,lint,docs,release]'
	pre-commit install

test:  ## the plain test run
	pytest -n auto --dist worksteal

lint:  ## format, style, types, import contracts
	ruff format --check .
	ruff check .
	mypy
	lint-imports

docs:  ## write every generated file anew
	resbench count --all --write
	resbench card --all
	python -m docs.reference

site:  ## the documentation as a site, in the folder site
	mkdocs build --strict

check:  ## all that CI checks, in fresh environments
	bash .ci/run
