/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of it, on a pair of links. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "pkg/responder/lan_test.h"

static int enter_lan(void **state)
{
	struct lan *l = calloc(1, sizeof(*l));

	enter_namespace(state);
	listen_on(l, PEER, LINK);
	*state = l;
	return 0;
}

static int leave_lan(void **state)
{
	close_all(*state);
	free(*state);
	return 0;
}

static int set_up(void **state)
{
	struct lan *l = *state;

	l->r = ready();
	return 0;
}

static int tear_down(void **state)
{
	struct lan *l = *state;

	responder_free(l->r);
	return 0;
}

static void questions_are_answered_on_the_wire(void **state)
{
	struct lan *l = *state;
	const struct addr v4 = address("192.0.2.10"), v6 = address("2001:db8::10");

	assert_both_answered(l);
	assert_true(is_answered(l, request, sizeof(request)));
	assert_int_equal(responder_answered(l->r, &v4, LINK), 2);
	assert_int_equal(responder_answered(l->r, &v6, LINK), 1);
	assert_int_equal(responder_answered(l->r, &v6, PEER), 0);
	assert_int_equal(responder_answered_on(l->r, LINK), 3);
	assert_int_equal(responder_answered_on(l->r, PEER), 0);
}

static void addresses_come_and_go(void **state)
{
	struct lan *l = *state;
	const struct addr v4 = address("192.0.2.10"), v6 = address("2001:db8::10");

	drop(l->r, &v4, PEER); /* another link's */
	drop(l->r, &v6, PEER);
	assert_both_answered(l);
	drop(l->r, &v4, LINK);
	drop(l->r, &v6, LINK);
	drop(l->r, &v6, LINK);
	assert_both_passed(l);
	assert_int_equal(responder_answered(l->r, &v4, LINK), 0);
	add(l->r, "192.0.2.10", PEER);
	add(l->r, "2001:db8::10", PEER);
	assert_both_passed(l);
	add(l->r, "192.0.2.10", LINK);
	add(l->r, "2001:db8::10", LINK);
	assert_both_answered(l);
	assert_int_equal(responder_answered(l->r, &v4, LINK), 1);
	assert_int_equal(responder_answered_on(l->r, LINK), 4);
}

static void short_and_tagged_frames_are_passed_on(void **state)
{
	struct lan *l = *state;
	uint8_t tagged[sizeof(request) + 4];

	for (size_t n = 15; n < sizeof(request); n++)
		assert_int_equal(fate_of(l, request, n), PASSED_ARP);
	for (size_t n = 54; n < sizeof(solicitation); n++)
		assert_int_equal(fate_of(l, solicitation, n), PASSED_IPV6);
	memcpy(tagged, request, 12);
	memcpy(tagged + 12, (uint8_t[]){ 0x81, 0, 0, 5 }, 4);
	memcpy(tagged + 16, request + 12, sizeof(request) - 12);
	assert_int_equal(fate_of(l, tagged, sizeof(tagged)), PASSED_ARP);
	tagged[15] = 0; /* the priority alone */
	assert_int_equal(fate_of(l, tagged, sizeof(tagged)), PASSED_ARP);
	assert_both_answered(l);
}

static void answers_end_by_themselves(void **state)
{
	struct lan *l = *state;
	uint64_t until = now_ms() + 300, asked;
	int answered = 0;

	responder_answer_until(l->r, until);
	do {
		asked = now_ns();
		answered++;
	} while (is_answered(l, request, sizeof(request)));
	assert_true(answered > 1 && now_ns() >= until * 1000000);
	assert_true(asked < (until + 2000) * 1000000);
	assert_both_passed(l);
	responder_answer_until(l->r, now_ms() + 60000);
	assert_both_answered(l);
	responder_answer_until(l->r, 0);
	assert_both_passed(l);
}

static void own_macs_are_what_was_set_last(void **state)
{
	struct lan *l = *state;
	struct mac many[300] = { { { 0 } } };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct mac){ { 6, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } };
	many[150] = client;
	assert_int_equal(responder_set_own(l->r, many, ARRAY_LEN(many), &e), 0);
	assert_both_passed(l);
	assert_int_equal(responder_set_own(l->r, &client, 1, &e), 0);
	assert_both_passed(l);
	many[150] = many[149];
	assert_int_equal(responder_set_own(l->r, many, ARRAY_LEN(many), &e), 0);
	assert_both_answered(l);
	assert_int_equal(responder_set_own(l->r, &client, 1, &e), 0);
	assert_both_passed(l);
	assert_int_equal(responder_set_own(l->r, NULL, 0, &e), 0);
	assert_both_answered(l);
}

