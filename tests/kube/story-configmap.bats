#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# the whole story, with the ConfigMap of MetalLB 0.12, on a server without the kinds of metallb.io; each test is a chapter, and needs those before it

bats_require_minimum_version 1.5.0
source tests/kube/story.bash

setup_file() {
	story_up namespace.yaml rbac.yaml controller.yaml speaker.yaml
}

teardown_file() {
	story_down
}

@test "without a pool both Services stay pending, and lbctl says why" {
	story_pending
}

@test "a pool gives each Service its address, MetalLB's annotation and its event" {
	story_pool deploy/samples/pool-configmap.yaml
}

@test "a client gets both pages, from the nodes that MetalLB's order elects" {
	story_answered
}

@test "when the speaker stops and its Node is no longer Ready, another takes over by gratuitous ARP" {
	story_takeover
}

@test "a deleted Service's address goes to the next one pending" {
	story_next
}
