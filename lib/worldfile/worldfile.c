/* SPDX-License-Identifier: BSD-3-Clause */
#include "worldfile/worldfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/near.h"
#include "yaml/region.h"
#include "yaml/value.h"
#include "yaml/yaml.h"

/* How much of a person's text a message repeats. */
#define SHOWN 40

struct reader {
	struct diag *diag;
	struct region memory; /* networks and ports, until the world is compiled */
	bool no_memory;
};

/* One key of a mapping: how its value is read into the field at offset of what the mapping is. */
struct key {
	const char *name;
	void (*read)(struct reader *r, const struct key *key, const struct yaml_node *node,
		     void *field);
	size_t offset;
	const char *mend; /* what to write */
	uint64_t max;     /* of a number or time */
};

static void
fault(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR)
		diag_add(r->diag, node->place, "'%s' is '%.*s'; write %s", key->name, SHOWN,
			 node->text, key->mend);
	else
		diag_add(r->diag, node->place, "'%s' is %s; write %s", key->name,
			 yaml_kind_name(node->kind), key->mend);
}

/* ---- Values ------------------------------------------------------------------------------ */

static void
read_share(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (node->kind != YAML_SCALAR || worldfile_share(node->text, node->len, field) != 0)
		fault(r, key, node);
}

static void
read_number(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || value_unsigned(node->text, node->len, &value) != 0 ||
	    value > key->max)
		fault(r, key, node);
	else
		*(uint64_t *)field = value;
}

static void
read_rate(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || value_count(node->text, node->len, &value) != 0 ||
	    value > key->max)
		fault(r, key, node);
	else
		*(uint64_t *)field = value;
}

static void
read_retries(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value = 0;

	read_number(r, key, node, &value);
	*(unsigned int *)field = (unsigned int)value;
}

static void
read_duration(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	uint64_t value;

	if (node->kind != YAML_SCALAR || value_duration(node->text, node->len, &value) != 0 ||
	    value > key->max)
		fault(r, key, node);
	else
		*(uint64_t *)field = value;
}

static void
read_service(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	if (yaml_is(node, "none"))
		*(enum world_service *)field = WORLD_SERVICE_NONE;
	else
		fault(r, key, node);
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
		fault(r, key, node);
	}
}

/* ---- Mappings ---------------------------------------------------------------------------- */

static void
unknown_key(struct reader *r, const char *where, const struct yaml_node *typed,
	    const struct key *keys, size_t count)
{
	unsigned int least = NEAR_WORD_MAX + 1;
	const char *near = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned int distance = near_distance(typed->text, keys[i].name);

		if (distance < least) {
			least = distance;
			near = keys[i].name;
		}
	}
	if (near != NULL && near_is_likely(typed->text, least))
		diag_add(r->diag, typed->place, "%s has no key '%.*s'; did you mean '%s'?", where,
			 SHOWN, typed->text, near);
	else
		diag_add(r->diag, typed->place, "%s has no key '%.*s'; remove it", where, SHOWN,
			 typed->text);
}

/* Read the keys of a mapping into *target; where names the mapping for people. */
static void
read_keys(struct reader *r, const char *where, const struct yaml_node *node, const struct key *keys,
	  size_t count, void *target)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *name = node->keys[i];
		const struct key *key = NULL;

		for (size_t j = 0; j < count; j++) {
			if (yaml_is(name, keys[j].name))
				key = &keys[j];
		}
		if (key == NULL)
			unknown_key(r, where, name, keys, count);
		else if (node->items[i]->kind == YAML_NULL)
			diag_add(r->diag, name->place, "'%s' has no value; write %s", key->name,
				 key->mend);
		else
			key->read(r, key, node->items[i], (char *)target + key->offset);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHARE "a share such as 1.3%"
#define TIME "a time up to 60s, such as 5ms"

static const struct key share_keys[] = {
	{"open", read_share, offsetof(struct world_port, open), SHARE, 0},
	{"closed", read_share, offsetof(struct world_port, closed), SHARE, 0},
};

/* Open and closed of one port, or of those not listed. */
static bool
read_shares(struct reader *r, const struct key *key, const struct yaml_node *node,
	    struct world_port *shares)
{
	if (node->kind != YAML_MAPPING) {
		fault(r, key, node);
		return false;
	}
	read_keys(r, "a port", node, share_keys, COUNT(share_keys), shares);
	return true;
}

