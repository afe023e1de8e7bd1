/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "output/output.h"

#define LINE_LEN 64

static char dir[64];
static char path[128];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/asdic-test-output-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/out", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* A sink without a head that neither rotates nor compresses. */
static int
open_plain(const char *file, bool force, struct output **o)
{
	const struct output_config config = {.path = file, .force = force};

	return output_open(&config, 0, o);
}

static int
close_sink(struct output *o, uint64_t *lost)
{
	int rc = output_finish(o);

	if (lost != NULL)
		*lost = output_lost_rows(o);
	output_free(o);
	return rc;
}

/* Line i: its number, and dots up to LINE_LEN bytes. */
static void
line(uint64_t i, char *buf)
{
	memset(buf, '.', LINE_LEN);
	snprintf(buf, 21, "%020" PRIu64, i);
	buf[20] = '.';
	buf[LINE_LEN - 1] = '\n';
}

static int
write_lines(struct output *o, uint64_t first, uint64_t count)
{
	char buf[LINE_LEN];
	int err = 0;

	for (uint64_t i = first; i < first + count && err == 0; i++) {
		line(i, buf);
		err = output_write(o, buf, LINE_LEN);
	}
	return err;
}

static off_t
file_size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
check_file(uint64_t lines)
{
	char got[LINE_LEN], expected[LINE_LEN];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	for (uint64_t i = 0; i < lines; i++) {
		assert_int_equal(fread(got, 1, LINE_LEN, f), LINE_LEN);
		line(i, expected);
		assert_memory_equal(got, expected, LINE_LEN);
	}
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
}

static void
lines_reach_the_file(void **state)
{
	struct output *o;
	uint64_t lost = 9;

	(void)state;
	assert_int_equal(open_plain(path, false, &o), 0);
	assert_int_equal(write_lines(o, 0, 100), 0);
	assert_int_equal(output_bytes(o), 0);
	assert_int_equal(file_size(), 0);
	assert_int_equal(output_flush(o), 0);
	assert_int_equal(output_bytes(o), 100 * LINE_LEN);
	assert_int_equal(file_size(), 100 * LINE_LEN);
	assert_int_equal(write_lines(o, 100, 50000), 0);
	assert_int_equal(output_lost_rows(o), 0);
	assert_int_equal(close_sink(o, &lost), 0);
	assert_int_equal(lost, 0);
	check_file(50100);
}

/* More than any buffer in one call, with something held before it. */
static void
long_calls_are_taken_whole(void **state)
{
	enum { LINES = 20000 };
	char *many = malloc((size_t)LINES * LINE_LEN);
	struct output *o;

	(void)state;
	assert_non_null(many);
	for (uint64_t i = 0; i < LINES; i++)
		line(3 + i, many + i * LINE_LEN);
	assert_int_equal(open_plain(path, false, &o), 0);
	assert_int_equal(write_lines(o, 0, 3), 0);
	assert_int_equal(output_write(o, many, (size_t)LINES * LINE_LEN), 0);
	assert_int_equal(write_lines(o, LINES + 3, 3), 0);
	assert_int_equal(close_sink(o, NULL), 0);
	check_file(LINES + 6);
	free(many);
}

static void
existing_files_are_kept_unless_forced(void **state)
{
	struct output *o;

	(void)state;
	assert_int_equal(open_plain(path, false, &o), 0);
	assert_int_equal(write_lines(o, 0, 3), 0);
	assert_int_equal(close_sink(o, NULL), 0);
	assert_int_equal(open_plain(path, false, &o), -EEXIST);
	assert_null(o);
	check_file(3);
	assert_int_equal(open_plain(path, true, &o), 0);
	assert_int_equal(write_lines(o, 0, 2), 0);
	assert_int_equal(close_sink(o, NULL), 0);
	check_file(2);
}

