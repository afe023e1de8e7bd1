/* SPDX-License-Identifier: BSD-3-Clause */
#define CARES_NO_DEPRECATED /* ares_send() and ares_process_fd() serve 1.18 and 1.34 alike */
#include "dns/channels.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/bytes.h"

/* No descriptor of any process is so large: should it ever reach the kernel, that is an error. */
#define MADE_UP_FD 0x7ffffff0
#define MADE_UP_SERVER UINT32_C(0x7f000001)

/*
 * Longer than any query lives, and shorter than the table of timeouts of c-ares 1.18, of 1,024 s: there
 * ares_process_fd() looks at what is due this second or a turn of the table later, and finds nothing.
 */
#define TIMEOUT_MS 1000000

#if ARES_VERSION < 0x011300
/* A header that says that there is no question: what c-ares then compares of query and reply is nothing. */
#define STAND_IN_BYTES 12
static const uint8_t stand_in[STAND_IN_BYTES];
#else
/* The question for the address of the root, without its id and flags: there has to be one. */
#define STAND_IN_BYTES 17
static const uint8_t stand_in[STAND_IN_BYTES] = {[5] = 1, [14] = 1, [16] = 1};
#endif

/* The reply's code is 4: of what is refused so no statistics of times are kept. */
#define FLAGS_QUERY 0x0100
#define FLAGS_REPLY 0x8184

struct channels {
	ares_channel *channel;
	uint32_t count;
#ifdef HAVE_ARES_SEND_DNSREC
	ares_dns_record_t *query; /* the stand-in, as c-ares has it: it is not read for each query */
#endif
	uint16_t sent_id;     /* of what a channel has just sent */
	bool has_sent;
	bool has_reply;       /* for it to hear next */
	uint8_t reply[STAND_IN_BYTES];
};

static ares_socket_t
on_socket(int family, int type, int protocol, void *user)
{
	(void)family;
	(void)type;
	(void)protocol;
	(void)user;
	return MADE_UP_FD;
}

static int
on_close(ares_socket_t fd, void *user)
{
	(void)fd;
	(void)user;
	return 0;
}

static int
on_connect(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t len, void *user)
{
	(void)fd;
	(void)address;
	(void)len;
	(void)user;
	return 0;
}

static ares_ssize_t
on_send(ares_socket_t fd, const struct iovec *iov, int count, void *user)
{
	struct channels *c = user;
	size_t len = 0;

	(void)fd;
	if (count > 0 && iov[0].iov_len >= sizeof(c->sent_id)) {
		c->sent_id = load_be16(iov[0].iov_base);
		c->has_sent = true;
	}
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return (ares_ssize_t)len;
}

/* One datagram, and then EAGAIN: any other errno, or 0, would end all queries of the channel. */
static ares_ssize_t
on_receive(ares_socket_t fd, void *data, size_t size, int flags, struct sockaddr *from, ares_socklen_t *from_len,
	   void *user)
{
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(MADE_UP_SERVER),
	};
	struct channels *c = user;

	(void)fd;
	(void)flags;
	if (!c->has_reply || size < STAND_IN_BYTES) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(data, c->reply, STAND_IN_BYTES);
	c->has_reply = false;
	if (from != NULL && *from_len >= sizeof(server)) {
		memcpy(from, &server, sizeof(server));
		*from_len = sizeof(server);
	}
	return STAND_IN_BYTES;
}

static const struct ares_socket_functions functions = {
	.asocket = on_socket,
	.aclose = on_close,
	.aconnect = on_connect,
	.arecvfrom = on_receive,
	.asendv = on_send,
};

