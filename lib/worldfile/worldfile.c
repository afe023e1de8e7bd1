/* SPDX-License-Identifier: BSD-3-Clause */
#include "worldfile/worldfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "worldfile/keys.h"
#include "yaml/value.h"

#define TIME "a time up to 60s, such as 5ms"

static void
read_retries(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value = 0;

	keys_number(r, key, node, &value);
	*(unsigned int *)field = (unsigned int)value;
}

static void
read_cidr(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct ipv4_range *range = field;
	char first[IPV4_TEXT_SIZE];
	const char *slash;
	int rc = -EINVAL;

	if (node->kind == YAML_SCALAR)
		rc = ipv4_parse_range(node->text, node->len, range);
	if (rc == -EDOM) {
		ipv4_format(range->first, first);
		slash = strchr(node->text, '/');
		diag_add(r->diag, node->place,
			 "'%s' is '%s', which has bits set behind its prefix; write %s%s",
			 key->name, node->text, first, slash != NULL ? slash : "");
	} else if (rc != 0) {
		keys_fault(r, key, node);
	}
}

static const struct key share_keys[] = {
	{"open", keys_share, offsetof(struct world_port, open), SHARE, 0},
	{"closed", keys_share, offsetof(struct world_port, closed), SHARE, 0},
	{"service", services_read_one, offsetof(struct world_port, offers), SERVICE_MEND, 0},
	{"services", services_read_shares, offsetof(struct world_port, offers), SERVICES_MEND, 0},
};
#define DEFAULT_KEYS 2

/* Of one port; or of those not listed, of which there is only how many are open and closed. */
static bool
read_shares(struct reader *r, const struct key *key, const struct yaml_node *node, size_t keys,
	    struct world_port *shares)
{
	if (node->kind != YAML_MAPPING) {
		keys_fault(r, key, node);
		return false;
	}
	keys_read(r, "a port", node, share_keys, keys, shares);
	return true;
}

static void
read_default(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_network *n = field;
	struct world_port shares = {0};

	if (read_shares(r, key, node, DEFAULT_KEYS, &shares)) {
		n->open = shares.open;
		n->closed = shares.closed;
	}
}

/* A port as the key of a mapping; 0, with a fault, where it is none. No two keys are alike, and a
 * port is written in one way only. */
static uint16_t
read_port(struct reader *r, const struct yaml_node *name)
{
	uint64_t port;

	if (value_unsigned(name->text, name->len, &port) == 0 && port > 0 && port <= UINT16_MAX)
		return (uint16_t)port;
	diag_add(r->diag, name->place, "'%.*s' is no port; write one of 1 to 65535", SHOWN,
		 name->text);
	return 0;
}

static void
read_ports(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_network *n = field;
	struct world_port *ports;

	if (node->kind != YAML_MAPPING) {
		keys_fault(r, key, node);
		return;
	}
	ports = region_alloc(&r->memory, node->count + 1, sizeof(*ports));
	if (ports == NULL) {
		r->no_memory = true;
		return;
	}
	n->ports = ports;
	for (size_t i = 0; i < node->count; i++) {
		uint16_t port = read_port(r, node->keys[i]);

		if (port == 0)
			continue;
		ports[n->ports_count].port = port;
		read_shares(r, key, node->items[i], COUNT(share_keys),
			    &ports[n->ports_count++]);
	}
}

static void
read_latency(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	static const struct key keys[] = {
		{"min", keys_duration, offsetof(struct world_network, latency_min_ns), TIME,
		 WORLD_LATENCY_MAX_NS},
		{"max", keys_duration, offsetof(struct world_network, latency_max_ns), TIME,
		 WORLD_LATENCY_MAX_NS},
	};
	struct world_network *n = field;

	if (node->kind != YAML_MAPPING || yaml_find(node, "max") == NULL) {
		keys_fault(r, key, node);
		return;
	}
	keys_read(r, "latency", node, keys, COUNT(keys), n);
	if (n->latency_min_ns > n->latency_max_ns)
		diag_add(r->diag, node->place, "'latency' has a min above its max; swap them");
}

static void
read_loss(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	static const struct key keys[] = {
		{"out", keys_share, offsetof(struct world_network, loss_out), SHARE, 0},
		{"back", keys_share, offsetof(struct world_network, loss_back), SHARE, 0},
	};

	if (node->kind != YAML_MAPPING)
		keys_fault(r, key, node);
	else
		keys_read(r, "loss", node, keys, COUNT(keys), field);
}

