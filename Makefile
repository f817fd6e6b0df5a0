# What a person and what CI runs. Each target first installs, into the checkout, what it needs and what changed.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# As it was given: `ENV=` is not the same as no ENV, and a name can hold what make or the shell would take for theirs.
export ENVIRONMENT := $(value ENV)
# What stays on this machine has a default, the local AWS an environment of its own. What reaches an account has none.
given_or = $(if $(filter undefined,$(origin ENV)),$(1),$$ENVIRONMENT)
LOCAL_ENV = $(call given_or,local)
GIVEN_IF_ANY = $(if $(filter undefined,$(origin ENV)),,environment-given)

# Node and npm too are in .venv/bin: setup.sh links those of requirements.txt there.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# What is downloaded or unpacked stays in the checkout.
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export npm_config_cache := $(CURDIR)/.cache/npm
export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.cache/jsii
export CDK_HOME := $(CURDIR)/.cache/cdk
# Node with another home: setup.sh.
export JSII_NODE := $(CURDIR)/.venv/bin/jsii-node
# npm and tsc would keep compiled code in the system's temporary folder. Kept in the checkout it would grow with each run,
# as the CDK's library runs from another folder each time.
export NODE_DISABLE_COMPILE_CACHE := 1
# A synth needs no network.
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := true

PYTHON := .venv/.installed
LOCAL := .venv-local/.installed
FUNCTIONS := .venv-functions/.installed
CHECKOV := .venv-checkov/.installed
NODE := node_modules/.installed
JUDGES := .venv-judges/.installed
TYPESCRIPT := tests/contract/typescript/node_modules/.installed
OPENID_PROVIDER := tests/openid_provider/node_modules/.installed
DYNAMODB_LOCAL := tests/dynamodb_local/node_modules/.installed
# The media plane and the page of `make local`; the Chime SDK and WebRTC for Node; and what tests have beside them, a
# browser's driver.
PAGES := local/node_modules/.installed
SMOKE_MEDIA := operations/media/node_modules/.installed
MEDIA_TEST := tests/e2e/media/node_modules/.installed
CONSOLE := build/console/index.html
OPENAPI_TYPES := build/openapi.d.ts
ENVIRONMENTS = $(basename $(notdir $(wildcard config/*.toml)))
# Every file of pinned packages.
REQUIREMENTS = $(wildcard requirements*.txt */requirements*.txt tools/*/requirements*.txt tests/*/*/requirements*.txt)
# Vulnerabilities that do no harm here. In ecdsa, which checkov brings along and this project signs nothing with:
# how long a signature takes reveals something of its key, and its authors will not fix it.
ACCEPTED = CVE-2024-23342

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(GIVEN_IF_ANY) $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) ## place a call on this machine, from an empty local AWS to the agent's queue; ENV=local-bridge over SIP
	@python -u -m local.demo --environment "$(LOCAL_ENV)"

.PHONY: local
local: $(GIVEN_IF_ANY) $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) $(CONSOLE) ## run the app in the local AWS until Ctrl-C, with a phone and an agent's desk in the browser
	@python -u -m local --environment "$(LOCAL_ENV)"

.PHONY: test coverage
test: ## all tests but the slow ones, end to end through the local AWS
coverage: ## the same tests with more examples, and which lines and branches they run: fails under 95 %
test coverage: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) $(TYPESCRIPT) $(OPENID_PROVIDER) $(CONSOLE) $(SMOKE_MEDIA) $(MEDIA_TEST)
	@# Often set; but what one process has compiled, the hundreds that the tests start need not.
	@export PYTHONDONTWRITEBYTECODE=; \
		began=$$(date +%s); python -m pytest $(if $(filter coverage,$@),--cov $(THOROUGH)) $(SIDE_BY_SIDE) \
			|| { $(call once_more_alone,$(if $(filter coverage,$@),$(THOROUGH))) $(if $(filter coverage,$@),&& coverage report); } || exit 1; \
		mkdir -p build && echo "{\"seconds\": $$(( $$(date +%s) - began ))}" > build/$@-seconds.json

