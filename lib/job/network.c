/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers of devices, addresses, ports and positions in the order.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "job/readers.h"
#include "targets/list.h"
#include "yaml/value.h"

/* EAL's bound on a device's name (RTE_DEV_NAME_MAX_LEN, with its end). */
#define DEVICE_NAME_MAX 63

bool
job_device_is_harmless(enum job_device_kind kind)
{
	return kind == JOB_DEVICE_NULL || kind == JOB_DEVICE_SIMNET;
}

bool
job_is_harmless(const struct job *job)
{
	for (size_t i = 0; i < job->interface_count; i++)
		if (!job_device_is_harmless(job->interfaces[i].kind))
			return false;
	return true;
}

bool
job_has_pci(const struct job *job)
{
	for (size_t i = 0; i < job->interface_count; i++)
		if (job->interfaces[i].kind == JOB_DEVICE_PCI)
			return true;
	return false;
}

/* "3b:00.0" or "0000:3b:00.0", in hexadecimal; the function is an octal digit. */
static bool
is_pci_address(const char *name, size_t len)
{
	static const char shape[] = "xxxx:xx:xx.o";
	size_t skip = len == 7 ? 5 : 0;

	if (len + skip != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		char want = shape[skip + i];

		if (want == 'x' ? !isxdigit((unsigned char)name[i])
		    : want == 'o' ? name[i] < '0' || name[i] > '7' : name[i] != want)
			return false;
	}
	return true;
}

/* "net_<driver>[N]" */
static bool
is_driver_name(const char *name, size_t len)
{
	if (len < 5 || memcmp(name, "net_", 4) != 0 || isdigit((unsigned char)name[4]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '_')
			return false;
	return true;
}

static enum job_device_kind
driver_kind(const char *name, size_t len)
{
	static const struct {
		const char *name;
		enum job_device_kind kind;
	} drivers[] = {
		{"net_af_packet", JOB_DEVICE_AF_PACKET}, {"net_af_xdp", JOB_DEVICE_AF_XDP},
		{"net_null", JOB_DEVICE_NULL}, {"net_simnet", JOB_DEVICE_SIMNET},
	};

	while (isdigit((unsigned char)name[len - 1]))
		len--;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strlen(drivers[i].name) == len && memcmp(drivers[i].name, name, len) == 0)
			return drivers[i].kind;
	return JOB_DEVICE_OTHER_VDEV;
}

enum job_device_kind
job_device_kind(const char *device)
{
	size_t name = strcspn(device, ",");

	return is_driver_name(device, name) ? driver_kind(device, name) : JOB_DEVICE_PCI;
}

/* Drivers over a kernel interface need its name among their arguments. */
static bool
names_interface(const char *arguments)
{
	const char *iface = strstr(arguments, ",iface=");

	return iface != NULL && iface[7] != '\0' && iface[7] != ',';
}

static void
refuse_device(struct reader *r, const struct key *key, const struct yaml_node *node)
{
	if (!is_driver_name(node->text, strcspn(node->text, ",")) && node->len < 16 &&
	    strpbrk(node->text, ":,/ ") == NULL)
		diag_add(r->diag, node->place,
			 "'%s' is no DPDK device; for a kernel interface of that name write "
			 "net_af_packet0,iface=%s",
			 node->text, node->text);
	else
		reader_refuse(r, key, node);
}

void
reader_device(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_interface *interface = field;
	size_t name = strcspn(node->text, ",");
	enum job_device_kind kind = job_device_kind(node->text);

	/* A world's path may have blanks; elsewhere they are a mistake. */
	if (!reader_is_text(key, node) || node->len == 0 ||
	    (strchr(node->text, ' ') != NULL && kind != JOB_DEVICE_SIMNET)) {
		reader_refuse(r, key, node);
		return;
	}
	if (name > DEVICE_NAME_MAX || (!is_pci_address(node->text, name) &&
				       !is_driver_name(node->text, name))) {
		refuse_device(r, key, node);
		return;
	}
	if ((kind == JOB_DEVICE_AF_PACKET || kind == JOB_DEVICE_AF_XDP) &&
	    !names_interface(node->text + name)) {
		diag_add(r->diag, node->place,
			 "'%s' names no kernel interface; write %.*s,iface=eth1", node->text,
			 (int)name, node->text);
		return;
	}
	interface->kind = kind;
	interface->device.text = reader_copy(r, node->text);
	interface->device.place = node->place;
}

