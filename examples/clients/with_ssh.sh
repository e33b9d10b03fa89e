#!/usr/bin/env bash
# Configure a tunnel with nothing but ssh: base:1.0, so that messages end with ]]>]]> and need no lengths.
#
#     bash examples/clients/with_ssh.sh examples/site-to-site/alice.xml [PORT] [KEY]
set -euo pipefail
if [ $# -lt 1 ] || [ $# -gt 3 ] || [ ! -r "$1" ]; then
    echo "usage: bash $0 FILE [PORT] [KEY], where FILE can be read and holds the content of an <edit-config>" >&2
    exit 2
fi
document=$1
port=${2:-8300}
key=${3:-var/client_key}
base='xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'

{
    echo "<hello $base><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>"
    echo "<rpc message-id='1' $base><edit-config><target><candidate/></target>"
    sed '/^<?xml/d' "$document"
    echo "</edit-config></rpc>]]>]]>"
    echo "<rpc message-id='2' $base><commit/></rpc>]]>]]>"
    echo "<rpc message-id='3' $base><get><filter type='subtree'>"
    echo "<tunnels xmlns='urn:yangswan:params:xml:ns:yang:ipsec'/></filter></get></rpc>]]>]]>"
    echo "<rpc message-id='4' $base><close-session/></rpc>]]>]]>"
} | ssh -i "$key" -p "$port" -o UserKnownHostsFile="$(dirname "$key")/known_hosts" \
    -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -s admin@127.0.0.1 netconf
