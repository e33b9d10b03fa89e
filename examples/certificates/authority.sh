#!/usr/bin/env bash
# A small authority, for trying: makes root.key and root.pem once, and signs a request.
#
#   examples/certificates/authority.sh alice.csr > alice.pem
#
# Yours will be another: a company has one, and its key is kept elsewhere.
set -euo pipefail
if [ $# -ne 1 ] || [ ! -r "$1" ]; then
    echo "usage: $0 REQUEST, a file with a signing request in PEM; the certificate is printed" >&2
    exit 2
fi
request=$1
if [ ! -f root.key ]; then
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key)
    openssl req -x509 -new -key root.key -subj "/O=ACME/CN=ACME root" -days 3650 \
        -addext "basicConstraints=critical,CA:true" -out root.pem
fi
openssl x509 -req -in "$request" -CA root.pem -CAkey root.key -CAcreateserial -days 365 \
    -copy_extensions copyall 2>/dev/null