/* Whoever writes a file has it alone, whatever the other was told; a kill ends that. */
static void
a_file_has_one_writer(void **state)
{
	const struct output_mark mark = {.name = path, .bytes = 0};
	const struct output_config again = {.path = path, .past = &mark};
	struct output *first, *second;
	uint64_t lost;

	(void)state;
	assert_int_equal(open_plain(path, false, &first), 0);
	assert_int_equal(output_write(first, "one\n", 4), 0);
	assert_int_equal(output_flush(first), 0);
	assert_int_equal(open_plain(path, true, &second), -EBUSY);
	assert_int_equal(output_open(&again, 0, &second), -EBUSY);
	assert_int_equal(output_bytes(first), 4);
	output_free(first);
	assert_int_equal(open_plain(path, true, &second), 0);
	assert_int_equal(close_sink(second, &lost), 0);
}

static void
open_says_what_is_wrong(void **state)
{
	struct output *o;
	char missing[160];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/no/such", dir);
	assert_int_equal(open_plain(missing, false, &o), -ENOENT);
	assert_int_equal(open_plain(dir, false, &o), -EEXIST);
	assert_int_equal(open_plain(dir, true, &o), -EISDIR);
	/* A link that leads nowhere is there all the same. */
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(open_plain(path, false, &o), -EEXIST);
}

static void
full_disk_loses_what_was_accepted(void **state)
{
	struct output *o;
	uint64_t lost;

	(void)state;
	assert_int_equal(open_plain("/dev/full", false, &o), 0);
	assert_int_equal(write_lines(o, 0, 10), 0);
	assert_int_equal(output_lost_rows(o), 0);
	assert_int_equal(output_flush(o), -ENOSPC);
	assert_int_equal(output_lost_rows(o), 10);
	assert_int_equal(output_bytes(o), 0);
	assert_int_equal(output_write(o, "x\n", 2), -ENOSPC);
	assert_int_equal(output_flush(o), -ENOSPC);
	assert_int_equal(close_sink(o, &lost), -ENOSPC);
	assert_int_equal(lost, 10);
}

/* The refused call's lines are the caller's to count, those accepted before it are lost. */
static void
refused_lines_are_not_among_the_lost(void **state)
{
	struct output *o;
	uint64_t accepted = 0, lost;

	(void)state;
	assert_int_equal(open_plain("/dev/full", false, &o), 0);
	while (write_lines(o, accepted, 1) == 0)
		accepted++;
	assert_true(accepted > 100);
	assert_int_equal(close_sink(o, &lost), -ENOSPC);
	assert_int_equal(lost, accepted);
}