static void another_mac_of_the_link_is_told(void **state)
{
	static const struct mac other = { { 2, 0, 0, 0, 0, 10 } };
	struct lan *l = *state;
	const struct addr v4 = address("192.0.2.10");

	assert_both_answered(l);
	set_link(l->r, LINK, &other);
	assert_true(is_answered(l, request, sizeof(request)));
	assert_memory_equal(l->got + 6, &other, MAC_LEN);
	assert_memory_equal(l->got + 22, &other, MAC_LEN);
	assert_true(is_answered(l, solicitation, sizeof(solicitation)));
	assert_memory_equal(l->got + 6, &other, MAC_LEN);
	assert_memory_equal(l->got + 80, &other, MAC_LEN);
	assert_int_equal(responder_answered(l->r, &v4, LINK), 2);
	assert_int_equal(responder_answered_on(l->r, LINK), 4); /* since it was set first */
	set_link(l->r, LINK, &node);
	assert_both_answered(l);
}

static void a_link_that_is_dropped_is_silent_at_once(void **state)
{
	struct lan *l = *state;

	responder_drop_link(l->r, PEER); /* never set */
	assert_both_answered(l);
	responder_drop_link(l->r, LINK);
	assert_both_passed(l);
	assert_false(responder_has_link(l->r, LINK));
	assert_int_equal(responder_answered_on(l->r, LINK), 0);
	set_link(l->r, LINK, &node); /* what was added is kept */
	assert_both_answered(l);
	assert_int_equal(responder_answered_on(l->r, LINK), 2);
	responder_free(l->r);
	assert_both_passed(l);
	l->r = ready();
}

/* Both ends of the pair, of which each asks the other. */
static void each_link_has_its_own(void **state)
{
	struct lan *l = *state, back;
	const struct addr v4 = address("192.0.2.10");

	listen_on(&back, LINK, PEER);
	set_link(l->r, PEER, &node);
	assert_both_passed(&back);
	assert_both_answered(l);
	add(l->r, "192.0.2.10", PEER);
	add(l->r, "2001:db8::10", PEER);
	drop(l->r, &v4, LINK);
	assert_both_answered(&back);
	assert_int_equal(fate_of(l, request, sizeof(request)), PASSED_ARP);
	assert_true(is_answered(&back, request, sizeof(request)));
	assert_int_equal(responder_answered(l->r, &v4, PEER), 2);
	assert_int_equal(responder_answered_on(l->r, LINK), 2);
	assert_int_equal(responder_answered_on(l->r, PEER), 3);
	close_all(&back);
}

static void links_are_told_one_by_one(void **state)
{
	struct lan *l = *state;
	size_t i = 0;

	set_link(l->r, PEER, &client);
	assert_int_equal(responder_next_link(l->r, &i), LINK);
	assert_int_equal(responder_next_link(l->r, &i), PEER);
	assert_int_equal(responder_next_link(l->r, &i), 0);
	responder_drop_link(l->r, LINK);
	i = 0;
	assert_int_equal(responder_next_link(l->r, &i), PEER);
	assert_int_equal(responder_next_link(l->r, &i), 0);
	assert_true(responder_has_link(l->r, PEER));
}

static void a_link_with_the_number_of_another_is_set_anew(void **state)
{
	struct lan *l = *state;

	assert_both_answered(l);
	close_all(l);
	shell("ip link del v0");
	make_links();
	listen_on(l, PEER, LINK);
	assert_both_passed(l);
	set_link(l->r, LINK, &node);
	assert_both_answered(l);
	assert_int_equal(responder_answered_on(l->r, LINK), 4);
}

/* To a new network namespace, where it keeps its number and its programs; this one's descriptor. */
static int move_away(void)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;
	char command[100];

	snprintf(command, sizeof(command), "nsenter --net=/proc/%d/fd/%d ip link set v0 netns $$",
	    getpid(), here);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	shell(command);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	close(here);
	return there;
}

