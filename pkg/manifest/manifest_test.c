/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/manifest/dir.h"

#include "tests/unit.h"

#define SERVICE(name, extra)                                                                         \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: {type: LoadBalancer" extra \
	"}\n"

static struct manifest *new_world(void)
{
	struct manifest_options o = { .dir = "DIR" };
	struct err e = ERR_INIT;
	struct manifest *m = manifest_new(&o, &e);

	assert_non_null(m);
	return m;
}

static void file(struct manifest *m, const char *path, const char *text)
{
	manifest_file(m, path, text, strlen(text));
}

/* All that is to be told now, one line each: "ADDED Service default/web 1" or "WARNING text". */
static const char *told(struct manifest *m)
{
	static const char *const types[] = { "ADDED", "MODIFIED", "DELETED", "WARNING" };
	static char out[4096]; /* of the test only */
	struct manifest_event ev;
	size_t n = 0;

	out[0] = '\0';
	while (manifest_next(m, &ev)) {
		if (ev.type == MANIFEST_WARNING)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "WARNING %s\n", ev.text);
		else
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s %s %s/%s %s\n",
			    types[ev.type], ev.kind->kind, ev.namespace, ev.name,
			    json_string(json_at(ev.object, "metadata", "resourceVersion", NULL)));
		assert_true(n < sizeof(out));
	}
	return out;
}

static void objects_of_all_documents_are_told(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "all.yaml",
	    SERVICE(
		"web", "") "---\n# nothing\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n");
	file(m, "b/list.json",
	    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":"
	    "\"Service\",\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"}},{\"apiVersion\":\"apps/"
	    "v1\",\"kind\":\"Deployment\"}]}");
	file(m, "c.yml", "kind: ServiceList\napiVersion: v1\nitems:\n- metadata: {name: c}\n");
	assert_string_equal(told(m), "ADDED Node /n1 1\nADDED Service default/c 2\nADDED Service "
				     "default/web 3\nADDED Service x/a 4\n");
	assert_string_equal(told(m), "");
}

static void only_what_really_changed_is_told(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "a.yaml", SERVICE("web", "") "---\n" SERVICE("db", ""));
	assert_string_equal(told(m), "ADDED Service default/db 1\nADDED Service default/web 2\n");
	file(m, "a.yaml", "# a comment\n" SERVICE("db", "") "---\n" SERVICE("web", ""));
	assert_string_equal(told(m), "");
	file(m, "a.yaml", SERVICE("web", ", loadBalancerIP: 192.0.2.1"));
	assert_string_equal(told(m), "DELETED Service default/db 3\nMODIFIED Service default/web 4\n");
	manifest_gone(m, "a.yaml");
	assert_string_equal(told(m), "DELETED Service default/web 5\n");
	file(m, "a.yaml", SERVICE("web", ""));
	assert_string_equal(told(m), "ADDED Service default/web 6\n");
}

static void an_object_that_moves_between_files_did_not_change(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "sub/a.yaml", SERVICE("web", ""));
	told(m);
	manifest_gone(m, "sub");
	file(m, "b.yaml", SERVICE("web", ""));
	assert_string_equal(told(m), "");
}

static void a_folder_that_goes_takes_only_its_own_files(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "a/x.yaml", SERVICE("one", ""));
	file(m, "a-b/x.yaml", SERVICE("two", ""));
	file(m, "a.yaml", SERVICE("three", ""));
	file(m, "ab.yaml", SERVICE("four", ""));
	told(m);
	manifest_gone(m, "a");
	assert_string_equal(told(m), "DELETED Service default/one 5\n");
}

static void a_file_that_does_not_parse_keeps_its_objects(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "a.yaml", SERVICE("web", ""));
	told(m);
	file(m, "a.yaml", "apiVersion: v1\nkind: Service\n\tmetadata: {}\n");
	assert_string_equal(told(m),
	    "WARNING DIR/a.yaml: line 3, column 1: a tab as indentation; indent "
	    "with spaces; the objects that it had stay\n");
	file(m, "b.json", "{\"kind\": \"Service\",\n \"kind\" \"x\"}");
	assert_non_null(strstr(told(m), "WARNING DIR/b.json: line 2, column "));
	file(m, "a.yaml", SERVICE("web", ", loadBalancerIP: 192.0.2.1"));
	assert_string_equal(told(m), "MODIFIED Service default/web 2\n");
}