#define NETWORK(field) offsetof(struct world_network, field)

/* A reader that fills more than one field is given the whole network. */
static const struct key network_keys[] = {
	{"cidr", read_cidr, NETWORK(range), "a network such as 198.51.100.0/24", 0},
	{"ports", read_ports, 0, "shares by port, such as {80: {open: 1.3%, closed: 4%}}", 0},
	{"default", read_default, 0, "shares such as {open: 0.02%, closed: 3%}", 0},
	{"unreachable", keys_share, NETWORK(unreachable), SHARE, 0},
	{"echo", keys_share, NETWORK(echo), SHARE, 0},
	{"latency", read_latency, 0, "a range such as {min: 5ms, max: 300ms}", 0},
	{"loss", read_loss, 0, "shares such as {out: 2%, back: 2%}", 0},
	{"duplicate", keys_share, NETWORK(duplicate), SHARE, 0},
	{"reorder", keys_share, NETWORK(reorder), SHARE, 0},
	{"corrupt", keys_share, NETWORK(corrupt), SHARE, 0},
	{"synack_retries", read_retries, NETWORK(synack_retries), "a number from 0 to 8",
	 WORLD_SYNACK_RETRIES_MAX},
	{"service", services_read_one, NETWORK(offers), SERVICE_MEND, 0},
	{"services", services_read_shares, NETWORK(offers), SERVICES_MEND, 0},
};

static void
check_sum(struct reader *r, const struct world_network *n, uint64_t open, uint64_t closed,
	  const struct yaml_node *at)
{
	/* No term is above 10^18: the sum fits. */
	if (open + closed + n->unreachable > WORLD_SHARE_ONE)
		diag_add(r->diag, at->place,
			 "open, closed and unreachable are more than 100%% together; lower one");
}

/* unreachable is known only when the whole network has been read. */
static void
check_sums(struct reader *r, const struct yaml_node *node, const struct world_network *n)
{
	const struct yaml_node *fallback = yaml_find(node, "default");
	const struct yaml_node *ports = yaml_find(node, "ports");

	check_sum(r, n, n->open, n->closed, fallback != NULL ? fallback : node);
	for (size_t i = 0, kept = 0; kept < n->ports_count; i++) {
		uint64_t port = 0;

		/* Keys that are no ports were left out. */
		(void)value_unsigned(ports->keys[i]->text, ports->keys[i]->len, &port);
		if (port != n->ports[kept].port)
			continue;
		check_sum(r, n, n->ports[kept].open, n->ports[kept].closed, ports->keys[i]);
		kept++;
	}
}

static void
read_network(struct reader *r, const struct key *key, const struct yaml_node *node,
	     struct world_network *n)
{
	if (node->kind != YAML_MAPPING) {
		keys_fault(r, key, node);
		return;
	}
	if (yaml_find(node, "cidr") == NULL)
		diag_add(r->diag, node->place,
			 "a network without 'cidr'; write which addresses it has");
	keys_read(r, "a network", node, network_keys, COUNT(network_keys), n);
	check_sums(r, node, n);
}

static void
read_networks(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_description *d = field;
	struct world_network *networks;

	if (node->kind != YAML_SEQUENCE) {
		keys_fault(r, key, node);
		return;
	}
	if (node->count > WORLD_NETWORKS_MAX) {
		diag_add(r->diag, node->place, "%zu networks; write at most %d", node->count,
			 WORLD_NETWORKS_MAX);
		return;
	}
	networks = region_alloc(&r->memory, node->count + 1, sizeof(*networks));
	if (networks == NULL) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < node->count; i++)
		read_network(r, key, node->items[i], &networks[i]);
	d->networks = networks;
	d->networks_count = node->count;
}

static void
read_forged(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	static const struct key keys[] = {
		{"rate", keys_rate, offsetof(struct world_description, forged_pps),
		 "packets per second up to 100M, such as 10k", WORLD_FORGED_RATE_MAX},
	};

	if (node->kind != YAML_MAPPING)
		keys_fault(r, key, node);
	else
		keys_read(r, "forged", node, keys, COUNT(keys), field);
}