.PHONY: test-unit
test-unit: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) $(TYPESCRIPT) $(PAGES) ## all tests but the end-to-end ones
	@export PYTHONDONTWRITEBYTECODE=; python -m pytest $(SIDE_BY_SIDE) \
		tests/lambdas tests/simulation tests/infra tests/operations tests/tools tests/contract tests/local

.PHONY: test-slow
test-slow: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) $(JUDGES) $(DYNAMODB_LOCAL) $(CONSOLE) $(SMOKE_MEDIA) $(MEDIA_TEST) ## what takes long: first runs, upgrades, other environments, browsers, DynamoDB Local (needs Java)
	@command -v java >/dev/null || echo "No Java here, so the table is not tested on AWS's DynamoDB Local (Debian: apt install default-jre-headless)."
	@# One line where this machine cannot have Swift: the tests are skipped then.
	@tools/swift/run true || test $$? = 77
	@export PYTHONDONTWRITEBYTECODE=; \
		python -m pytest -m slow $(THOROUGH) -r fE -n 2 --no-loadscope-reorder --ignore=tests/e2e/media || $(call once_more_alone,-m slow $(THOROUGH))
	@# Alone, since a machine that is busy makes gaps in what is heard.
	@python -m pytest -m slow -r fE tests/e2e/media || $(call once_more_alone,-m slow)

# In three processes: each one more reads all tests once more. Schemathesis has a hand in every test, and the tests
# that use it are slow ones.
SIDE_BY_SIDE := -n 3 --no-loadscope-reorder -p no:schemathesis

# All examples, where `make test` tries a quarter; and the same ones once more, or what failed might pass.
THOROUGH := --hypothesis-profile=thorough

# Some tests have to do with time, and run beside others on a machine that may be slow. What fails twice fails.
once_more_alone = { echo '==> what failed, once more and alone'; python -m pytest -r fE --last-failed --last-failed-no-failures none $(1); }

.PHONY: test-ios
test-ios: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) ## the Swift package for iOS, on Linux: alone, against the local AWS, against interfaces of Apple's frameworks
	@tools/swift/run true || test $$? = 77
	@python -m pytest -m slow -r fE tests/contract/test_swift_package.py tests/e2e/test_swift_package.py

.PHONY: test-walls
test-walls: $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) $(TYPESCRIPT) ## check, tests and demo in a copy without the SIP bridge
	@tests/walls.sh

.PHONY: test-e2e
test-e2e: $(GIVEN_IF_ANY) $(PYTHON) $(LOCAL) $(FUNCTIONS) $(NODE) $(PAGES) ## the end-to-end tests on another environment: ENV=local-issuer, ENV=local-backend
	@E2E_ENVIRONMENT="$(LOCAL_ENV)" python -m pytest tests/e2e \
		--ignore=tests/e2e/sip_bridge --ignore=tests/e2e/issuer --ignore=tests/e2e/backend --ignore=tests/e2e/media

.PHONY: simulate
# What was given, or as many seeds as take some minutes.
simulate: $(PYTHON) ## calls in every order and with every failure that AWS allows: SEEDS=10000, FIRST=0
	@PYTHONPATH=.:lambdas python -m tests.simulation --seeds "$(or $(SEEDS),10000)" --first "$(or $(FIRST),0)"

