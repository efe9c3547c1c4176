#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel filter against the wakeup that it saves.
exec "$BUILD/tests/bench/filter"
