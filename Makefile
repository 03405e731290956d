# The targets that people guess. `make` alone prints them; the work is done by packages/tooling.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# make would run targets of one goal line at once under -j; the caches under build/ are shared.
.NOTPARALLEL:

export PATH := $(CURDIR)/bin:$(PATH)
tooling := packages/tooling
bins := $(tooling)/node_modules/.bin
# What prettier judges: code and data, but neither generated code nor what others wrote (lockfile, chart templates).
formatted := '**/*.{ts,json,yaml,yml}' '!**/generated/**' '!pnpm-lock.yaml' '!charts/*/templates/**' '!**/fixtures/**'
prettier := $(bins)/prettier --config $(tooling)/prettier.json --ignore-path .gitignore --log-level warn \
  --cache --cache-strategy content --cache-location build/cache/prettier

# Either way to a cluster has the same commands.
kind := $(filter kind,$(WITH))
dev_cluster := dev-env/$(if $(kind),kind/)cluster.sh

.PHONY: help setup check lint types format format-write tidy generate-check generate test bench bench-report e2e image image-pins \
  quickstart test-bare clean dev-build dev-up dev-down dev-status dev-node

help: ## Print this list (the default)
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)$$/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  make %-15s %s\n' "$$name" "$$text"; done

setup: ## Fetch Node, pnpm and the workspace's packages into your cache; nothing to do takes no time
	@$(tooling)/setup.sh

check: types lint format tidy generate-check ## What must hold before tests are worth running: types, lint, format, tidy, generate-check

lint: types ## eslint, type-aware
	@node $(tooling)/src/lint/run.ts

types: setup ## The TypeScript compiler over all packages
	@$(bins)/tsc -b $(tooling)/tsconfig.all.json

format: setup ## prettier, without writing (make format-write writes)
	@$(prettier) --check $(formatted)

tidy: setup ## The rules of the house: who imports whom, sizes, clocks, markers (docs/reference/tidy.md)
	@node $(tooling)/src/tidy/run.ts

generate-check: setup ## Generated files are what their generators make
	@node $(tooling)/src/generate/run.ts --check

format-write: setup ## Let prettier write
	@$(prettier) --write $(formatted)

generate: setup ## Write all generated files
	@node $(tooling)/src/generate/run.ts

test: check ## check, then every package's tests
	@node $(tooling)/src/jest/run.ts

bench: setup ## Figures beside their bars; NAME=suite selects
	@node $(tooling)/src/bench/run.ts $(NAME)

bench-report: setup ## Write what was measured here to docs/reference/benchmarks.md
	@node $(tooling)/src/bench/run.ts --report

e2e: setup ## The heavy suites; SUITE=name selects one, PROFILE=ci what CI has time for, KEEP=1 keeps its cluster
	@SUITE='$(SUITE)' PROFILE='$(PROFILE)' KEEP='$(KEEP)' node packages/e2e/src/run.ts

image: setup ## The container image: its tree in build/image, as a file in build/image.tar; ARCH=arm64 for another machine
	@node $(tooling)/src/image/build.ts $(if $(ARCH),--architecture $(ARCH)) $(if $(LAYERS),--layers $(LAYERS))

image-pins: setup ## Pin what the image takes from Debian and npm to what they serve today
	@node $(tooling)/src/image/renew-pins.ts

quickstart: setup ## Start what exists on this machine and show it at work
	@holdfast quickstart

test-bare: ## Type the README's commands on a Debian that has nothing (root; needs debootstrap)
	@$(tooling)/test-bare.sh

dev-build: ## Build Kubernetes and what runs in it from Go modules, once per set of versions (dev-env/README.md)
	@dev-env/build.sh

dev-up: $(if $(kind),image,dev-build) ## Start a Kubernetes on this machine (root; CLUSTER=name NODES=3 DISKS=2; WITH=kind where there is Docker)
	@$(dev_cluster) up $(if $(kind),,$(NODES))

dev-down: ## End it without a trace (WITH=kind as it was started)
	@$(dev_cluster) down

dev-status: ## Its processes, nodes and disks
	@$(dev_cluster) status

dev-node: ## DO=start|kill|shutdown|freeze|thaw|cut|mend|restart-kubelet|restart-containerd NODE=2
	@$(dev_cluster) node $(DO) $(NODE)

clean: ## Remove everything that was built; tools and packages stay
	@rm -rf build
