#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Certificates for the tests of TLS, made anew in each build folder: certificates.sh FOLDER
set -eu

mkdir -p "$1"
cd "$1"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# name.pem and name.key, signed by ca.pem, for the host
signed() {
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr" 2>/dev/null
    printf 'subjectAltName=DNS:%s\n' "$2" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

key ca.key
openssl req -x509 -new -key ca.key -subj "/CN=parley test CA" -days 3650 -out ca.pem 2>/dev/null
signed localhost localhost
signed other other.example
key stranger.key
openssl req -x509 -new -key stranger.key -subj "/CN=localhost" -days 3650 \
    -addext "subjectAltName=DNS:localhost" -out stranger.pem 2>/dev/null
touch made
