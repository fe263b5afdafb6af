# Everything that is done with ordeal's source is a target here; `make help` lists them.

SHELL := bash
GO ?= go
# Brokers share the machine with the tests, so two packages are tested at a time and not more: one of the drivers, and one of the others.
# Where there is a flock(1) the next one is built meanwhile.
ONE = $(if $(shell command -v flock 2>/dev/null),-p 2 -exec 'flock -o $(CURDIR)/$(1)',-p 1)
DRIVERS = ./drivers/...
OTHERS = $$($(GO) list ./... | grep -v '/drivers')
BIN := $(CURDIR)/.cache/bin
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)
PLATFORMS := linux/arm64 darwin/arm64 windows/amd64
FUZZTIME ?= 10s
PAIRS ?= 5
PEERS ?=
SOAK ?=
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: test
test: brokers lint cross unit race ## everything, as CI runs it

.PHONY: brokers
brokers: ## install the brokers that tests run against, where this machine allows
	@.ci/brokers

.PHONY: build
build: ## the binary, in bin/
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/ordeal ./cmd/ordeal

.PHONY: unit unit-drivers unit-others
unit: ## unit, conformance, golden, command-line and integration tests
	@$(MAKE) --no-print-directory -j2 unit-drivers unit-others
unit-drivers:
	$(GO) test -count=1 $(call ONE,go.mod) -parallel 4 -timeout 15m $(DRIVERS)
unit-others:
	$(GO) test -count=1 $(call ONE,Makefile) -parallel 4 -timeout 15m $(OTHERS)

.PHONY: race race-drivers race-others
race: ## the same packages under the race detector, but for the long end-to-end runs
	@$(MAKE) --no-print-directory -j2 race-drivers race-others
race-drivers:
	$(GO) test -count=1 $(call ONE,go.mod) -parallel 4 -race -short -timeout 20m $(DRIVERS)
race-others:
	$(GO) test -count=1 $(call ONE,Makefile) -parallel 4 -race -short -timeout 20m $(OTHERS)

.PHONY: lint
lint: $(GOLANGCI) ## gofmt, vet, golangci-lint with the import rules
	$(GOLANGCI) run ./...

$(GOLANGCI):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

.PHONY: cross
cross: ## vet for the other platforms
	@for p in $(PLATFORMS); do echo "vet $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; done

.PHONY: bench
bench: ## the performance claims, each printed as a ratio measured in one run
	$(GO) test -run '^$$' -bench . -skip 'BenchmarkPeers|BenchmarkSoak' -benchtime 1x -timeout 30m ./internal/... ./drivers/... ./reports/...

.PHONY: bench-peers
bench-peers: brokers ## ordeal against each broker's own load tool, as one table; PEERS=kafka for one broker, PAIRS=3 for fewer pairs
	ORDEAL_PAIRS=$(PAIRS) $(GO) test -run '^$$' -bench 'BenchmarkPeers/$(PEERS)' -benchtime 1x -timeout 60m ./internal/bench

.PHONY: soak
soak: brokers ## ten million messages through each broker, every one of them checked; SOAK=redis for one broker
	$(GO) test -run '^$$' -bench 'BenchmarkSoak/$(SOAK)' -benchtime 1x -timeout 120m ./internal/bench

.PHONY: catalog
catalog: brokers ## every built-in scenario on every broker; `make test` runs each on one of them, another every day
	ORDEAL_CATALOG=all $(GO) test -count=1 -run TestCatalogOnEveryBroker -timeout 30m -v ./internal/cli

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	@grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r d; do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$d/*_test.go | cut -c6-); do \
	    echo "$$d $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$d || exit 1; done; done

.PHONY: golden
golden: ## write golden files and generated docs anew
	$(GO) test $$(grep -rlE 'flag.Bool\("update"|reporttest\.Golden' --include='*_test.go' . | xargs -n1 dirname | sort -u) \
	  -run 'Golden|UpToDate' -update

.PHONY: clean
clean: ## remove what the targets above made
	rm -rf bin .cache runs