/* Addresses that a host can have: not "this network", loopback, multicast or the class above. */
static bool
is_host_range(struct ipv4_range range)
{
	bool loopback = range.first >> 24 <= 127 && range.last >> 24 >= 127;

	return range.first >> 24 != 0 && range.last >> 24 < 224 && !loopback;
}

static bool
read_pool_item(struct reader *r, const struct key *key, const struct yaml_node *item,
	       struct ipv4_range *range)
{
	char first[IPV4_TEXT_SIZE];
	int rc = ipv4_parse_range(item->text, item->len, range);

	if (rc == -EDOM && item->kind == YAML_SCALAR) {
		ipv4_format(range->first, first);
		diag_add(r->diag, item->place,
			 "'%s' has host bits after its prefix, and 'addresses' is a pool; write "
			 "%.*s for the one address or %s%s for all",
			 item->text, (int)strcspn(item->text, "/"), item->text, first,
			 strchr(item->text, '/'));
		return false;
	}
	if (rc == 0 && is_host_range(*range))
		return true;
	reader_refuse_item(r, key, item);
	return false;
}

/* Whether a range shares addresses with those before it: the pool counts each once. */
static bool
overlaps(const struct ipv4_range *ranges, size_t count, struct ipv4_range range)
{
	for (size_t i = 0; i < count; i++)
		if (range.first <= ranges[i].last && ranges[i].first <= range.last)
			return true;
	return false;
}

void
reader_pool(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_interface *interface = field;
	size_t count = reader_item_count(r, key, node), kept = 0;
	struct ipv4_range *ranges;

	if (count > key->max) {
		diag_add(r->diag, node->place,
			 "'addresses' holds %zu entries, more than %u; merge them", count,
			 (unsigned int)key->max);
		return;
	}
	ranges = reader_alloc(r, count, sizeof(*ranges));
	for (size_t i = 0; ranges != NULL && i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);

		if (!read_pool_item(r, key, item, &ranges[kept]))
			continue;
		if (overlaps(ranges, kept, ranges[kept]))
			diag_add(r->diag, item->place, "'%s' is in the pool already; remove one",
				 item->text);
		else
			kept++;
	}
	interface->addresses = ranges;
	interface->address_count = kept;
}

void
reader_source_ports(struct reader *r, const struct key *key, const struct yaml_node *node,
		    void *field)
{
	struct job_interface *interface = field;
	uint16_t first, last;

	if (node->kind != YAML_SCALAR || value_ports(node->text, node->len, &first, &last) != 0 ||
	    last - first + 1u < key->min) {
		reader_refuse(r, key, node);
		return;
	}
	interface->source_port_first = first;
	interface->source_port_last = last;
}

void
reader_gateway(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_interface *interface = field;
	uint32_t address;

	if (node->kind != YAML_SCALAR || ipv4_parse(node->text, node->len, &address) != 0 ||
	    !is_host_range((struct ipv4_range){address, address})) {
		reader_refuse(r, key, node);
		return;
	}
	interface->has_gateway = true;
	interface->gateway = address;
}

/* Six pairs of hexadecimal digits with colons between. 0 or -EINVAL. */
static int
parse_mac(const char *text, size_t len, uint8_t mac[6])
{
	static const char digits[] = "0123456789abcdef";

	if (len != 17)
		return -EINVAL;
	for (size_t i = 0; i < 17; i++) {
		const char *digit = strchr(digits, tolower((unsigned char)text[i]));

		if (i % 3 == 2 ? text[i] != ':' : text[i] == '\0' || digit == NULL)
			return -EINVAL;
		if (i % 3 == 2)
			continue;
		mac[i / 3] = (uint8_t)(mac[i / 3] << 4 | (digit - digits));
	}
	return 0;
}

void
reader_gateway_mac(struct reader *r, const struct key *key, const struct yaml_node *node,
		   void *field)
{
	static const uint8_t zero[6];
	struct job_interface *interface = field;
	uint8_t mac[6] = {0};

	if (parse_mac(node->text, node->len, mac) != 0 || mac[0] & 1 ||
	    memcmp(mac, zero, sizeof(mac)) == 0) {
		reader_refuse(r, key, node);
		return;
	}
	interface->has_gateway_mac = true;
	memcpy(interface->gateway_mac, mac, sizeof(mac));
}

