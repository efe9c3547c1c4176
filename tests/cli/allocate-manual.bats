# SPDX-License-Identifier: Apache-2.0
# The examples of the manuals of lbctl allocate and of its configuration.

bats_require_minimum_version 1.5.0

setup() {
	err=$BATS_TEST_TMPDIR/err
	out=$BATS_TEST_TMPDIR/out
	unset METALLB_NAMESPACE
}

@test "the pieces of configuration in lbctl-config(5) are accepted as they stand" {
	python3 - "$BATS_TEST_TMPDIR" <<-'PY'
		import os, re, sys
		section = kind = ""
		n = 0
		for part in re.split(r"(?m)^\.Bd -literal -offset indent$", open("man/lbctl-config.5").read()):
		    block = part.split("\n.Ed")[0].strip("\n")
		    head = "apiVersion: metallb.io/v1beta1\nkind: %s\nmetadata: {name: x, namespace: metallb-system}\n"
		    if block.startswith("spec") and kind in ("IPAddressPool", "L2Advertisement"):
		        block = head % kind + block
		    elif block.startswith("match"):
		        block = head % "L2Advertisement" + "spec:\n  nodeSelectors:\n  - " + block.replace("\n", "\n    ")
		    elif block.startswith("address-pools"):
		        block = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config, namespace: metallb-system}\ndata:\n  config: |\n    " + block.replace("\n", "\n    ")
		    elif block.startswith(("metadata", "spec")):
		        lines = block.splitlines()
		        spec = [l for l in lines if l.startswith("spec")] or ["spec: {type: LoadBalancer}"]
		        meta = [l for l in lines if l.startswith("  annotations")]
		        block = "\n".join(["apiVersion: v1", "kind: Service", "metadata:", "  name: x", "  namespace: default"] + meta + spec)
		    if block.startswith("apiVersion"):
		        os.makedirs(f"{sys.argv[1]}/{n}")
		        open(f"{sys.argv[1]}/{n}/x.yaml", "w").write(block + "\n")
		        n += 1
		    for m in re.finditer(r"(?m)^\.S[hs] (.*)$", part):
		        kind = m[1]
	PY
	n=0
	for dir in "$BATS_TEST_TMPDIR"/[0-9]*; do
		lbctl watch --from "$dir" --once | lbctl allocate 2>"$err" | lbctl elect --node x 2>>"$err" >"$out"
		if grep -vE 'there is no Node|nothing is decided yet' "$err" || grep -qE 'RequestInvalid|ServiceInvalid' "$out"; then
			cat "$dir/x.yaml"
			false
		fi
		n=$((n + 1))
	done
	[ $n -ge 20 ]
}

# examples MANUAL: runs its blocks that begin with "$ ", in order, in one shell, and compares what they
# print; a line that begins with two blanks belongs to the one before it.
examples() {
	python3 - "$1" "$BATS_TEST_TMPDIR" <<-'PY'
		import os, re, subprocess, sys
		work = sys.argv[2] + "/examples"
		os.makedirs(work)
		steps = []
		for part in re.split(r"(?m)^\.Bd -literal.*\n", open(sys.argv[1]).read())[1:]:
		    block = part.split("\n.Ed")[0].replace("\\e", "\\").replace("\\&", "")
		    for line in block.split("\n") if block.startswith("$ ") else []:
		        if line.startswith("$ "):
		            steps.append(([line[2:]], []))
		        elif line.startswith("  ") and not steps[-1][1]:
		            steps[-1][0].append(line)
		        elif line.startswith("  "):
		            steps[-1][1][-1] += " " + line.strip()
		        else:
		            steps[-1][1].append(line)
		script = "".join("\n".join(c) + "\necho '<end>'\n" for c, _ in steps)
		r = subprocess.run(["bash", "-c", script], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
		found = r.stdout.split("<end>\n")
		for (command, want), have in zip(steps, found):
		    have = [" ".join(l.split()) for l in have.splitlines()]
		    want = [" ".join(l.split()) for l in want]
		    if have != want:
		        print("\n".join(["$ " + "\n".join(command), "want:"] + want + ["have:"] + have))
		        sys.exit(1)
		print(len(steps))
	PY
}

@test "the examples of lbctl-allocate(1) do what they say" {
	run -0 examples man/lbctl-allocate.1
	[ "$output" -ge 100 ]
}

@test "the examples of lbctl-config(5) do what they say" {
	run -0 examples man/lbctl-config.5
	[ "$output" -ge 80 ]
}
