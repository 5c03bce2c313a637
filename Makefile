SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
MODULES     := crypto chaincode client network
BIN         := $(CURDIR)/.build/bin
STATE       := $(CURDIR)/.run
NETWORK     := $(BIN)/claimshare-network
TOOLS       := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 github.com/bufbuild/buf/cmd/buf@v1.57.0 \
               google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12 google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1
ARITHMETIC  := -e /internal/naive$$ -e /client/audit$$ -e /network/dataset$$ -e /network/model$$
REAL        := ./launch ./load ./consortium ./e2e
FUZZTIME    ?= 30s
PROFILE     ?= development
export GOTOOLCHAIN ?= auto

help: ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the commands claimshare and claimshare-network, into .build/bin
	@echo "building the commands" >&2
	@mkdir -p $(BIN); cd client && GOWORK=off go build -o $(BIN)/claimshare ./cmd/claimshare
	@cd network && GOWORK=off go build -o $(NETWORK) ./cmd/claimshare-network

demo: build ## the whole story on a real Fabric network (DEMO="--output json" for facts)
	@$(NETWORK) demo $(DEMO)

test: check lint unit real ## everything that CI checks

check: ## formatting, vet, references in the documentation
	@echo "== gofmt"; out="$$(gofmt -l $$(git ls-files '*.go'))"; [ -z "$$out" ] || { echo "not formatted:"; echo "$$out"; exit 1; }
	@for m in $(MODULES); do echo "== go vet $$m"; (cd $$m && GOWORK=off go vet ./...); done
	@echo "== references in the documentation"; cd network && GOWORK=off go test -count=1 ./internal/doccheck

lint: $(BIN)/.tools ## golangci-lint, and with it the dependency arrows; generated code
	@echo "== generated code"; cd client/wire && export PATH=$(BIN):$$PATH && buf lint && made=$$(mktemp -d) && buf generate -o $$made && diff -r -x '*.proto' $$made/claimshare claimshare && rm -r $$made
	@for m in $(MODULES); do echo "== lint $$m"; (cd $$m && GOWORK=off $(BIN)/golangci-lint run --allow-parallel-runners ./...); done
	@echo "== lint client/node with failpoints"; cd client && GOWORK=off $(BIN)/golangci-lint run --allow-parallel-runners --build-tags failpoints ./node/...

$(BIN)/.tools: Makefile
	@echo "== building linters and generators (once)"; mkdir -p $(BIN)
	@for t in $(TOOLS); do GOWORK=off GOBIN=$(BIN) go install $$t; done; touch $@

generate: $(BIN)/.tools ## code from the protobuf definitions in client/wire
	@cd client/wire && PATH=$(BIN):$$PATH buf generate

postgresql: ## PostgreSQL's programs, which tests start servers with: installed when missing, by root on Debian
	@.ci/postgresql

unit: postgresql ## unit tests; with the race detector, but where it is mostly arithmetic
	@for m in crypto chaincode client network; do echo "== go test $$m"; (cd $$m && export GOWORK=off; all=$$(go list ./...); \
	  go test -race -timeout 10m $$(grep -v $(foreach p,$(REAL),-e network$(p:.%=%)$$) $(ARITHMETIC) <<<"$$all"); \
	  plain=$$(grep $(ARITHMETIC) <<<"$$all" || true); [ -z "$$plain" ] || go test -timeout 10m $$plain); done

real: postgresql ## tests that start a real Fabric network
	@echo "== go test real network"; cd network && GOWORK=off go test -timeout 20m -count=1 -p 1 $(REAL)

soak: postgresql ## the long tests: full doses, about half an hour
	@for m in crypto client network; do echo "== soak $$m"; (cd $$m && GOWORK=off CLAIMSHARE_SOAK=1 go test -count=1 -timeout 90m -p 1 ./...); done

bench: postgresql ## cryptography against its lower bounds, every rate, the ledger beside Fabric's own
	@for m in crypto client; do (cd $$m && GOWORK=off go run github.com/claimshare/claimshare/crypto/internal/bench); done
	@for m in crypto chaincode client; do (cd $$m && GOWORK=off go test -run '^$$' -bench . -benchmem ./... | grep -v -e 'no test files' -e '^ok' -e '^PASS'); done
	@cd network && GOWORK=off go run ./cmd/claimshare-network bench

evaluation: ## the paper's section 5 again: measures, writes docs/evaluation.md
	@cd network && GOWORK=off go run ./cmd/claimshare-evaluation -docs ../docs

fuzz: ## every fuzz target for FUZZTIME (30s)
	@for m in crypto chaincode client; do (cd $$m; for p in $$(GOWORK=off go list ./...); do \
	  for f in $$(GOWORK=off go test -list '^Fuzz' $$p | grep ^Fuzz || true); do echo "== $$p $$f"; GOWORK=off go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p; done; done); done

package: ## the chaincode for a network of your own, into .build/package (SYSTEM=system.json)
	@cd network && GOWORK=off go run ./cmd/claimshare-package --out $(CURDIR)/.build/package $(if $(SYSTEM),--system $(abspath $(SYSTEM))) $(PACKAGE)

network-up: build ## start a network and leave it running (PROFILE=paper for Algorithm 1)
	@$(NETWORK) up --profile $(PROFILE) --dir $(STATE)

network-down: build ## stop it
	@$(NETWORK) down --dir $(STATE)

clean: ## stop what runs and remove everything that was built here
	@[ ! -x $(NETWORK) ] || $(NETWORK) down --dir $(STATE) || true
	@rm -rf .build .run .demo

.PHONY: help build demo test check lint generate postgresql unit real soak bench evaluation fuzz package network-up network-down clean