/* A file that may not grow past limit: the line that does not fit is taken back whole. */
static void
check_limit(rlim_t limit, uint64_t before)
{
	struct rlimit old, now;
	struct output *o;
	uint64_t lost;
	uint64_t whole = limit / LINE_LEN;

	assert_int_equal(open_plain(path, true, &o), 0);
	assert_int_equal(write_lines(o, 0, before), 0);
	assert_int_equal(output_flush(o), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	now = old;
	now.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	assert_int_equal(write_lines(o, before, 100), 0);
	assert_int_equal(output_flush(o), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(output_bytes(o), whole * LINE_LEN);
	assert_int_equal(close_sink(o, &lost), -EFBIG);
	assert_int_equal(lost, before + 100 - whole);
	check_file(whole);
}

static void
half_lines_are_taken_back(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	check_limit(1000, 0);
	check_limit(1000, 15);
	check_limit(960, 3);
	check_limit(961, 3);
	check_limit(1023, 3);
	check_limit(20, 0);
	signal(SIGXFSZ, SIG_DFL);
}

/* A pipe whose other end is read by a thread. */
struct reader {
	pthread_t thread;
	pthread_t writer;
	int fd;
	size_t bytes;      /* how much to read, then close */
	int signals;       /* to send to the writer first */
	char *got;
};

static void *
read_pipe(void *arg)
{
	struct reader *r = arg;
	size_t at = 0;
	ssize_t n = 1;

	for (int i = 0; i < r->signals; i++) {
		usleep(2000);
		pthread_kill(r->writer, SIGUSR1);
	}
	while (at < r->bytes && n > 0) {
		n = read(r->fd, r->got + at, r->bytes - at);
		at += n > 0 ? (size_t)n : 0;
	}
	r->bytes = at;
	close(r->fd);
	return NULL;
}

/* Open "-" while fd stands in for standard output. */
static struct output *
open_as_standard_output(int fd)
{
	struct output *o = NULL;
	int saved;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	(void)open_plain("-", false, &o);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_non_null(o);
	return o;
}

static struct output *
open_pipe(struct reader *r, int flags)
{
	struct output *o;
	int fd[2];

	assert_int_equal(pipe2(fd, flags), 0);
	o = open_as_standard_output(fd[1]);
	close(fd[1]);
	assert_int_equal(fcntl(fd[0], F_SETFL, 0), 0);
	r->fd = fd[0];
	r->writer = pthread_self();
	r->got = malloc(r->bytes);
	assert_non_null(r->got);
	return o;
}

/* A FIFO and a device are there already, and are written to all the same. */
static void
fifos_need_no_force(void **state)
{
	struct output *o;
	char got[LINE_LEN];
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(open_plain(path, false, &o), 0);
	assert_int_equal(write_lines(o, 0, 1), 0);
	assert_int_equal(close_sink(o, NULL), 0);
	assert_int_equal(read(fd, got, sizeof(got)), LINE_LEN);
	close(fd);
}

static void
closed_pipe_is_an_error_not_a_death(void **state)
{
	struct reader r = {.bytes = 1};
	struct output *o = open_pipe(&r, 0);
	uint64_t lost;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	close(r.fd);
	free(r.got);
	assert_int_equal(write_lines(o, 0, 7), 0);
	assert_int_equal(output_flush(o), -EPIPE);
	assert_int_equal(close_sink(o, &lost), -EPIPE);
	assert_int_equal(lost, 7);
}

/* The reader goes away in the middle: every line is either whole with the kernel, or lost. */
static void
pipe_closed_midway_balances(void **state)
{
	struct reader r = {.bytes = 100000};
	struct output *o = open_pipe(&r, 0);
	uint64_t accepted = 0, lost, bytes;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pthread_create(&r.thread, NULL, read_pipe, &r), 0);
	while (write_lines(o, accepted, 1) == 0)
		accepted++;
	pthread_join(r.thread, NULL);
	bytes = output_bytes(o);
	assert_int_equal(bytes % LINE_LEN, 0);
	assert_true(bytes + LINE_LEN > r.bytes);
	assert_int_equal(close_sink(o, &lost), -EPIPE);
	assert_int_equal(accepted, bytes / LINE_LEN + lost);
	free(r.got);
}

static void
on_signal(int signal_number)
{
	(void)signal_number;
}

/* More than a pipe holds, through short writes, signals, and a pipe that does not block. */
static void
check_slow_pipe(int flags)
{
	enum { LINES = 10000 };
	struct reader r = {.bytes = LINES * LINE_LEN, .signals = 5};
	struct output *o = open_pipe(&r, flags);
	struct sigaction action = {.sa_handler = on_signal}, old;
	char expected[LINE_LEN];

	sigaction(SIGUSR1, &action, &old);
	assert_int_equal(pthread_create(&r.thread, NULL, read_pipe, &r), 0);
	assert_int_equal(write_lines(o, 0, LINES), 0);
	assert_int_equal(close_sink(o, NULL), 0);
	pthread_join(r.thread, NULL);
	sigaction(SIGUSR1, &old, NULL);
	assert_int_equal(r.bytes, LINES * LINE_LEN);
	for (uint64_t i = 0; i < LINES; i++) {
		line(i, expected);
		assert_memory_equal(r.got + i * LINE_LEN, expected, LINE_LEN);
	}
	free(r.got);
}

static void
slow_pipes_get_everything(void **state)
{
	(void)state;
	check_slow_pipe(0);
	check_slow_pipe(O_NONBLOCK);
}

/* "-" is standard output, which stays open when the sink is closed. */
static void
dash_is_standard_output(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	char last[LINE_LEN];
	struct output *o;

	(void)state;
	assert_true(fd >= 0);
	o = open_as_standard_output(fd);
	assert_int_equal(write_lines(o, 0, 5), 0);
	assert_int_equal(close_sink(o, NULL), 0);
	line(5, last);
	assert_int_equal(write(fd, last, LINE_LEN), LINE_LEN);
	close(fd);
	check_file(6);
}

/* What is in the folder whose name ends so: the only one, in found. */
static unsigned int
find_files(const char *ending, char found[320])
{
	DIR *d = opendir(dir);
	unsigned int count = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		size_t len = strlen(e->d_name), tail = strlen(ending);

		if (len < tail || strcmp(e->d_name + len - tail, ending) != 0)
			continue;
		snprintf(found, 320, "%s/%s", dir, e->d_name);
		count++;
	}
	closedir(d);
	return count;
}

