/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "live/client.h"
#include "live/server.h"

static char parent[] = "/tmp/asdic-live-XXXXXX";
static char folder[64];

/* A server that a thread polls. */
struct running {
	struct live_server *server;
	pthread_t thread;
	_Atomic bool stop;
	_Atomic uint64_t step_ns; /* time between two looks */
	_Atomic unsigned int excluded;
};

static int
make_folder(void **state)
{
	(void)state;
	strcpy(parent + strlen(parent) - 6, "XXXXXX");
	snprintf(folder, sizeof(folder), "%s/run", mkdtemp(parent));
	return setenv(LIVE_FOLDER_VARIABLE, folder, 1);
}

static int
remove_folder(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", parent);
	return system(command);
}

static void
answer(void *context, const struct live_request *q, char text[LIVE_LINE_MAX])
{
	struct running *r = context;

	if (q->verb == LIVE_EXCLUDE) {
		r->excluded++;
		snprintf(text, LIVE_LINE_MAX, "ok %.*s", (int)q->entry_len, q->entry);
	} else if (q->verb == LIVE_STATUS) {
		memset(text, 'x', LIVE_LINE_MAX - 1); /* more than there is room for */
		text[LIVE_LINE_MAX - 1] = '\0';
		memcpy(text, "ok ", 3);
	} else {
		snprintf(text, LIVE_LINE_MAX, "ok");
	}
}

static void *
poll_until_stop(void *context)
{
	struct running *r = context;

	for (uint64_t now_ns = 0; !r->stop; now_ns += r->step_ns) {
		live_server_poll(r->server, now_ns, answer, r);
		nanosleep(&(struct timespec){0, 200 * 1000}, NULL);
	}
	return NULL;
}

static void
start(struct running *r, const char *name)
{
	char *where;

	memset(r, 0, sizeof(*r));
	assert_int_equal(live_server_open(name, &r->server, &where), 0);
	assert_string_equal(where, folder);
	free(where);
	assert_int_equal(pthread_create(&r->thread, NULL, poll_until_stop, r), 0);
}

static void
stop(struct running *r)
{
	r->stop = true;
	assert_int_equal(pthread_join(r->thread, NULL), 0);
	live_server_close(r->server);
}

static void
test_requests(void **state)
{
	static const struct {
		const char *line;
		int rc;
		struct live_request request;
	} rows[] = {
		{"status", 0, {.verb = LIVE_STATUS}},
		{"settle", 0, {.verb = LIVE_SETTLE}},
		{"rate 1 2", 0, {LIVE_RATE, true, true, 1, 2, NULL, 0}},
		{"rate - 2", 0, {LIVE_RATE, false, true, 0, 2, NULL, 0}},
		{"rate 18446744073709551615 -", 0, {LIVE_RATE, true, false, UINT64_MAX, 0, NULL, 0}},
		{"exclude 10.0.0.0/8", 0, {.verb = LIVE_EXCLUDE, .entry_len = 10}},
		{"", -EINVAL, {0}},
		{" status", -EINVAL, {0}},
		{"status ", 0, {0}},
		{"status x", -EINVAL, {0}},
		{"rate", -EINVAL, {0}},
		{"rate 1", -EINVAL, {0}},
		{"rate 1 2 3", -EINVAL, {0}},
		{"rate 1k 2", -EINVAL, {0}},
		{"rate -1 2", -EINVAL, {0}},
		{"rate 18446744073709551616 2", -EINVAL, {0}},
		{"exclude", -EINVAL, {0}},
		{"exclude ", -EINVAL, {0}},
		{"exclude a b", -EINVAL, {0}},
		{"Status", -EINVAL, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct live_request q;

		assert_int_equal(live_request_read(rows[i].line, strlen(rows[i].line), &q), rows[i].rc);
		if (rows[i].rc != 0)
			continue;
		assert_int_equal(q.verb, rows[i].request.verb);
		assert_int_equal(q.has_rate, rows[i].request.has_rate);
		assert_int_equal(q.has_bandwidth, rows[i].request.has_bandwidth);
		assert_int_equal(q.rate_pps, rows[i].request.rate_pps);
		assert_int_equal(q.bandwidth_bps, rows[i].request.bandwidth_bps);
		assert_int_equal(q.entry_len, rows[i].request.entry_len);
	}
}

static void
test_a_scan_is_found_and_answers(void **state)
{
	struct running r;
	struct live_peers peers;
	char text[LIVE_LINE_MAX], path[128];
	struct stat st;

	(void)state;
	start(&r, "a.b-c_d");
	snprintf(path, sizeof(path), "%s/a.b-c_d.%ld", folder, (long)getpid());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(live_peers_find(&peers), 0);
	assert_int_equal(peers.count, 1);
	assert_string_equal(peers.items[0].name, "a.b-c_d");
	assert_int_equal(peers.items[0].pid, getpid());
	assert_int_equal(live_ask(&peers.items[0], "exclude 1.2.3.4", text), 0);
	assert_string_equal(text, "ok 1.2.3.4");
	assert_int_equal(live_ask(&peers.items[0], "nonsense", text), 0);
	assert_string_equal(text, "error this is no request");
	assert_int_equal(live_ask(&peers.items[0], "status", text), 0);
	assert_int_equal(strlen(text), LIVE_LINE_MAX - 2);
	live_peers_free(&peers);
	stop(&r);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(live_peers_find(&peers), 0);
	assert_int_equal(peers.count, 0);
	live_peers_free(&peers);
}

/* As many requests on the way as there may be, again and again, from two clients. */
static void
test_many_requests(void **state)
{
	struct running r;
	struct live_peers peers[2];
	char text[LIVE_LINE_MAX], line[LIVE_LINE_MAX];

	(void)state;
	start(&r, "many");
	for (int p = 0; p < 2; p++)
		assert_int_equal(live_peers_find(&peers[p]), 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 2 * LIVE_AHEAD; i++) {
			snprintf(line, sizeof(line), "exclude 10.%d.%d.1", round, i);
			assert_int_equal(live_say(&peers[i % 2].items[0], line), 0);
		}
		for (int i = 0; i < 2 * LIVE_AHEAD; i++) {
			snprintf(line, sizeof(line), "ok 10.%d.%d.1", round, i);
			assert_int_equal(live_hear(&peers[i % 2].items[0], text), 0);
			assert_string_equal(text, line);
		}
	}
	assert_int_equal(r.excluded, 20 * 2 * LIVE_AHEAD);
	for (int p = 0; p < 2; p++)
		live_peers_free(&peers[p]);
	stop(&r);
}

