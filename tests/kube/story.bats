#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# the whole story, with MetalLB's resources; each test is a chapter, and needs those before it

bats_require_minimum_version 1.5.0
source tests/kube/story.bash

setup_file() {
	export STORY_SECRET=yes
	story_up namespace.yaml crds.yaml rbac.yaml controller.yaml speaker.yaml
}

teardown_file() {
	story_down
}

@test "without a pool both Services stay pending, and lbctl says why" {
	story_pending
}

@test "a pool gives each Service its address, MetalLB's annotation and its event" {
	story_pool deploy/samples/pool.yaml
}

@test "a client gets both pages, from the nodes that MetalLB's order elects" {
	story_answered
}

@test "the speakers sign what they say to each other with MetalLB's Secret" {
	story_signed
}

@test "the speakers go before other work where a process may" {
	story_hurries
}

@test "a speaker tells on its socket what it counted" {
	story_counted
}

@test "when the speaker stops and its Node is no longer Ready, another takes over by gratuitous ARP" {
	story_takeover
}

@test "a deleted Service's address goes to the next one pending" {
	story_next
}
