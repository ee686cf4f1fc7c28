# The names that the README and CI call. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
# Arguments of `stateful-asg demo`, such as ARGS="--slots 5 --kill 2".
ARGS ?=
# For how long `make soak` runs histories, and from which seed: others each time.
MINUTES ?= 60
SEED ?= $(shell date +%s)0000000
# Processor of the functions that `make build` makes: arm64 or x86_64.
ARCH ?= arm64

RUST_LEAST := 1.94.1
PYTHON_LEAST := 3.11
CARGO_DENY := 0.20.2

TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/.tools/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

.PHONY: help demo test soak check audit build bins need-rust need-python say-first-build

help: ## Lists what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

demo: bins ## Runs the story on a simulated AWS: a node dies, its replacement gets its volume, IP and name (ARGS="--slots 5 --kill 2")
	@"$(TARGET)/debug/stateful-asg" demo $(ARGS)

test: $(VENV)/stamp bins ## Builds everything and runs every test
	STATEFUL_ASG_TEST_PYTHON="$(CURDIR)/$(VENV)/bin/python" cargo test --workspace --locked
	python -m pytest tests/infra tests/wire

soak: need-rust ## An hour of random histories that nobody ran before, optimised; builds without the SDK (MINUTES=60 SEED=1)
	SEED=$(SEED) HISTORIES=5000000 MINUTES=$(MINUTES) cargo test --profile soak --locked --package stateful-asg-campaign --test histories -- --nocapture

check: need-rust .tools/bin/cargo-deny ## Formatting, lints, licences and sources of dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo-deny --locked check bans licenses sources

audit: need-rust .tools/bin/cargo-deny ## Known vulnerabilities of dependencies (fetches the advisory database)
	cargo-deny --locked check advisories

build: $(VENV)/stamp-build need-rust ## Builds the functions for AWS into .aws-sam (ARCH=arm64 or x86_64)
	@case "$(ARCH)" in \
	  x86_64) target=x86_64-unknown-linux-gnu ;; \
	  arm64) target=aarch64-unknown-linux-gnu ;; \
	  *) echo "ARCH is '$(ARCH)': say ARCH=arm64 or ARCH=x86_64" >&2; exit 1 ;; \
	esac; \
	if command -v rustup >/dev/null && ! rustup target list --installed | grep -qx "$$target"; then \
	  echo "Rust lacks the target $$target: run 'rustup target add $$target'" >&2; exit 1; \
	fi; \
	echo "An optimised build takes 5 to 15 minutes, and up to 9 GB of memory for aws-sdk-ec2." >&2
	sam build --parameter-overrides "Architecture=$(ARCH)"

# `test` and `demo` build alike, so that neither compiles the SDK again after the other.
bins: need-rust say-first-build
	cargo build --workspace --bins --locked

say-first-build:
	@if ! compgen -G "$(TARGET)/debug/deps/libaws_sdk_ec2-*.rlib" >/dev/null; then \
	  echo "The first build takes 5 to 12 minutes, most of them on aws-sdk-ec2, which needs up to 8 GB of memory." >&2; \
	fi

need-rust:
	@have=$$(cargo --version 2>/dev/null | cut -d' ' -f2 || true); \
	if [ "$$(printf '%s\n' "$(RUST_LEAST)" "$${have:-0}" | sort -V | head -1)" != "$(RUST_LEAST)" ]; then \
	  echo "Rust $(RUST_LEAST) or newer is needed, $${have:-none} was found." \
	    "Get it at https://rustup.rs, or run 'rustup update stable'." >&2; exit 1; \
	fi

need-python:
	@least=$(PYTHON_LEAST); \
	if ! "$(PYTHON)" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < ($${least/./, }))" 2>/dev/null; then \
	  echo "Python $(PYTHON_LEAST) or newer with venv is needed, and $(PYTHON) is not that." \
	    "Get it at https://www.python.org or from your system (on Debian: apt install python3-venv)," \
	    "or name another: make PYTHON=python3.12" >&2; exit 1; \
	fi

$(VENV)/stamp: tests/requirements.txt | need-python
	"$(PYTHON)" -m venv --clear "$(VENV)"
	"$(VENV)/bin/python" -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	touch "$@"

$(VENV)/stamp-build: tests/requirements-build.txt $(VENV)/stamp
	"$(VENV)/bin/python" -m pip install --quiet --disable-pip-version-check --requirement tests/requirements-build.txt
	touch "$@"

# A folder of tools that ignores itself.
.tools/bin/cargo-deny: | need-rust
	mkdir -p .tools && echo '*' >.tools/.gitignore
	CARGO_TARGET_DIR=.tools/target cargo install --locked --quiet --root .tools "cargo-deny@$(CARGO_DENY)"
	rm -rf .tools/target