/* Nobody can hold the server up: not by a line without end, nor by silence, nor by number. */
static void
test_bad_manners(void **state)
{
	char text[LIVE_LINE_MAX], junk[LIVE_LINE_MAX + 1];
	struct live_peers peers[LIVE_CLIENTS + 1];
	struct running r;

	(void)state;
	start(&r, "patient");
	for (int p = 0; p < LIVE_CLIENTS + 1; p++)
		assert_int_equal(live_peers_find(&peers[p]), 0);
	memset(junk, 'x', sizeof(junk));
	assert_int_equal(send(peers[0].items[0].fd, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(live_hear(&peers[0].items[0], text), -EPIPE);
	assert_int_equal(live_ask(&peers[1].items[0], "settle", text), 0);
	r.step_ns = LIVE_IDLE_NS;
	assert_int_equal(live_hear(&peers[2].items[0], text), -EPIPE);
	r.step_ns = 0;
	for (int p = 0; p < LIVE_CLIENTS + 1; p++)
		live_peers_free(&peers[p]);
	assert_int_equal(live_peers_find(&peers[0]), 0);
	assert_int_equal(live_ask(&peers[0].items[0], "settle", text), 0);
	live_peers_free(&peers[0]);
	stop(&r);
}

/* A socket that nobody listens on goes; other things stay. */
static void
test_what_is_left_behind(void **state)
{
	char path[128];
	struct live_peers peers;
	struct live_folder f;
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(live_folder_open(&f, true), 0);
	assert_int_equal(live_folder_address(&f, "old.12", &a), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/file.13", folder);
	fclose(fopen(path, "we"));
	assert_int_equal(live_peers_find(&peers), 0);
	assert_int_equal(peers.count, 0);
	live_peers_free(&peers);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/old.12", folder);
	assert_int_equal(access(path, F_OK), -1);
	live_folder_close(&f);
}

/* A folder that others can write to, or a link to one, is not used. */
static void
test_folders_that_are_not_private(void **state)
{
	char elsewhere[128], *where;
	struct live_server *server;
	struct live_peers peers;
	struct live_folder f;

	(void)state;
	assert_int_equal(live_folder_open(&f, false), -ENOENT);
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(live_server_open("x", &server, &where), -EPERM);
	assert_string_equal(where, folder);
	free(where);
	assert_int_equal(live_peers_find(&peers), 0);
	assert_int_equal(peers.refused_rc, -EPERM);
	assert_string_equal(peers.refused, folder);
	live_peers_free(&peers);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", parent);
	assert_int_equal(mkdir(elsewhere, 0700), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(symlink(elsewhere, folder), 0);
	assert_int_equal(live_server_open("x", &server, &where), -EPERM);
	free(where);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		TEST(test_a_scan_is_found_and_answers),
		TEST(test_many_requests),
		TEST(test_bad_manners),
		TEST(test_what_is_left_behind),
		TEST(test_folders_that_are_not_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