/* Everything is said, so that c-ares reads no files: of servers, domains, and how often to ask. */
static int
open_channel(struct channels *c, ares_channel *out)
{
	struct in_addr server = {.s_addr = htonl(MADE_UP_SERVER)};
	static char lookups[] = "b", no_file[] = "/dev/null", root[] = ".";
	char *domains[] = {root};
	struct ares_options options = {
		.flags = ARES_FLAG_STAYOPEN | ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | ARES_FLAG_EDNS,
		.timeout = TIMEOUT_MS,
		.tries = 1,
		.ndots = 1,
		.ednspsz = 1232,
		.servers = &server,
		.nservers = 1,
		.domains = domains,
		.ndomains = 1,
		.lookups = lookups,
		.resolvconf_path = no_file,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_EDNSPSZ |
		   ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
		   ARES_OPT_RESOLVCONF;

#ifdef ARES_OPT_QUERY_CACHE
	mask |= ARES_OPT_QUERY_CACHE; /* for no seconds: none */
#endif
	if (ares_init_options(out, &options, mask) != ARES_SUCCESS)
		return -ENOMEM;
	ares_set_socket_functions(*out, &functions, c);
	return 0;
}

static int
prepare(struct channels *c, uint32_t capacity)
{
	uint32_t count = (capacity + CHANNEL_QUERIES - 1) / CHANNEL_QUERIES;

#ifdef HAVE_ARES_SEND_DNSREC
	if (ares_dns_parse(stand_in, STAND_IN_BYTES, 0, &c->query) != ARES_SUCCESS)
		return -ENOMEM;
#endif
	c->channel = calloc(count, sizeof(*c->channel));
	if (c->channel == NULL)
		return -ENOMEM;
	for (; c->count < count; c->count++)
		if (open_channel(c, &c->channel[c->count]) != 0)
			return -ENOMEM;
	return 0;
}

struct channels *
channels_new(uint32_t capacity)
{
	struct channels *c;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		ares_library_cleanup();
		return NULL;
	}
	if (prepare(c, capacity) != 0) {
		channels_free(c);
		return NULL;
	}
	return c;
}

void
channels_free(struct channels *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		ares_destroy(c->channel[i]);
	free(c->channel);
#ifdef HAVE_ARES_SEND_DNSREC
	ares_dns_record_destroy(c->query);
#endif
	free(c);
	ares_library_cleanup();
}

static void
write_stand_in(uint8_t message[STAND_IN_BYTES], uint16_t id, uint16_t flags)
{
	memcpy(message, stand_in, STAND_IN_BYTES);
	store_be16(message, id);
	store_be16(message + 2, flags);
}

/*
 * send_query(): a query of c-ares' own, which has ended when on_end() is called, by whatever it heard, or because
 * memory or its channel has.
 */
#ifdef HAVE_ARES_SEND_DNSREC
static void
on_end(void *arg, ares_status_t status, size_t timeouts, const ares_dns_record_t *record)
{
	bool *live = arg;

	(void)status;
	(void)timeouts;
	(void)record;
	*live = false;
}

static void
send_query(struct channels *c, uint32_t number, bool *live)
{
	ares_send_dnsrec(c->channel[number / CHANNEL_QUERIES], c->query, on_end, live, NULL);
}
#else
static void
on_end(void *arg, int status, int timeouts, unsigned char *message, int len)
{
	bool *live = arg;

	(void)status;
	(void)timeouts;
	(void)message;
	(void)len;
	*live = false;
}

static void
send_query(struct channels *c, uint32_t number, bool *live)
{
	uint8_t query[STAND_IN_BYTES];

	write_stand_in(query, (uint16_t)(number % CHANNEL_QUERIES), FLAGS_QUERY);
	ares_send(c->channel[number / CHANNEL_QUERIES], query, STAND_IN_BYTES, on_end, live);
}
#endif

int
channels_send(struct channels *c, uint32_t number, bool *live, uint16_t *id)
{
	c->has_sent = false;
	*live = true;
	send_query(c, number, live);
	*id = c->sent_id;
	return c->has_sent && *live ? 0 : -ENOMEM;
}

static void
process(ares_channel channel)
{
#ifdef HAVE_ARES_PROCESS_FDS
	const ares_fd_events_t event = {.fd = MADE_UP_FD, .events = ARES_FD_EVENT_READ};

	ares_process_fds(channel, &event, 1, ARES_PROCESS_FLAG_SKIP_NON_FD);
#else
	ares_process_fd(channel, MADE_UP_FD, ARES_SOCKET_BAD);
#endif
}

void
channels_end(struct channels *c, uint32_t number, uint16_t id)
{
	write_stand_in(c->reply, id, FLAGS_REPLY);
	c->has_reply = true;
	process(c->channel[number / CHANNEL_QUERIES]);
	c->has_reply = false;
}

const char *
channels_version(void)
{
	return ares_version(NULL);
}