.PHONY: mutation
mutation: $(PYTHON) ## whether the tests notice changes of what decides who calls: an hour or more, survivors are listed
	rm -rf build/mutation
	mkdir -p build/mutation/tests
	cp -R lambdas/* operations infra openapi.yaml build/mutation
	cp -R tests/lambdas tests/examples.py build/mutation/tests
	cp tests/mutation.toml build/mutation/pyproject.toml
	cd build/mutation && mutmut run --max-children 2 && mutmut results

.PHONY: check lint types imports flows-and-documents
check: $(PYTHON) $(LOCAL) $(NODE) $(PAGES) $(SMOKE_MEDIA) $(MEDIA_TEST) $(OPENAPI_TYPES) ## lint, types, imports, documents, secrets, licences, templates and security rules of every environment
	@# Two at a time: each takes one core.
	@$(MAKE) --jobs=2 types $(ENVIRONMENTS:%=templates-of-%) lint imports flows-and-documents secrets licences
	$(call step,all of it holds)

lint:
	$(call step,lint and format)
	@ruff check --quiet .
	@ruff format --quiet --check .
types:
	$(call step,types (a minute or two the first time))
	@mypy --no-error-summary
	@set -e; for project in $(TYPESCRIPT_PROJECTS); do node local/node_modules/typescript/bin/tsc --project $$project; done
imports:
	$(call step,imports)
	@PYTHONPATH=.:lambdas lint-imports --no-logo
	@# What holds inside a room that may be absent stands in the room.
	@set -e; for rules in $(wildcard */sip_bridge/importlinter.toml); do PYTHONPATH=.:lambdas lint-imports --no-logo --config $$rules; done
flows-and-documents:
	$(call step,contact flows and documents)
	@python -m infra.assets.contact_flow_lint
	@python -m pytest --quiet --no-header tests/documents

step = @echo '==> $(1)'
TYPESCRIPT_PROJECTS := local/media local/console/page operations/media tests/local/media tests/e2e/media

.PHONY: check-flow
check-flow: $(PYTHON) ## what Amazon Connect would say of a contact flow: FILE=my-flow.json, TYPE=CUSTOMER_QUEUE, JSON=1
	@test -n "$(FILE)" || { echo "Name the flow: make check-flow FILE=my-flow.json"; exit 2; }
	@python -m infra.assets.contact_flow_lint $(if $(TYPE),--type $(TYPE)) $(if $(JSON),--json) -- $(FILE)

