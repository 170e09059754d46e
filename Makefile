PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := demo
.PHONY: demo test check docs figures bench coverage torture supply package web browser node clean

demo: $(READY) ## train the reference model on the bundled digits and audit it
	$(BIN)/holistic run

test: check ## everything that must hold before a change is kept
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

check: $(READY) ## formatting, lint, types, and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache

docs: $(READY) ## the site, in docs/_build/html; runs the tutorials where code has changed
	$(BIN)/sphinx-build -q -W --keep-going -d docs/_build/doctrees docs docs/_build/html
	! grep -rlE '<(script|link|img)[^>]*(src|href)="(https?:)?//' docs/_build/html --include='*.html' # read offline

figures: $(READY) ## the pictures and numbers that the site quotes, from audits made anew
	rm -rf runs/figures
	$(BIN)/python -m docs._make.figures

bench: $(READY) ## a sweep of every unit beside its peers and the floor, in one process
	$(BIN)/pip install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.measures
	$(BIN)/python -m benchmarks.integrals

coverage: $(READY) ## how often intervals hold the truth, and tests stay silent where nothing is
	$(BIN)/python -m benchmarks.coverage

torture: $(READY) ## how often each promise is kept when runs are killed, starved and attacked
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.torture $(PROMISES)

supply: $(READY) ## licences, a bill of materials, and known vulnerabilities where that data can be reached
	test -x $(VENV)-supply/bin/pip || $(PYTHON) -m venv $(VENV)-supply
	$(VENV)-supply/bin/pip install --quiet pip-audit==2.10.1 pip-licenses==5.5.5 cyclonedx-bom==7.5.0
	mkdir -p runs/supply
	$(VENV)-supply/bin/pip-licenses --python=$(BIN)/python --order=license --output-file=runs/supply/licences.txt
	$(VENV)-supply/bin/cyclonedx-py environment $(BIN)/python --output-file runs/supply/sbom.json
	-$(VENV)-supply/bin/pip-audit --progress-spinner=off --path $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')

package: $(READY) ## build the sdist, the wheel from it, and use that wheel far from the checkout
	rm -rf runs/package
	$(BIN)/python -m build --outdir runs/package . > /dev/null
	$(PYTHON) -m venv --without-pip runs/package/away
	$(BIN)/pip --quiet --python runs/package/away/bin/python install --no-deps runs/package/*.whl
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > runs/package/away/lib/$$(ls runs/package/away/lib)/site-packages/dependencies.pth # not through pip: minutes
	cd runs/package/away && bin/python -c 'import holistic; assert "/package/away/" in holistic.__file__'
	cd runs/package/away && bin/holistic run digits --quick --out audit > run.txt
	cd runs/package/away && bin/holistic verify audit && test -s audit/report.html

web: node ## check and test the sources in web/, and build the pages' scripts from them
	cd web && npm ci --no-audit --no-fund --silent && npm test && npm run build

browser: $(READY) node ## open reports and a served audit in Chromium, one with hostile names
	cd web && npm ci --no-audit --no-fund --silent
	$(BIN)/python web/test/reports.py runs/browser
	rm -rf runs/browser-digits # an audit of older code would be gone on with
	$(BIN)/holistic run digits --out runs/browser-digits > runs/browser/digits.txt
	cp runs/browser-digits/report.html runs/browser/digits.html
	cd web && node test/browser.mjs ../runs/browser/*.html
	$(BIN)/python web/test/walk.py runs/browser-digits

node:
	@command -v node > /dev/null || packages=nodejs; \
	command -v npm > /dev/null || packages="$$packages npm"; \
	command -v chromium > /dev/null || packages="$$packages chromium"; \
	test -z "$$packages" || { apt-get update -qq && apt-get install -y -qq $$packages; } > /dev/null

clean: ## remove the environment
	rm -rf $(VENV) $(VENV)-supply

# The stamp comes last: an installation that was cut off is done again.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; name another with make PYTHON=python3.12")'
	@echo "setting up $(VENV), which takes some minutes the first time"
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
