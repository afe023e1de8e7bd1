/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts of net_simnet that speak, through the port: TLS by OpenSSL's client over a TCP of a few
 * lines, against the certificates that the world says they have. On the virtual clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "rte_pmd_simnet.h"
#define CLIENT_STREAM (1 << 15)
#include "clients.h"
#include "worldcerts/worldcerts.h"
#include "worldfile/worldfile.h"

#define FIRST 0x0a000000 /* 10.0.0.0: 1 in 2 of its hosts speaks TLS */
#define HOSTS 300
#define MBUFS 2047
#define BURST 32

static const char world_text[] =
	"seed: 9\n"
	"networks:\n"
	"  - cidr: 10.0.0.0/8\n"
	"    default: {open: 80%}\n"
	"    ports:\n"
	"      22: {open: 100%, service: {banner: \"SSH-2.0-OpenSSH_9.2\\r\\n\"}}\n"
	"      23: {open: 100%, service: {kind: tarpit, every: 4s}}\n"
	"      24: {open: 100%, service: {kind: none, window: 0}}\n"
	"      25: {open: 100%, service: {kind: echo, reset: data}}\n"
	"      444: {open: 100%, service: {kind: tls, versions: [1.0, 1.1]}}\n"
	"      446: {open: 100%, service: web}\n"
	"      447: {open: 100%, service: {kind: tls, silent_after: 50}}\n"
	"      448: {open: 100%, service: {malformed: certificate}}\n"
	"    services: {tls: 50%, none: 20%, echo: 10%}\n"
	"    latency: {min: 5ms, max: 200ms}\n"
	"    loss: {out: 5%, back: 5%}\n"
	"    duplicate: 5%\n"
	"    reorder: 5%\n"
	"    synack_retries: 3\n"
	"  - cidr: 11.0.0.0/8\n"
	"    default: {open: 100%}\n"
	"    service: {kind: tls, segment: 1}\n"
	"services:\n"
	"  web: {kind: tls, text: \"HTTP/1.0 200 OK\\r\\n\\r\\nhello\", close: fin}\n"
	"certificates: {folder: certs, count: 12, names: 1-200}\n";

static char folder[] = "/tmp/simnet-servers-XXXXXX";
static char world_path[64];
static struct world *world;

struct port {
	uint16_t id;
	struct rte_mempool *tx_pool, *rx_pool;
	uint64_t now_ns;
	struct client *client;
};

static void
port_send(void *context, const uint8_t *frame, size_t len)
{
	struct port *p = context;
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->tx_pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	assert_int_equal(rte_eth_tx_burst(p->id, 0, &m, 1), 1);
}