static void an_object_that_cannot_be_taken_leaves_the_others_and_drops_none(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "a.yaml", SERVICE("web", "") "---\n" SERVICE("db", ""));
	told(m);
	file(m, "a.yaml",
	    SERVICE("../x", "") "---\n" SERVICE("db", ", loadBalancerIP: 192.0.2.1") "---\n" SERVICE(
		"new", ""));
	assert_string_equal(told(m),
	    "WARNING DIR/a.yaml: line 1, column 1: document: Service: metadata.name: '../x' is not a "
	    "name; want lower-case letters, digits, '-' and '.', beginning and ending in a letter or "
	    "digit\n"
	    "MODIFIED Service default/db 3\nADDED Service default/new 4\n");
	file(m, "a.yaml", SERVICE("db", ", loadBalancerIP: 192.0.2.1"));
	assert_string_equal(told(m), "DELETED Service default/new 5\nDELETED Service default/web 6\n");
}

static void what_is_no_object_is_refused_by_name(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "a: 1", "line 1, column 1: document: no Kubernetes object: kind is missing\n" },
		{ "kind: Service", "no Kubernetes object: apiVersion is missing\n" },
		{ "- 1", "want an object with kind and apiVersion, have a list\n" },
		{ "kind: Service\napiVersion: v1", "Service without metadata.name\n" },
		{ "kind: Service\napiVersion: v1\nmetadata: {name: 5}",
		    "metadata.name: want a string, have an integer\n" },
		{ "kind: Service\napiVersion: v1\nmetadata: {name: a, namespace: ..}",
		    "metadata.namespace: '..' is not a name" },
		{ "kind: Service\napiVersion: /v1\nmetadata: {name: a}", "is not GROUP/VERSION" },
		{ "kind: IPAdressPool\napiVersion: metallb.io/v1beta1",
		    "kind: metallb.io has no 'IPAdressPool'; want IPAddressPool" },
		{ "kind: IPAddressPool\napiVersion: metalb.io/v1beta1",
		    "IPAddressPool: apiVersion: want metallb.io/v1beta1, have 'metalb.io/v1beta1'" },
		{ "kind: Node\napiVersion: v1\nmetadata: {name: a, namespace: b}",
		    "a Node has none\n" },
		{ "kind: List\napiVersion: v1\nitems: [{kind: Service, apiVersion: v1}]",
		    "line 1, column 1: items[0]: Service without metadata.name\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(manifest_freep) struct manifest *m = new_world();
		const char *have;

		file(m, "a.yaml", cases[i].text);
		have = told(m);
		if (!strstr(have, cases[i].want))
			fail_msg("%s: %s", cases[i].text, have);
	}
}

static void kinds_that_lbctl_does_not_read_are_let_be(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "a.yaml",
	    "kind: BGPPeer\napiVersion: metallb.io/v1beta2\n---\n"
	    "kind: Service\napiVersion: serving.knative.dev/v1\n---\n"
	    "kind: Deployment\napiVersion: apps/v1\n");
	assert_string_equal(told(m), "");
}

static void the_first_file_by_path_wins_and_the_other_is_told(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, "b.yaml", SERVICE("web", ", loadBalancerIP: 192.0.2.2"));
	told(m);
	file(m, "a.yaml", SERVICE("web", ""));
	assert_string_equal(told(m), "WARNING DIR/b.yaml: Service default/web is defined in a.yaml "
				     "already; that one stays\nMODIFIED Service default/web 2\n");
	manifest_gone(m, "a.yaml");
	assert_string_equal(told(m), "MODIFIED Service default/web 3\n");
}

#define OVERLAY                                                                                     \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\",\"namespace\":" \
	"\"default\",\"annotations\":{\"x\":\"1\",\"old\":null}},\"status\":{\"loadBalancer\":"     \
	"{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}}}"

static void overlays_are_laid_over_objects_and_are_nothing_by_themselves(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();
	CLEANUP(buf_release) struct buf out = BUF_INIT;
	struct manifest_event ev;

	(void)state;
	file(m, ".lbctl/Service/default/web.json", OVERLAY);
	assert_string_equal(told(m), "");
	file(m, "web.yaml",
	    "kind: Service\napiVersion: v1\nmetadata: {name: web, annotations: {old: a, keep: b}}\n");
	assert_true(manifest_next(m, &ev));
	json_write(ev.object, &out);
	assert_string_equal(out.data,
	    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
	    "\"annotations\":{\"keep\":\"b\",\"x\":\"1\"},\"namespace\":\"default\","
	    "\"resourceVersion\":\"1\"},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0."
	    "2.1\"}]}}}");
	assert_false(manifest_next(m, &ev));
	manifest_gone(m, ".lbctl/Service/default/web.json");
	assert_string_equal(told(m), "MODIFIED Service default/web 2\n");
	file(m, ".lbctl/Service/default/web.json", OVERLAY);
	told(m);
	manifest_gone(m, "web.yaml");
	assert_string_equal(told(m), "DELETED Service default/web 4\n");
	file(m, "web.yaml", SERVICE("web", ""));
	assert_string_equal(told(m), "ADDED Service default/web 5\n");
}

