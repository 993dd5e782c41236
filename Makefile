# make demo    a complete run, offline, no key needed; prints where its report is
# make test    lint, types, tests
# make lint    lint and types only
# make clean   remove what was built (runs/ stays)
#
# Each builds .venv on first use, and again when pyproject.toml or constraints.txt changed.
# Another interpreter: make test PY=python3.12     Other test options: make test PYTEST="-m 'not slow'"

PY ?= python3
PYTEST ?= -n 2
BIN := .venv/bin

.PHONY: demo test lint clean

demo: .venv/.stamp
	$(BIN)/rewardsmith demo

test: lint
	$(BIN)/python -m pytest $(PYTEST)

lint: .venv/.stamp
	$(BIN)/ruff check
	$(BIN)/mypy

# uv is fetched through pip and installs in a fraction of pip's time; it does not read pip's configuration, so the
# find-links go to it by hand (pip separates them by spaces or lines, uv by commas). If any of that fails: plain pip.
.venv/.stamp: pyproject.toml constraints.txt
	@command -v $(PY) >/dev/null || { echo "$(PY) was not found: install Python >= 3.11, or name one: make PY=/path/to/python" >&2; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rewardsmith needs Python >= 3.11, found $$($(PY) -V 2>&1): name another with make PY=python3.12" >&2; exit 1; }
	@$(PY) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PY) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PY) -m venv .venv
	@echo "installing into .venv (a minute or a few on first use)"
	@links="$${PIP_FIND_LINKS:-$$($(PY) -m pip config get global.find-links 2>/dev/null || true)}"; \
	links="$$(printf %s "$$links" | tr -s ' \n' ,)"; links="$${links#,}"; \
	if [ -n "$$links" ]; then UV_FIND_LINKS="$${links%,}"; export UV_FIND_LINKS; fi; \
	{ $(BIN)/python -m pip install -q uv && \
	  VIRTUAL_ENV="$(CURDIR)/.venv" UV_CONSTRAINT=constraints.txt $(BIN)/uv pip install -q -e '.[dev]'; } || \
	{ echo "uv did not manage; installing with pip" >&2; \
	  $(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'; }
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
