# make demo    a complete run, offline, no key needed; prints where its report is
# make test    lint, types, tests
# make lint    lint and types only
# make docs    the documentation as a site, in site/
# make test-litellm   the model layer again, with the litellm extra and the older OpenAI SDK that it asks for
# make clean   remove what was built (runs/ stays)
#
# Each builds .venv on first use, and again when pyproject.toml or constraints.txt changed.
# Another interpreter: make test PY=python3.12     Other test options: make test PYTEST="-m 'not slow'"

PY ?= python3
PYTEST ?= -n 2 --dist worksteal
BIN := .venv/bin

# Many container images forbid Python to keep compiled modules; every process then compiles torch anew, for seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-litellm lint docs clean

demo: .venv/.stamp
	$(BIN)/rewardsmith demo

test: lint
	$(BIN)/python -m pytest $(PYTEST)

# This release of litellm holds the openai package at 2.x, so that both generations of it are tested.
test-litellm: .venv-litellm/.stamp
	.venv-litellm/bin/python -m pytest $(PYTEST) tests/llm

lint: .venv/.stamp
	$(BIN)/ruff check
	$(BIN)/mypy

docs: .venv/.stamp
	$(BIN)/python docs/make_site.py

# uv is fetched through pip and installs in a fraction of pip's time; it does not read pip's configuration, so the
# find-links go to it by hand (pip separates them by spaces or lines, uv by commas). If any of that fails: plain pip.
.venv-litellm/.stamp: private EXTRA = ,litellm
.venv-litellm/.stamp: private ALSO = litellm==1.106.2
.venv/.stamp .venv-litellm/.stamp: pyproject.toml constraints.txt
	@command -v $(PY) >/dev/null || { echo "$(PY) was not found: install Python >= 3.11, or name one: make PY=/path/to/python" >&2; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rewardsmith needs Python >= 3.11, found $$($(PY) -V 2>&1): name another with make PY=python3.12" >&2; exit 1; }
	@$(PY) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PY) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@test -x $(@D)/bin/pip || $(PY) -m venv $(@D)
	@echo "installing into $(@D) (a minute or a few on first use)"
	@links="$${PIP_FIND_LINKS:-$$($(PY) -m pip config get global.find-links 2>/dev/null || true)}"; \
	links="$$(printf %s "$$links" | tr -s ' \n' ,)"; links="$${links#,}"; \
	if [ -n "$$links" ]; then UV_FIND_LINKS="$${links%,}"; export UV_FIND_LINKS; fi; \
	{ $(@D)/bin/python -m pip install -q uv && \
	  VIRTUAL_ENV="$(CURDIR)/$(@D)" UV_CONSTRAINT=constraints.txt $(@D)/bin/uv pip install -q -e '.[dev$(EXTRA)]' $(ALSO); } || \
	{ echo "uv did not manage; installing with pip" >&2; \
	  $(@D)/bin/python -m pip install -q -c constraints.txt -e '.[dev$(EXTRA)]' $(ALSO); }
	@touch $@

clean:
	rm -rf .venv .venv-litellm build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