static void
read_names(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	static const struct key keys[] = {
		{"servfail", keys_share, offsetof(struct world_names, servfail), SHARE, 0},
		{"exists", keys_share, offsetof(struct world_names, exists), SHARE, 0},
		{"alias", keys_share, offsetof(struct world_names, alias), SHARE, 0},
		{"types", keys_share, offsetof(struct world_names, types), SHARE, 0},
		{"big", keys_share, offsetof(struct world_names, big), SHARE, 0},
		{"truncated", keys_share, offsetof(struct world_names, truncated), SHARE, 0},
		{"addresses", read_cidr, offsetof(struct world_names, addresses),
		 "a network such as 198.51.100.0/24", 0},
	};
	struct world_names *n = field;

	if (node->kind != YAML_MAPPING) {
		keys_fault(r, key, node);
		return;
	}
	keys_read(r, "names", node, keys, COUNT(keys), n);
	if (n->servfail + n->exists > WORLD_SHARE_ONE)
		diag_add(r->diag, node->place, "servfail and exists are more than 100%% together; lower one");
}

/* Named services come first, wherever they stand: networks refer to them. */
static void
read_services(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	(void)r;
	(void)key;
	(void)node;
	(void)field;
}

static const struct key world_keys[] = {
	{"seed", keys_number, offsetof(struct world_description, seed), "a whole number below 2^64",
	 UINT64_MAX},
	{"networks", read_networks, 0, "a list of networks, such as - cidr: 0.0.0.0/0", 0},
	{"services", read_services, 0, "services by name, such as {ssh: {banner: TEXT}}", 0},
	{"certificates", services_read_certificates,
	 offsetof(struct world_description, certificates),
	 "certificates such as {folder: certificates, count: 64}", 0},
	{"names", read_names, offsetof(struct world_description, names),
	 "what there is to be looked up, such as {exists: 80%}", 0},
	{"zones", zones_read, 0, ZONES_MEND, 0},
	{"forged", read_forged, 0, "a rate such as {rate: 1000}", 0},
};

static void
read_world(struct reader *r, const struct yaml_node *root, struct world_description *d)
{
	if (root->kind != YAML_MAPPING) {
		diag_add(r->diag, root->place, "a world is %s; write a mapping with 'networks'",
			 yaml_kind_name(root->kind));
		return;
	}
	if (yaml_find(root, "networks") == NULL)
		diag_add(r->diag, root->place, "a world without 'networks'; write %s",
			 world_keys[1].mend);
	services_read(r, yaml_find(root, "services"));
	keys_read(r, "a world", root, world_keys, COUNT(world_keys), d);
	d->services = r->services;
	d->services_count = r->services_count;
	for (size_t i = 0; i < d->services_count; i++) {
		if (d->services[i].kind == WORLD_SERVICE_TLS && d->certificates.folder == NULL) {
			diag_add(r->diag, root->place,
				 "services of tls without 'certificates'; write %s",
				 "certificates: {folder: certificates, count: 64}");
			return;
		}
	}
}

/* ---- Files ------------------------------------------------------------------------------- */

int
worldfile_parse(const char *file, const char *text, size_t len, struct diag *diag,
		struct world **out)
{
	struct world_description d = {.names = WORLD_NAMES_PLAIN};
	struct reader r = {.diag = diag};
	struct yaml_tree *tree;
	int rc;

	*out = NULL;
	rc = yaml_tree_parse(file, text, len, diag, &tree);
	if (rc != 0)
		return rc;
	read_world(&r, yaml_tree_root(tree), &d);
	if (!diag_is_empty(diag))
		rc = -EINVAL;
	else if (r.no_memory)
		rc = -ENOMEM;
	else
		rc = world_create(&d, out);
	region_free(&r.memory);
	yaml_tree_free(tree);
	return rc;
}

/* A terminated copy of a file, as far as a document may be long and one byte more. */
static int
read_file(const char *path, char **text, size_t *len)
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	*text = NULL;
	if (f == NULL)
		return -errno;
	*text = malloc(YAML_TEXT_MAX + 1);
	if (*text == NULL) {
		fclose(f);
		return -ENOMEM;
	}
	errno = 0;
	*len = fread(*text, 1, YAML_TEXT_MAX + 1, f);
	if (ferror(f))
		rc = errno != 0 ? -errno : -EIO;
	fclose(f);
	return rc;
}

int
worldfile_load(const char *path, struct diag *diag, struct world **out)
{
	char *text;
	size_t len = 0;
	int rc;

	*out = NULL;
	rc = read_file(path, &text, &len);
	if (rc != 0)
		diag_add(diag, (struct diag_place){.file = path}, "cannot be read: %s",
			 strerror(-rc));
	else
		rc = worldfile_parse(path, text, len, diag, out);
	free(text);
	return rc;
}