/* A file's bytes, decompressed where it is compressed. */
static char *
read_back(const char *file, bool compressed, size_t *len)
{
	static char raw[1 << 20], plain[1 << 20];
	ZSTD_inBuffer in = {raw, 0, 0};
	ZSTD_outBuffer out = {plain, sizeof(plain), 0};
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	FILE *f = fopen(file, "r");
	size_t rc = 0;

	assert_non_null(f);
	in.size = *len = fread(raw, 1, sizeof(raw), f);
	fclose(f);
	while (compressed && in.pos < in.size) {
		rc = ZSTD_decompressStream(zstd, &out, &in);
		assert_false(ZSTD_isError(rc));
	}
	assert_int_equal(rc, 0); /* the last frame is whole */
	ZSTD_freeDCtx(zstd);
	*len = compressed ? out.pos : *len;
	return compressed ? plain : raw;
}

static void
check_rows(const char *file, bool compressed, const char *head, uint64_t first, uint64_t count)
{
	size_t len, head_len = strlen(head);
	char *data = read_back(file, compressed, &len), expected[LINE_LEN];

	assert_int_equal(len, head_len + count * LINE_LEN);
	assert_memory_equal(data, head, head_len);
	for (uint64_t i = 0; i < count; i++) {
		line(first + i, expected);
		assert_memory_equal(data + head_len + i * LINE_LEN, expected, LINE_LEN);
	}
}

/* Each flush ends a frame: a file that nobody finished can be read up to the last one. */
static void
compressed_files_read_up_to_the_last_flush(void **state)
{
	const struct output_config config = {
		.path = path, .compress = true, .head = "a,b\n", .head_len = 4};
	const struct output_file *file;
	struct output *o;
	struct stat st;
	size_t count;

	(void)state;
	assert_int_equal(output_open(&config, 0, &o), 0);
	assert_int_equal(write_lines(o, 0, 10), 0);
	assert_int_equal(output_flush(o), 0);
	check_rows(path, true, "a,b\n", 0, 10);
	assert_int_equal(write_lines(o, 10, 5), 0);
	check_rows(path, true, "a,b\n", 0, 10);
	assert_int_equal(output_finish(o), 0);
	check_rows(path, true, "a,b\n", 0, 15);
	file = output_files(o, &count);
	assert_int_equal(count, 1);
	assert_int_equal(file->rows, 15);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(file->bytes, st.st_size);
	output_free(o);
}

