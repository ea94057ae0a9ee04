#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds a real Jaeger, versions 1 and 2, with the Go toolchain, for the end-to-end tests (make jaeger).
# The binaries go to ${XDG_CACHE_HOME:-~/.cache}/otel-distro/jaeger; what is there already is kept.
# The first run takes up to ten minutes. Exit status: 0 both are there, 1 otherwise.
set -eu

V1=v1.48.0 # the last all-in-one that `go install` accepts; with the UDP agent
V2=v1.76.0 # the tag that carries Jaeger 2.13.0: the module path has no /v2, so Go cannot name v2.13.0
MODULE=github.com/jaegertracing/jaeger

target="${XDG_CACHE_HOME:-$HOME/.cache}/otel-distro/jaeger"
mkdir -p "$target"
target=$(cd "$target" && pwd) # GOBIN must be absolute

if [ -x "$target/all-in-one" ] && [ -x "$target/jaeger" ]; then
    echo "Jaeger 1 and 2 are in $target"
    exit 0
fi
if ! command -v go >/dev/null 2>&1; then
    echo "error: Jaeger is built with Go, and there is no 'go' command." >&2
    echo "  tip: install Go 1.24 or newer (https://go.dev/dl), or leave out 'make test-jaeger'" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -x "$target/all-in-one" ]; then
    echo "building Jaeger 1 ($V1) ..."
    GOBIN="$work" go install "$MODULE/cmd/all-in-one@$V1"
    mv "$work/all-in-one" "$target/all-in-one"
fi

if [ ! -x "$target/jaeger" ]; then
    echo "building Jaeger 2 (2.13.0, from $V2) ..."
    # `go install` refuses this module for its replace directives, so it is built from its source tree.
    go mod download -json "$MODULE@$V2" >"$work/module.json"
    source_tree=$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p' "$work/module.json")
    cp -R "$source_tree" "$work/source"
    chmod -R u+w "$work/source"
    (cd "$work/source" && go build -buildvcs=false -o "$work/jaeger" ./cmd/jaeger)
    mv "$work/jaeger" "$target/jaeger"
fi

echo "Jaeger 1 and 2 are in $target"