static void a_link_that_is_moved_away_has_gone(void **state)
{
	struct lan *l = *state;
	int there = move_away();

	shell("ip link add v2 index 7 address 02:00:00:00:00:09 type veth peer name v3 index 9 && "
	      "ip link set v2 addrgenmode none up && ip link set v3 addrgenmode none up");
	await_links("v2", "v3");
	close_all(l);
	listen_on(l, 9, LINK);
	assert_both_passed(l);
	set_link(l->r, LINK, &node);
	assert_both_answered(l);
	close_all(l);
	shell("ip link del v2 && ip link del v1");
	close(there);
	make_links();
	listen_on(l, PEER, LINK);
}

static void a_link_that_does_not_exist_is_an_error(void **state)
{
	struct lan *l = *state;
	struct err e = ERR_INIT;
	size_t i = 0;

	for (int n = 0; n < 2 * RESPONDER_LINKS; n++)
		assert_int_equal(responder_set_link(l->r, 4711, &node, &e), -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_false(responder_has_link(l->r, 4711));
	assert_int_equal(responder_next_link(l->r, &i), LINK);
	assert_int_equal(responder_next_link(l->r, &i), 0);
}

static void more_addresses_than_there_is_room_for_are_an_error(void **state)
{
	struct lan *l = *state;
	struct addr a = address("10.0.0.1");
	struct err e = ERR_INIT;
	int n = 2; /* ready() added them */

	for (; responder_add(l->r, &a, LINK, &e) == 0; n++)
		assert_true(addr_next(&a));
	assert_int_equal(n, RESPONDER_ADDRESSES);
	assert_int_equal(e.kind, ERR_EXHAUSTED);
	assert_both_answered(l);
}

/* With many sockets, each of which takes its time to close. */
static void answer_until_killed(int told)
{
	struct responder *r = ready();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 16; i++)
		listener(LINK, ETH_P_ARP);
	if (write(told, &r, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* A process that answers, which is killed: how many nanoseconds later it is silent, and gone. */
static void kill_one(struct lan *l, uint64_t *silent, uint64_t *gone)
{
	int told[2], status;
	uint64_t killed;
	char c;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		answer_until_killed(told[1]);
	close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	close(told[0]);
	assert_both_answered(l);
	kill(pid, SIGKILL);
	killed = now_ns();
	while (is_answered(l, solicitation, sizeof(solicitation)) ||
	       is_answered(l, request, sizeof(request)))
		assert_true(now_ns() < killed + UINT64_C(5000000000));
	*silent = now_ns() - killed;
	assert_both_passed(l);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*gone = now_ns() - killed;
	assert_true(WIFSIGNALED(status));
	assert_both_passed(l);
}

/* Before the kernel is done with the rest of it; a machine that is busy gets three tries. */
static void a_killed_process_is_silent_first_of_all(void **state)
{
	struct lan *l = *state;
	uint64_t silent = 0, gone = 0;

	responder_drop_link(l->r, LINK);
	for (int tries = 0; tries < 3 && silent >= gone / 3; tries++) {
		kill_one(l, &silent, &gone);
		print_message("# silent %.1f ms after SIGKILL, gone after %.1f\n", (double)silent / 1e6,
		    (double)gone / 1e6);
	}
	assert_true(silent < gone / 3);
}

static void ask_without_capabilities(void)
{
	const struct addr a = address("192.0.2.10");
	struct err e = ERR_INIT;
	struct responder *r;

	if (setuid(65534) < 0)
		_exit(1);
	r = responder_new(&e);
	if (r && responder_add(r, &a, LINK, &e) == 0)
		r = responder_set_link(r, LINK, &node, &e) < 0 ? NULL : r;
	_exit(r || e.kind != ERR_PERMISSION || !strstr(e.text, "eBPF"));
}

static void without_capabilities_it_says_so(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		ask_without_capabilities();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(questions_are_answered_on_the_wire),
		TEST(addresses_come_and_go),
		TEST(short_and_tagged_frames_are_passed_on),
		TEST(answers_end_by_themselves),
		TEST(own_macs_are_what_was_set_last),
		TEST(another_mac_of_the_link_is_told),
		TEST(a_link_that_is_dropped_is_silent_at_once),
		TEST(each_link_has_its_own),
		TEST(links_are_told_one_by_one),
		TEST(a_link_with_the_number_of_another_is_set_anew),
		TEST(a_link_that_is_moved_away_has_gone),
		TEST(a_link_that_does_not_exist_is_an_error),
		TEST(more_addresses_than_there_is_room_for_are_an_error),
		TEST(a_killed_process_is_silent_first_of_all),
		TEST(without_capabilities_it_says_so),
	};

	return cmocka_run_group_tests_name("responder", tests, enter_lan, leave_lan);
}
