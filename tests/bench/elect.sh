#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What one event costs the election, in the engine: from the parsed object to the last outcome, the
# median and the longest of 50.  SERVICES=1000 and NODES=10 choose other sizes.
set -euo pipefail
for spread in hash balanced; do
	"$BUILD/tests/bench/elect" "${SERVICES:-10000}" "${NODES:-100}" $spread
done