static size_t
read_ports(struct reader *r, const struct key *key, const struct yaml_node *node,
	   struct job_port_range **out)
{
	size_t count = reader_item_count(r, key, node), kept = 0;
	struct job_port_range *ranges = reader_alloc(r, count, sizeof(*ranges));

	for (size_t i = 0; ranges != NULL && i < count; i++) {
		const struct yaml_node *item = reader_item_at(node, i);
		struct job_port_range *range = &ranges[kept];

		if (value_ports(item->text, item->len, &range->first, &range->last) == 0)
			kept++;
		else
			reader_refuse_item(r, key, item);
	}
	*out = ranges;
	return kept;
}

void
reader_ports(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_targets *targets = field;

	targets->port_range_count = read_ports(r, key, node, &targets->ports);
}

void
reader_grab_ports(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_grab *grab = field;

	grab->port_range_count = read_ports(r, key, node, &grab->ports);
}

static bool
is_target(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	struct list_entry entry;

	(void)key;
	if (list_read_entry(item->text, item->len, item->place, &entry, r->diag) != 0)
		return false;
	if (r->unkept == 0) {
		r->include_has_plain |= entry.port == 0;
		r->include_has_pair |= entry.port != 0;
	}
	return true;
}

void
reader_include(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	reader_list(r, key, node, is_target, field);
}

static bool
is_exclusion(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	struct list_entry entry;

	(void)key;
	if (list_read_entry(item->text, item->len, item->place, &entry, r->diag) != 0)
		return false;
	if (entry.port == 0)
		return true;
	diag_add(r->diag, item->place,
		 "'%s' names a port, but an exclusion holds for all ports; write the address alone",
		 item->text);
	return false;
}

void
reader_exclude(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	reader_list(r, key, node, is_exclusion, field);
}

static bool
is_reserved_range(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	if (strpbrk(item->text, ":-") == NULL)
		return is_exclusion(r, key, item);
	reader_refuse_item(r, key, item);
	return false;
}

void
reader_reserved(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	reader_list(r, key, node, is_reserved_range, field);
}

/* "address:port", or with need_port false also "address". */
static bool
is_endpoint(const struct yaml_node *node, bool need_port)
{
	const char *colon = strchr(node->text, ':');
	size_t head = colon != NULL ? (size_t)(colon - node->text) : node->len;
	uint16_t first, last;
	uint32_t address;

	if (ipv4_parse(node->text, head, &address) != 0)
		return false;
	if (colon == NULL)
		return !need_port;
	return value_ports(colon + 1, node->len - head - 1, &first, &last) == 0 && first == last;
}

static bool
is_pair(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	bool sound = is_endpoint(item, true);

	if (!sound)
		reader_refuse_item(r, key, item);
	return sound;
}

void
reader_pairs(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_texts *pairs = field;

	reader_list(r, key, node, is_pair, pairs);
	if (pairs->count > JOB_CANARIES_MAX)
		diag_add(r->diag, node->place, "'%s' has %zu entries; at most %d are asked",
			 schema_name(key), pairs->count, JOB_CANARIES_MAX);
}

/* What has a slash in it is a file's name. */
static bool
is_resolver(struct reader *r, const struct key *key, const struct yaml_node *item)
{
	bool sound = strchr(item->text, '/') != NULL || is_endpoint(item, false);

	if (!sound)
		reader_refuse_item(r, key, item);
	return sound;
}

void
reader_resolvers(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_texts *resolvers = field;

	reader_list(r, key, node, is_resolver, resolvers);
	if (resolvers->count > JOB_RESOLVERS_MAX)
		diag_add(r->diag, node->place, "'%s' has %zu entries; at most %d are asked",
			 schema_name(key), resolvers->count, JOB_RESOLVERS_MAX);
}

void
reader_seed(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_order *order = field;

	if (value_unsigned(node->text, node->len, &order->seed) != 0)
		reader_refuse(r, key, node);
	else
		order->has_seed = true;
}

void
reader_shard(struct reader *r, const struct key *key, const struct yaml_node *node, void *field)
{
	struct job_order *order = field;
	size_t head = strcspn(node->text, "/");
	const char *tail = node->text + head + (head < node->len);
	uint64_t shard, shards;

	if (value_unsigned(node->text, head, &shard) != 0 ||
	    value_unsigned(tail, strlen(tail), &shards) != 0 || shard == 0 || shard > shards ||
	    shards > key->max) {
		reader_refuse(r, key, node);
		return;
	}
	order->shard = (uint32_t)shard;
	order->shards = (uint32_t)shards;
}