/* A frame that does not fit is taken back whole, with its rows; the head is no row. */
static void
half_frames_are_taken_back(void **state)
{
	const struct output_config config = {
		.path = path, .compress = true, .head = "a,b\n", .head_len = 4};
	struct rlimit old, now;
	struct output *o;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(output_open(&config, 0, &o), 0);
	assert_int_equal(write_lines(o, 0, 10), 0);
	assert_int_equal(output_flush(o), 0);
	assert_int_equal(write_lines(o, 10, 7), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	now = old;
	now.rlim_cur = output_bytes(o) + 5;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	assert_int_equal(output_flush(o), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(output_finish(o), -EFBIG);
	assert_int_equal(output_lost_rows(o), 7);
	check_rows(path, true, "a,b\n", 0, 10);
	output_free(o);
	signal(SIGXFSZ, SIG_DFL);
}

static void
a_lost_head_is_no_row(void **state)
{
	const struct output_config config = {.path = "/dev/full", .head = "a,b\n", .head_len = 4};
	struct output *o;

	(void)state;
	assert_int_equal(output_open(&config, 0, &o), 0);
	assert_int_equal(write_lines(o, 0, 3), 0);
	assert_int_equal(output_finish(o), -ENOSPC);
	assert_int_equal(output_lost_rows(o), 3);
	output_free(o);
}

/* Written aside, named when whole; a turn without rows makes no file. */
static void
rotated_files_are_whole(void **state)
{
	char file[160], found[320];
	const struct output_config config = {
		.path = file, .compress = true, .rotates = true, .head = "h\n", .head_len = 2};
	const struct output_file *files;
	struct output *o;
	size_t count;

	(void)state;
	snprintf(file, sizeof(file), "%s/a.b.csv.zst", dir);
	assert_int_equal(output_open(&config, 1000000000, &o), 0);
	assert_int_equal(write_lines(o, 0, 3), 0);
	assert_int_equal(output_flush(o), 0);
	assert_int_equal(find_files(".zst", found), 0);
	assert_int_equal(find_files(".part", found), 1);
	assert_string_equal(strrchr(found, '/') + 1, ".a.b-20010909T014640Z.csv.zst.part");
	assert_int_equal(output_rotate(o, 1000003600), 0);
	assert_int_equal(find_files(".zst", found), 0);
	assert_int_equal(output_settle(o), 0);
	assert_int_equal(find_files(".zst", found), 1);
	assert_string_equal(strrchr(found, '/') + 1, "a.b-20010909T014640Z.csv.zst");
	check_rows(found, true, "h\n", 0, 3);
	unlink(found);
	assert_int_equal(output_rotate(o, 1000007200), 0); /* nothing came */
	assert_int_equal(write_lines(o, 3, 4), 0);
	assert_int_equal(output_rotate(o, 1000010800), 0);
	assert_int_equal(output_settle(o), 0);
	assert_int_equal(find_files(".zst", found), 1);
	assert_string_equal(strrchr(found, '/') + 1, "a.b-20010909T024640Z.csv.zst");
	check_rows(found, true, "h\n", 3, 4);
	assert_int_equal(output_finish(o), 0);
	assert_int_equal(find_files(".part", found), 0);
	assert_int_equal(find_files(".zst", found), 1);
	unlink(found);
	files = output_files(o, &count);
	assert_int_equal(count, 2);
	assert_int_equal(files[0].rows, 3);
	assert_int_equal(files[1].rows, 4);
	output_free(o);
}

/* Two of one second get names of their own; a scan without a row leaves one file that says so. */
static void
rotated_files_never_replace_one_another(void **state)
{
	const struct output_config config = {.path = path, .rotates = true};
	struct output *o[2];
	char found[320];

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(output_open(&config, 1000000000, &o[i]), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(output_finish(o[i]), 0);
		output_free(o[i]);
	}
	assert_int_equal(find_files("out-20010909T014640Z", found), 1);
	unlink(found);
	assert_int_equal(find_files("out-20010909T014641Z", found), 1);
	unlink(found);
}

/* The account's digest is what sha256sum says of the file: here of "abc" and a line feed. */
static void
files_have_digests(void **state)
{
	const struct output_file *file;
	struct output *o;
	size_t count;

	(void)state;
	assert_int_equal(open_plain(path, false, &o), 0);
	assert_int_equal(output_write(o, "abc\n", 4), 0);
	assert_int_equal(output_finish(o), 0);
	file = output_files(o, &count);
	assert_int_equal(count, 1);
	assert_string_equal(file->name, path);
	assert_int_equal(file->rows, 1);
	assert_int_equal(file->bytes, 4);
	assert_string_equal(file->sha256,
			    "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb");
	output_free(o);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_reach_the_file),
		TEST(long_calls_are_taken_whole),
		TEST(existing_files_are_kept_unless_forced),
		TEST(a_file_has_one_writer),
		TEST(open_says_what_is_wrong),
		TEST(full_disk_loses_what_was_accepted),
		TEST(refused_lines_are_not_among_the_lost),
		TEST(half_lines_are_taken_back),
		TEST(fifos_need_no_force),
		TEST(closed_pipe_is_an_error_not_a_death),
		TEST(pipe_closed_midway_balances),
		TEST(slow_pipes_get_everything),
		TEST(dash_is_standard_output),
		TEST(compressed_files_read_up_to_the_last_flush),
		TEST(half_frames_are_taken_back),
		TEST(a_lost_head_is_no_row),
		TEST(rotated_files_are_whole),
		TEST(rotated_files_never_replace_one_another),
		TEST(files_have_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