static void
read_default(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_network *n = field;
	struct world_port shares = {0};

	if (read_shares(r, key, node, &shares)) {
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
		fault(r, key, node);
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
		read_shares(r, key, node->items[i], &ports[n->ports_count++]);
	}
}

static void
read_latency(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	static const struct key keys[] = {
		{"min", read_duration, offsetof(struct world_network, latency_min_ns), TIME,
		 WORLD_LATENCY_MAX_NS},
		{"max", read_duration, offsetof(struct world_network, latency_max_ns), TIME,
		 WORLD_LATENCY_MAX_NS},
	};
	struct world_network *n = field;

	if (node->kind != YAML_MAPPING || yaml_find(node, "max") == NULL) {
		fault(r, key, node);
		return;
	}
	read_keys(r, "latency", node, keys, COUNT(keys), n);
	if (n->latency_min_ns > n->latency_max_ns)
		diag_add(r->diag, node->place, "'latency' has a min above its max; swap them");
}

static void
read_loss(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	static const struct key keys[] = {
		{"out", read_share, offsetof(struct world_network, loss_out), SHARE, 0},
		{"back", read_share, offsetof(struct world_network, loss_back), SHARE, 0},
	};

	if (node->kind != YAML_MAPPING)
		fault(r, key, node);
	else
		read_keys(r, "loss", node, keys, COUNT(keys), field);
}

#define NETWORK(field) offsetof(struct world_network, field)

/* A reader that fills more than one field is given the whole network. */
static const struct key network_keys[] = {
	{"cidr", read_cidr, NETWORK(range), "a network such as 198.51.100.0/24", 0},
	{"ports", read_ports, 0, "shares by port, such as {80: {open: 1.3%, closed: 4%}}", 0},
	{"default", read_default, 0, "shares such as {open: 0.02%, closed: 3%}", 0},
	{"unreachable", read_share, NETWORK(unreachable), SHARE, 0},
	{"echo", read_share, NETWORK(echo), SHARE, 0},
	{"latency", read_latency, 0, "a range such as {min: 5ms, max: 300ms}", 0},
	{"loss", read_loss, 0, "shares such as {out: 2%, back: 2%}", 0},
	{"duplicate", read_share, NETWORK(duplicate), SHARE, 0},
	{"reorder", read_share, NETWORK(reorder), SHARE, 0},
	{"corrupt", read_share, NETWORK(corrupt), SHARE, 0},
	{"synack_retries", read_retries, NETWORK(synack_retries), "a number from 0 to 8",
	 WORLD_SYNACK_RETRIES_MAX},
	{"service", read_service, NETWORK(service), "none, the only service there is yet", 0},
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
		fault(r, key, node);
		return;
	}
	if (yaml_find(node, "cidr") == NULL)
		diag_add(r->diag, node->place,
			 "a network without 'cidr'; write which addresses it has");
	read_keys(r, "a network", node, network_keys, COUNT(network_keys), n);
	check_sums(r, node, n);
}

static void
read_networks(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct world_description *d = field;
	struct world_network *networks;

	if (node->kind != YAML_SEQUENCE) {
		fault(r, key, node);
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
		{"rate", read_rate, offsetof(struct world_description, forged_pps),
		 "packets per second up to 100M, such as 10k", WORLD_FORGED_RATE_MAX},
	};

	if (node->kind != YAML_MAPPING)
		fault(r, key, node);
	else
		read_keys(r, "forged", node, keys, COUNT(keys), field);
}

static const struct key world_keys[] = {
	{"seed", read_number, offsetof(struct world_description, seed), "a whole number below 2^64",
	 UINT64_MAX},
	{"networks", read_networks, 0, "a list of networks, such as - cidr: 0.0.0.0/0", 0},
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
	read_keys(r, "a world", root, world_keys, COUNT(world_keys), d);
}

/* ---- Files ------------------------------------------------------------------------------- */

int
worldfile_parse(const char *file, const char *text, size_t len, struct diag *diag,
		struct world **out)
{
	struct world_description d = {0};
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