templates-of-%:
	$(call step,templates and security rules of $*)
	@rm -rf build/check/$*; mkdir -p build/check
	@# By the packs, and by cfn-lint. The CDK's own validation, which takes long, is part of tests/infra/test_security_findings.py.
	@CDK_VALIDATION=false cdk synth --quiet --no-notices --context environment=$* --output build/check/$* >build/check/$*.log 2>&1 || { cat build/check/$*.log; exit 1; }
	@# In the Region that it is for: resource types differ between Regions.
	@cfn-lint --non-zero-exit-code warning \
		--regions $$(sed -n 's#.*"environment": "aws://[0-9]*/\([a-z0-9-]*\)".*#\1#p' build/check/$*/manifest.json | sort -u) \
		-- build/check/$*/*.template.json
	@python -m tools.stateful check $* build/check/$*

.PHONY: release-state
release-state: environment-given $(PYTHON) $(NODE) ## record what of ENV is stateful; after a change that `make check` refuses, this lets go of it
	@cdk synth --quiet --no-notices --context environment="$$ENVIRONMENT" --output "build/$$ENVIRONMENT"
	@python -m tools.stateful release "$$ENVIRONMENT" "build/$$ENVIRONMENT"

# In all files that git has or would add. No service is called, nothing found is printed. A line of an
# invented secret that looks real ends in kingfisher:ignore, and says why.
SECRET_RULES := --rules-path tools/supply_chain/secret_rules.yaml
.PHONY: secrets
secrets: $(PYTHON)
	$(call step,secrets)
	@kingfisher rules check --quiet --no-update-check --load-builtins=false $(SECRET_RULES)
	@git ls-files --cached --others --exclude-standard | xargs ls -d 2>/dev/null | xargs \
		kingfisher scan --quiet --no-update-check --no-validate --redact --git-history none \
		--rule-cache-dir .cache/kingfisher $(SECRET_RULES) --

# pyproject.toml has the list of the licences that are allowed; of Node's packages this is one. Of MPL-2.0, as there: tools
# that are used unchanged and never shipped, a reader of recordings that werift brings along and a checker of pages.
NPM_LICENCES := 0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause ISC MIT Python-2.0 Unlicense "(MIT AND Zlib)" "(MIT OR CC0-1.0)"
.PHONY: licences
licences: $(PYTHON) $(LOCAL) $(NODE) $(PAGES) $(SMOKE_MEDIA) $(MEDIA_TEST)
	$(call step,licences)
	@for folder in .venv .venv-local; do pip-licenses --python $$folder/bin/python --summary >/dev/null || exit; done
	@set -e; others=':root *:not(#mediabunny):not(#axe-core)'; \
	for licence in $(NPM_LICENCES); do others="$$others:not([license=\"$$licence\"])"; done; \
	for project in . local operations/media tests/e2e/media; do npm query --prefix $$project "$$others" --expect-results=false >/dev/null; done

.PHONY: checkov
checkov: $(PYTHON) $(CHECKOV) $(NODE) ## a second opinion on the templates of every environment
	pip-licenses --python .venv-checkov/bin/python --summary >/dev/null
	$(MAKE) --jobs=2 $(ENVIRONMENTS:%=templates-of-%)
	.venv-checkov/bin/checkov --config-file tools/supply_chain/checkov.yaml \
		$$(printf -- ' --file %s' $(ENVIRONMENTS:%=build/check/%/*.template.json))

.PHONY: audit
audit: $(PYTHON) $(CHECKOV) $(NODE) ## known vulnerabilities in everything that is pinned; needs the network
	failed=; for file in $(REQUIREMENTS); do \
		echo "vulnerabilities in $$file"; \
		.venv-checkov/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
			$(addprefix --ignore-vuln ,$(ACCEPTED)) --requirement $$file || failed="$$failed $$file"; \
	done; test -z "$$failed"
	npm audit
	npm audit --prefix tests/contract/typescript
	npm audit --prefix tests/openid_provider
	npm audit --prefix tests/dynamodb_local
	npm audit --prefix local
	npm audit --prefix operations/media
	npm audit --prefix tests/e2e/media
	npm audit --prefix tests/infra/judges

# The layer of all functions, and what the authorizer has beside it.
.PHONY: sbom
sbom: $(PYTHON) ## bills of materials (CycloneDX) of what the functions ship, in build/sbom
	mkdir -p build/sbom
	export PYTHONWARNINGS=ignore; for part in requirements requirements-authorizer requirements-availability; do \
		cyclonedx-py requirements lambdas/$$part.txt --pyproject pyproject.toml --mc-type application \
			--output-reproducible --output-file build/sbom/$$part.cdx.json || exit; \
	done

.PHONY: synth
synth: $(GIVEN_IF_ANY) $(PYTHON) $(NODE) ## templates of ENV (default dev) in build/<ENV>; needs no AWS credentials
	@cdk synth --quiet --no-notices --context environment="$(call given_or,dev)" --output "build/$(call given_or,dev)"

# Before anything is installed or built.
.PHONY: environment-given
environment-given:
	@case "$$ENVIRONMENT" in *[![:space:]]*) ;; *) \
		printf '%s\n' 'Which environment? For example: make $(MAKECMDGOALS) ENV=acme' \
			'  config/ has: $(sort $(ENVIRONMENTS))' '  To write another one: make new ENV=acme' >&2; exit 1 ;; \
	esac

.PHONY: new
export OPERATIONS_INSTANCE := $(value INSTANCE)
export OPERATIONS_VERIFIED := $(value VERIFIED)
export OPERATIONS_UNVERIFIED := $(value UNVERIFIED)
new: environment-given $(PYTHON) ## write config/<ENV>.toml from what the account has in Amazon Connect
	@python -m operations new --environment "$$ENVIRONMENT"

CDK_ENVIRONMENT = --no-notices --context environment="$$ENVIRONMENT" --output "build/$$ENVIRONMENT"

.PHONY: bootstrap
bootstrap: environment-given $(PYTHON) $(NODE) ## once per account and Region: prepare those of ENV for the CDK
	@python -m operations check-credentials --environment "$$ENVIRONMENT"
	@cdk bootstrap $(CDK_ENVIRONMENT)

.PHONY: doctor
doctor: environment-given $(PYTHON) ## whether the account is ready for ENV, and what to do where it is not; JSON=1 for pipelines
	@python -m operations doctor --environment "$$ENVIRONMENT" $(if $(JSON),--json)

.PHONY: deploy
deploy: environment-given $(PYTHON) $(NODE) ## deploy ENV with the AWS credentials of the shell, once the doctor finds nothing that fails
	@python -m operations check-transport --environment "$$ENVIRONMENT"
	@python -m operations doctor --environment "$$ENVIRONMENT" --before-deployment
	@cdk deploy --all $(CDK_ENVIRONMENT) $(if $(UNATTENDED),--require-approval never)

.PHONY: diff
diff: environment-given $(PYTHON) $(NODE) ## what a deployment of ENV would change
	@cdk diff --method=template $(CDK_ENVIRONMENT)

.PHONY: drift
drift: environment-given $(PYTHON) $(NODE) ## what somebody has changed by hand in ENV; fails if anything was, but for a switch of stop-calls
	@cdk drift $(CDK_ENVIRONMENT)
	@python -m operations drift --environment "$$ENVIRONMENT"

.PHONY: destroy
destroy: environment-given $(PYTHON) $(NODE) ## remove the Calling stack of ENV, and its SIP bridge if it has one; the users' stack stays
	@python -m operations check-credentials --environment "$$ENVIRONMENT"
	@cdk destroy "InAppCalling-$$ENVIRONMENT-{Calling,SipBridge}" $(CDK_ENVIRONMENT)

.PHONY: bench
bench: $(PYTHON) $(FUNCTIONS) $(NODE) ## speed and size beside what one would use instead; fails when a number does not hold
	@python -m tools.bench

# What `make capacity` takes, in capitals and with underscores: CALLS_PER_HOUR=1000.
CAPACITY := calls-per-hour aht-seconds wrap-up-seconds answer-within-seconds answered-in-time-percent \
	max-busy-percent peak-factor busy-hours-per-month
capitals = $(shell echo $(1) | tr a-z- A-Z_)

.PHONY: capacity
capacity: $(GIVEN_IF_ANY) $(PYTHON) ## quotas, agents and cost of CALLS_PER_HOUR=… AHT_SECONDS=… (docs/capacity.md)
	@python -m tools.capacity $(foreach option,$(CAPACITY),$(if $($(call capitals,$(option))),--$(option) '$($(call capitals,$(option)))')) \
		$(if $(filter undefined,$(origin ENV)),,--environment "$$ENVIRONMENT")

.PHONY: smoke
smoke: environment-given $(PYTHON) $(if $(MEDIA),$(SMOKE_MEDIA)) ## place a call in ENV after a deployment: which stage fails says what is broken; MEDIA=1 hears it; JSON=1
	@python -m operations smoke --environment "$$ENVIRONMENT" $(if $(MEDIA),--media) $(if $(CANARY),--canary) $(if $(JSON),--json)

.PHONY: canary-user
canary-user: environment-given $(PYTHON) ## operators: make the users of the canary of ENV, and the secret with their passwords; REMOVE=1
	@python -m operations canary-user --environment "$$ENVIRONMENT" $(if $(REMOVE),--remove)

.PHONY: explain
export OPERATIONS_CONTACT := $(value CONTACT)
explain: environment-given $(PYTHON) ## operators: what became of one call: CONTACT=<ContactId>, JSON=1 for pipelines
	@python -m operations explain --environment "$$ENVIRONMENT" $(if $(JSON),--json)

.PHONY: stop-calls resume-calls block unblock
# As it was given: a user's `sub` can hold what make or the shell would take for theirs.
export OPERATIONS_CALLER := $(value CALLER)
export OPERATIONS_HOURS := $(value HOURS)
stop-calls: environment-given $(PYTHON) ## operators: take no new calls in ENV, within five seconds
	@python -m operations stop-calls --environment "$$ENVIRONMENT"
resume-calls: environment-given $(PYTHON) ## operators: take calls again in ENV
	@python -m operations resume-calls --environment "$$ENVIRONMENT"
block: environment-given $(PYTHON) ## operators: keep a user from calling: CALLER=<sub>, and HOURS=24 if not for good
	@python -m operations block --environment "$$ENVIRONMENT"
unblock: environment-given $(PYTHON) ## operators: let a user call again: CALLER=<sub>
	@python -m operations unblock --environment "$$ENVIRONMENT"

.PHONY: outputs
export OPERATIONS_FOLDER := $(value FOLDER)
outputs: environment-given $(PYTHON) ## app developers: outputs.json and amplify_outputs.json of ENV, in build/outputs/<ENV> or FOLDER=<folder>
	@python -m operations outputs --environment "$$ENVIRONMENT"

.PHONY: clean
clean: ## remove everything that was built or installed
	rm -rf .venv .venv-local .venv-functions .venv-checkov .venv-judges node_modules \
		tests/contract/typescript/node_modules tests/openid_provider/node_modules \
		tests/dynamodb_local/node_modules tests/infra/judges/node_modules local/node_modules operations/media/node_modules tests/e2e/media/node_modules build .cache .local \
		.coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What .venv holds installs the rest; another lint tool in it is no reason to install that again.
$(PYTHON): setup.sh requirements.txt requirements-dev.txt
	@./setup.sh python
	@touch $@

$(LOCAL): setup.sh local/requirements.txt | $(PYTHON)
	@./setup.sh local
	@touch $@

$(FUNCTIONS): setup.sh lambdas/requirements-authorizer.txt | $(PYTHON)
	@./setup.sh functions
	@touch $@

$(CHECKOV): setup.sh tools/supply_chain/requirements.txt | $(PYTHON)
	@./setup.sh checkov
	@touch $@

$(JUDGES): setup.sh tests/infra/judges/requirements.txt tests/infra/judges/package-lock.json tests/infra/judges/.npmrc | $(PYTHON) $(NODE)
	@./setup.sh judges
	@touch $@

$(NODE): setup.sh package.json package-lock.json .npmrc | $(PYTHON)
	@./setup.sh node
	@touch $@

$(OPENID_PROVIDER): setup.sh tests/openid_provider/package.json tests/openid_provider/package-lock.json .npmrc | $(PYTHON)
	@./setup.sh openid-provider
	@touch $@

$(TYPESCRIPT): setup.sh tests/contract/typescript/package.json tests/contract/typescript/package-lock.json .npmrc | $(PYTHON)
	@./setup.sh typescript
	@touch $@

$(DYNAMODB_LOCAL): setup.sh tests/dynamodb_local/package-lock.json .npmrc | $(PYTHON)
	@./setup.sh dynamodb-local
	@touch $@

$(PAGES): setup.sh local/package.json local/package-lock.json local/.npmrc | $(PYTHON)
	@./setup.sh pages
	@touch $@

$(OPENAPI_TYPES): openapi.yaml $(PAGES)
	@mkdir -p build
	@node local/node_modules/openapi-typescript/bin/cli.js openapi.yaml --output $@ >build/openapi.log 2>&1 || { cat build/openapi.log; exit 1; }

# Some five seconds, and only when the page has changed.
$(CONSOLE): $(OPENAPI_TYPES) $(wildcard local/console/page/*) $(PAGES)
	@node local/node_modules/vite/bin/vite.js build --config local/console/page/vite.config.ts --logLevel warn
	@touch $@

$(SMOKE_MEDIA): setup.sh operations/media/package.json operations/media/package-lock.json operations/media/.npmrc | $(PYTHON)
	@./setup.sh smoke-media
	@touch $@

$(MEDIA_TEST): setup.sh tests/e2e/media/package.json tests/e2e/media/package-lock.json tests/e2e/media/.npmrc | $(PYTHON)
	@./setup.sh media-test
	@touch $@