static void
port_open(struct port *p)
{
	struct rte_eth_conf conf = {0};
	char args[128];

	*p = (struct port){0};
	snprintf(args, sizeof(args), "world=%s,clock=virtual,connections=512", world_path);
	assert_int_equal(rte_eal_hotplug_add("vdev", "net_simnet0", args), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_simnet0", &p->id), 0);
	p->tx_pool = eal_pool("tx", MBUFS);
	p->rx_pool = eal_pool("rx", MBUFS);
	assert_int_equal(rte_eth_dev_configure(p->id, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p->id, 0, 512, SOCKET_ID_ANY, NULL, p->rx_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(p->id, 0, 512, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	p->client = malloc(sizeof(*p->client));
	assert_non_null(p->client);
}

static void
port_close(struct port *p)
{
	free(p->client);
	assert_int_equal(rte_eth_dev_stop(p->id), 0);
	assert_int_equal(rte_eth_dev_close(p->id), 0);
	assert_int_equal(rte_mempool_in_use_count(p->tx_pool), 0);
	assert_int_equal(rte_mempool_in_use_count(p->rx_pool), 0);
	rte_mempool_free(p->tx_pool);
	rte_mempool_free(p->rx_pool);
	assert_int_equal(rte_eal_hotplug_remove("vdev", "net_simnet0"), 0);
}

static void
client_init(struct port *p, struct client *c, uint32_t dst, uint16_t dst_port)
{
	memset(c, 0, sizeof(*c));
	c->send = port_send;
	c->context = p;
	c->dst = dst;
	c->dst_port = dst_port;
	c->iss = dst * 7;
	c->mss = 1460;
	c->window = 65535;
}

/* A new connection from the port's client. */
static struct client *
start(struct port *p, uint32_t dst, uint16_t dst_port)
{
	static uint16_t src_port = 20000;

	client_init(p, p->client, dst, dst_port);
	p->client->src_port = src_port++;
	client_start(p->client, p->now_ns);
	return p->client;
}

static void
receive(struct port *p)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t n = rte_eth_rx_burst(p->id, 0, mbufs, BURST);

	for (uint16_t i = 0; i < n; i++)
		client_hear(p->client, p->now_ns, rte_pktmbuf_mtod(mbufs[i], uint8_t *),
			    mbufs[i]->data_len);
	rte_pktmbuf_free_bulk(mbufs, n);
}

/* One step of time, at most until_ns. */
static void
step(struct port *p, uint64_t until_ns)
{
	uint64_t next_ns;

	assert_int_equal(rte_pmd_simnet_next_ns(p->id, &next_ns), 0);
	next_ns = RTE_MIN(next_ns, p->client->resend_ns);
	next_ns = RTE_MIN(next_ns, until_ns);
	p->now_ns = RTE_MAX(p->now_ns, next_ns);
	assert_int_equal(rte_pmd_simnet_clock_set(p->id, p->now_ns), 0);
	receive(p);
	client_tick(p->client, p->now_ns);
}

static void
run_for(struct port *p, uint64_t ns)
{
	uint64_t until_ns = p->now_ns + ns;

	while (p->now_ns < until_ns)
		step(p, until_ns);
	receive(p);
}

/* ---- TLS --------------------------------------------------------------------------------- */

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	uint32_t fed; /* bytes of the client's stream */
};

static void
tls_open(struct tls *t, int version)
{
	*t = (struct tls){.ctx = SSL_CTX_new(TLS_client_method())};
	assert_non_null(t->ctx);
	SSL_CTX_set_security_level(t->ctx, 0);
	assert_int_equal(SSL_CTX_set_cipher_list(t->ctx, "ALL:@SECLEVEL=0"), 1);
	assert_int_equal(SSL_CTX_set_min_proto_version(t->ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(t->ctx, version), 1);
	t->ssl = SSL_new(t->ctx);
	assert_non_null(t->ssl);
	SSL_set_bio(t->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(t->ssl);
}

static void
tls_close(struct tls *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	ERR_clear_error();
}

/* Bytes from one to the other. */
static void
tls_pump(struct tls *t, struct client *c, uint64_t now_ns)
{
	uint8_t data[4096];
	int n;

	if (c->in_len > t->fed)
		BIO_write(SSL_get_rbio(t->ssl), c->in + t->fed, (int)(c->in_len - t->fed));
	t->fed = c->in_len;
	while ((n = BIO_read(SSL_get_wbio(t->ssl), data, sizeof(data))) > 0)
		client_write(c, now_ns, data, (size_t)n);
}

/* Within a minute. */
static bool
tls_connect(struct tls *t, struct port *p)
{
	uint64_t until_ns = p->now_ns + 60 * NS_PER_SEC;
	int done;

	while ((done = SSL_do_handshake(t->ssl)) != 1 && p->now_ns < until_ns &&
	       !p->client->reset) {
		if (SSL_get_error(t->ssl, done) != SSL_ERROR_WANT_READ)
			return false;
		tls_pump(t, p->client, p->now_ns);
		step(p, until_ns);
		tls_pump(t, p->client, p->now_ns);
	}
	tls_pump(t, p->client, p->now_ns);
	return done == 1;
}

static void
assert_certificate(const struct tls *t, uint32_t host)
{
	const struct world_certificates *recipe = &world_describe(world)->certificates;
	uint32_t index = world_certificate_at(world, host);
	uint8_t expected[WORLDCERTS_SHA256_SIZE], found[EVP_MAX_MD_SIZE];
	X509 *leaf = SSL_get1_peer_certificate(t->ssl);

	assert_int_equal(worldcerts_digest(recipe, index, expected), 0);
	assert_non_null(leaf);
	assert_int_equal(X509_digest(leaf, EVP_sha256(), found, NULL), 1);
	assert_memory_equal(found, expected, sizeof(expected));
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(t->ssl)), 1 + index % 4);
	X509_free(leaf);
}

/* One of many that speak with their hosts at the same time. */
struct conversation {
	struct client client;
	struct tls tls;
	uint32_t host;
	int version;
	bool done;
};

static unsigned int
conversations_start(struct port *p, struct conversation *all)
{
	unsigned int n = 0;

	for (uint32_t host = FIRST; host < FIRST + HOSTS; host++) {
		struct conversation *v = &all[n];

		if (world_state(world, host, 443) != WORLD_OPEN ||
		    world_service_at(world, host, 443)->kind != WORLD_SERVICE_TLS)
			continue;
		v->host = host;
		v->version = host % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
		client_init(p, &v->client, host, 443);
		v->client.src_port = (uint16_t)(30000 + n++);
		tls_open(&v->tls, v->version);
		client_start(&v->client, p->now_ns);
	}
	return n;
}

/* What has come for a conversation, and what that leads to; whether it is over. */
static bool
conversation_step(struct port *p, struct conversation *v)
{
	client_tick(&v->client, p->now_ns);
	tls_pump(&v->tls, &v->client, p->now_ns);
	if (SSL_do_handshake(v->tls.ssl) != 1) {
		tls_pump(&v->tls, &v->client, p->now_ns);
		return false;
	}
	assert_int_equal(SSL_version(v->tls.ssl), v->version);
	assert_certificate(&v->tls, v->host);
	client_abort(&v->client);
	tls_close(&v->tls);
	return true;
}

/* The conversation that a frame is for. */
static struct conversation *
conversation_of(struct conversation *all, unsigned int n, const uint8_t *frame, unsigned int len)
{
	const struct wire_tcp *tcp = worlds_tcp(frame, len);
	unsigned int i = tcp != NULL ? load_be16(tcp->dst_port) - 30000u : n;

	return i < n ? &all[i] : NULL;
}

static uint64_t
conversations_next_ns(const struct port *p, const struct conversation *all, unsigned int n)
{
	uint64_t next_ns;

	assert_int_equal(rte_pmd_simnet_next_ns(p->id, &next_ns), 0);
	for (unsigned int i = 0; i < n; i++) {
		if (!all[i].done && all[i].client.resend_ns < next_ns)
			next_ns = all[i].client.resend_ns;
	}
	return RTE_MAX(next_ns, p->now_ns);
}

/* All at once; 5% of packets lost each way, as many copied and overtaken. */
static void
test_certificates_are_the_worlds(void **state)
{
	struct conversation *all = calloc(HOSTS, sizeof(*all)), *v;
	unsigned int n, done = 0;
	struct port p;

	(void)state;
	assert_non_null(all);
	port_open(&p);
	n = conversations_start(&p, all);
	assert_in_range(n, HOSTS / 4, HOSTS / 2);
	while (done < n && p.now_ns < 300 * NS_PER_SEC) {
		struct rte_mbuf *m;

		p.now_ns = conversations_next_ns(&p, all, n);
		assert_int_equal(rte_pmd_simnet_clock_set(p.id, p.now_ns), 0);
		while (rte_eth_rx_burst(p.id, 0, &m, 1) == 1) {
			const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

			v = conversation_of(all, n, frame, m->data_len);
			if (v != NULL && !v->done)
				client_hear(&v->client, p.now_ns, frame, m->data_len);
			rte_pktmbuf_free(m);
		}
		for (v = all; v < all + n; v++) {
			if (!v->done && (v->done = conversation_step(&p, v)))
				done++;
		}
	}
	assert_int_equal(done, n);
	port_close(&p);
	free(all);
}

static void
test_each_version(void **state)
{
	static const struct {
		int version;
		uint16_t port;
		bool connects;
	} cases[] = {
		{TLS1_VERSION, 444, true},     {TLS1_1_VERSION, 444, true},
		{TLS1_2_VERSION, 444, false},  {TLS1_1_VERSION, 443, false},
		{TLS1_2_VERSION, 447, false},
	};
	uint32_t host = FIRST;
	struct port p;

	(void)state;
	while (world_state(world, host, 443) != WORLD_OPEN ||
	       world_service_at(world, host, 443)->kind != WORLD_SERVICE_TLS)
		host++;
	port_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls t;

		start(&p, host, cases[i].port);
		tls_open(&t, cases[i].version);
		assert_int_equal(tls_connect(&t, &p), cases[i].connects);
		if (cases[i].connects)
			assert_certificate(&t, host);
		if (cases[i].port == 447)
			assert_int_equal(p.client->in_len, 50);
		client_abort(p.client);
		tls_close(&t);
	}
	port_close(&p);
}

static void
test_one_byte_a_segment(void **state)
{
	const uint32_t host = 0x0b000001;
	struct port p;
	struct tls t;

	(void)state;
	port_open(&p);
	start(&p, host, 443);
	tls_open(&t, TLS1_3_VERSION);
	assert_true(tls_connect(&t, &p));
	assert_certificate(&t, host);
	assert_int_equal(p.client->longest, 1);
	tls_close(&t);
	port_close(&p);
}

static void
test_a_text_stands_behind_the_handshake(void **state)
{
	char text[64] = {0};
	struct port p;
	struct tls t;
	int n = 0;

	(void)state;
	port_open(&p);
	start(&p, FIRST + 1, 446);
	tls_open(&t, TLS1_3_VERSION);
	assert_true(tls_connect(&t, &p));
	assert_int_equal(SSL_write(t.ssl, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	tls_pump(&t, p.client, p.now_ns);
	for (int i = 0; i < 30 && n <= 0; i++) {
		run_for(&p, NS_PER_SEC);
		tls_pump(&t, p.client, p.now_ns);
		n = SSL_read(t.ssl, text, sizeof(text) - 1);
	}
	assert_string_equal(text, "HTTP/1.0 200 OK\r\n\r\nhello");
	assert_int_equal(SSL_get_error(t.ssl, SSL_read(t.ssl, text, 1)), SSL_ERROR_ZERO_RETURN);
	run_for(&p, 10 * NS_PER_SEC);
	assert_true(p.client->fin_heard);
	tls_close(&t);
	port_close(&p);
}

static void
test_malformed_is_no_tls(void **state)
{
	struct port p;
	struct tls t;

	(void)state;
	port_open(&p);
	start(&p, FIRST + 1, 448);
	tls_open(&t, TLS1_2_VERSION);
	assert_false(tls_connect(&t, &p));
	run_for(&p, 10 * NS_PER_SEC);
	assert_int_equal(p.client->in_len, 5 + 42 + 5 + 26 + 5 + 4);
	tls_close(&t);
	port_close(&p);
}

static void
test_others_speak_as_the_world_says(void **state)
{
	struct client *c;
	struct port p;

	(void)state;
	port_open(&p);
	c = start(&p, FIRST + 2, 22);
	run_for(&p, 30 * NS_PER_SEC);
	assert_int_equal(c->in_len, 21);
	assert_memory_equal(c->in, "SSH-2.0-OpenSSH_9.2\r\n", 21);
	c = start(&p, FIRST + 2, 23);
	run_for(&p, 42 * NS_PER_SEC);
	assert_in_range(c->in_len, 7, 10);
	c = start(&p, FIRST + 2, 24);
	client_write(c, p.now_ns, "x", 1);
	run_for(&p, 30 * NS_PER_SEC);
	assert_true(c->open);
	assert_int_equal(c->peer_window, 0);
	assert_int_equal(c->acked, 0);
	c = start(&p, FIRST + 2, 25);
	client_write(c, p.now_ns, "x", 1);
	for (int i = 0; i < 60 && !c->reset; i++)
		run_for(&p, NS_PER_SEC);
	assert_true(c->reset);
	assert_int_equal(c->in_len, 0);
	port_close(&p);
}

/* The same bytes from the same client get the same answer, key share and signature included. */
static void
test_tls_replays(void **state)
{
	uint8_t hello[2048], answers[2][8192];
	uint32_t lens[2];
	struct tls t;
	int len;

	(void)state;
	tls_open(&t, TLS1_3_VERSION);
	SSL_do_handshake(t.ssl);
	len = BIO_read(SSL_get_wbio(t.ssl), hello, sizeof(hello));
	tls_close(&t);
	assert_true(len > 0);
	for (int life = 0; life < 2; life++) {
		struct client *c;
		struct port p;

		port_open(&p);
		c = start(&p, FIRST + 3, 446);
		c->src_port = 999;
		client_write(c, p.now_ns, hello, (size_t)len);
		run_for(&p, 30 * NS_PER_SEC);
		lens[life] = RTE_MIN(c->in_len, sizeof(answers[0]));
		memcpy(answers[life], c->in, lens[life]);
		port_close(&p);
	}
	assert_true(lens[0] > 500);
	assert_int_equal(lens[0], lens[1]);
	assert_memory_equal(answers[0], answers[1], lens[0]);
}

static void
test_certificates_must_be_there(void **state)
{
	char args[128], path[64];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/without.yaml", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("networks: []\ncertificates: {folder: nowhere}\n", f);
	fclose(f);
	snprintf(args, sizeof(args), "world=%s", path);
	assert_true(rte_eal_hotplug_add("vdev", "net_simnet0", args) != 0);
	unlink(path);
}

/* ---- All of it --------------------------------------------------------------------------- */

static int
write_world(void)
{
	struct diag diag = DIAG_EMPTY;
	char path[128];

	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(world_path, sizeof(world_path), "%s/world.yaml", folder);
	if (eal_write(world_path, world_text) != 0 || worldfile_load(world_path, &diag, &world) != 0)
		return -1;
	return worldcerts_make(&world_describe(world)->certificates, 9, path, sizeof(path));
}

static int
setup(void **state)
{
	(void)state;
	return write_world() != 0 ? -1 : eal_setup("test_servers");
}

static int
teardown(void **state)
{
	const struct world_certificates *recipe = &world_describe(world)->certificates;
	char path[128];

	(void)state;
	for (uint32_t i = 0; i < recipe->count; i++) {
		worldcerts_path(recipe, i, path, sizeof(path));
		unlink(path);
	}
	rmdir(recipe->folder);
	world_free(world);
	unlink(world_path);
	rmdir(folder);
	return rte_eal_cleanup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates_are_the_worlds),
		cmocka_unit_test(test_each_version),
		cmocka_unit_test(test_one_byte_a_segment),
		cmocka_unit_test(test_a_text_stands_behind_the_handshake),
		cmocka_unit_test(test_malformed_is_no_tls),
		cmocka_unit_test(test_others_speak_as_the_world_says),
		cmocka_unit_test(test_tls_replays),
		cmocka_unit_test(test_certificates_must_be_there),
	};

	return cmocka_run_group_tests_name("simnet_servers", tests, setup, teardown);
}