static void an_event_of_lbctl_is_an_object_of_its_own(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();

	(void)state;
	file(m, ".lbctl/Event/default/web.1.json",
	    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web.1\",\"namespace\":"
	    "\"default\"}}");
	assert_string_equal(told(m), "ADDED Event default/web.1 1\n");
	file(m, ".lbctl/Service/default/other.json", OVERLAY);
	assert_string_equal(told(m),
	    "WARNING DIR/.lbctl/Service/default/other.json: ignored: a file here "
	    "holds the one object that its path names\n");
}

static void the_last_applied_annotation_is_left_out(void **state)
{
	CLEANUP(manifest_freep) struct manifest *m = new_world();
	struct manifest_event ev;

	(void)state;
	file(m, "a.yaml",
	    "kind: Service\napiVersion: v1\nmetadata: {name: a, managedFields: [], annotations: "
	    "{kubectl.kubernetes.io/last-applied-configuration: x}}\n");
	assert_true(manifest_next(m, &ev));
	assert_int_equal(json_count(json_get(ev.object, "metadata")), 3);
}

static void names_of_editors_are_no_manifests(void **state)
{
	static const char *const no[] = { ".web.yaml.swp", ".web.yaml", "web.yaml~", "4913",
		"web.yaml.swp", "kustomization.yaml", "web.txt", ".yaml", "#web.yaml#" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(manifest_is_name(no[i]));
	assert_true(manifest_is_name("web.yaml"));
	assert_true(manifest_is_name("web.yml"));
	assert_true(manifest_is_name("web.json"));
}

static const char *told_at(struct manifest_dir *d, uint64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(manifest_look(d, now, &e), 0);
	return told(d->world);
}

static void what_is_moved_between_being_spoken_of_and_looked_at_is_not_gone(void **state)
{
	char root[] = "/tmp/lbctl-manifest-XXXXXX";
	struct manifest_dir d = { .inotify = -1, .world = new_world() };
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(chdir(root), 0);
	d.root = root;
	manifest_files_init(&d);
	f = fopen("a.yaml", "w");
	assert_non_null(f);
	fputs(SERVICE("web", ""), f);
	fclose(f);
	manifest_scan(&d, "", 0);
	assert_string_equal(told_at(&d, 1000), "ADDED Service default/web 1\n");

	manifest_pend(&d, "a.yaml", 2000); /* it was written, and moved before it is looked at */
	assert_int_equal(mkdir("b", 0700), 0);
	assert_int_equal(rename("a.yaml", "b/a.yaml"), 0);
	assert_string_equal(told_at(&d, 2000), "");
	manifest_pend(&d, "b", 2001); /* then we hear of it */
	manifest_pend_gone(&d, "a.yaml", 2001);
	assert_string_equal(told_at(&d, 2001), "");

	manifest_pend(&d, "b/a.yaml", 3000);
	assert_int_equal(unlink("b/a.yaml"), 0);
	assert_string_equal(told_at(&d, 3000), "");
	assert_int_equal(manifest_look_next(&d), 3000 + GONE_MS);
	assert_string_equal(told_at(&d, 3000 + GONE_MS), "DELETED Service default/web 2\n");

	assert_int_equal(rmdir("b"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(root), 0);
	manifest_files_release(&d);
	manifest_free(d.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_of_all_documents_are_told),
		cmocka_unit_test(only_what_really_changed_is_told),
		cmocka_unit_test(an_object_that_moves_between_files_did_not_change),
		cmocka_unit_test(a_folder_that_goes_takes_only_its_own_files),
		cmocka_unit_test(a_file_that_does_not_parse_keeps_its_objects),
		cmocka_unit_test(an_object_that_cannot_be_taken_leaves_the_others_and_drops_none),
		cmocka_unit_test(what_is_no_object_is_refused_by_name),
		cmocka_unit_test(kinds_that_lbctl_does_not_read_are_let_be),
		cmocka_unit_test(the_first_file_by_path_wins_and_the_other_is_told),
		cmocka_unit_test(overlays_are_laid_over_objects_and_are_nothing_by_themselves),
		cmocka_unit_test(an_event_of_lbctl_is_an_object_of_its_own),
		cmocka_unit_test(the_last_applied_annotation_is_left_out),
		cmocka_unit_test(names_of_editors_are_no_manifests),
		cmocka_unit_test(what_is_moved_between_being_spoken_of_and_looked_at_is_not_gone),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
