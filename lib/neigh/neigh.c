/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh/neigh.h"

#include "base/ipv4.h"
#include "base/time.h"

#define HARDWARE_ETHERNET 1
#define ECHO_TTL 64

/* How many requests go out at the fast pace. */
#define FAST_REQUESTS 5

#define MAC_KNOWN (UINT64_C(1) << 48)

/* The first address of class D: groups, and above them the reserved ones and the broadcast. */
#define FIRST_GROUP UINT32_C(0xe0000000)

static const uint8_t broadcast_mac[WIRE_MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t zero_mac[WIRE_MAC_SIZE];

static bool
mac_is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* A MAC that one other station can have. */
static bool
mac_is_station(const struct neigh *n, const uint8_t *mac)
{
	return !mac_is_group(mac) && memcmp(mac, zero_mac, WIRE_MAC_SIZE) != 0 &&
	       memcmp(mac, n->config.mac, WIRE_MAC_SIZE) != 0;
}

static bool
is_ours(const struct neigh *n, uint32_t address)
{
	return ipv4_sorted_contains(n->config.addresses, n->config.address_count, address);
}

void
neigh_init(struct neigh *n, const struct neigh_config *config, uint64_t now_ns)
{
	n->config = *config;
	n->next_request_ns = now_ns;
	n->requests = 0;
	n->is_given = n->is_waiting = false;
	atomic_init(&n->unanswered, 0);
	atomic_init(&n->gateway_mac, 0);
}

static uint64_t
mac_value(const uint8_t mac[WIRE_MAC_SIZE])
{
	return MAC_KNOWN | (uint64_t)load_be16(mac) << 32 | load_be32(mac + 2);
}

void
neigh_set_gateway_mac(struct neigh *n, const uint8_t mac[WIRE_MAC_SIZE])
{
	n->is_given = true;
	atomic_store_explicit(&n->gateway_mac, mac_value(mac), memory_order_release);
}

unsigned int
neigh_unanswered(const struct neigh *n)
{
	return atomic_load_explicit(&n->unanswered, memory_order_relaxed);
}

bool
neigh_gateway_mac(const struct neigh *n, uint8_t mac[WIRE_MAC_SIZE])
{
	uint64_t v = atomic_load_explicit(&n->gateway_mac, memory_order_acquire);

	if (v == 0)
		return false;
	store_be16(mac, (uint16_t)(v >> 32));
	store_be32(mac + 2, (uint32_t)v);
	return true;
}

static bool
is_resolved(const struct neigh *n)
{
	return atomic_load_explicit(&n->gateway_mac, memory_order_relaxed) != 0;
}

bool
neigh_asks(const struct neigh *n)
{
	return n->config.gateway != 0 && n->config.address_count > 0 && !n->is_given;
}

uint64_t
neigh_next_ns(const struct neigh *n)
{
	return neigh_asks(n) ? n->next_request_ns : TIME_NEVER;
}

/* Frames below the minimum carry zeros, never what a buffer held before. */
static uint16_t
pad(uint8_t *frame, size_t len)
{
	if (len < WIRE_FRAME_MIN) {
		memset(frame + len, 0, WIRE_FRAME_MIN - len);
		len = WIRE_FRAME_MIN;
	}
	return (uint16_t)len;
}

static void
arp_build(const struct neigh *n, uint16_t operation, uint32_t sender_ip, const uint8_t *target_mac,
	  uint32_t target_ip, struct wire_arp *arp)
{
	store_be16(arp->hardware, HARDWARE_ETHERNET);
	store_be16(arp->protocol, ETHER_TYPE_IPV4);
	arp->hardware_size = WIRE_MAC_SIZE;
	arp->protocol_size = sizeof(arp->sender_ip);
	store_be16(arp->operation, operation);
	memcpy(arp->sender_mac, n->config.mac, WIRE_MAC_SIZE);
	store_be32(arp->sender_ip, sender_ip);
	memcpy(arp->target_mac, target_mac, WIRE_MAC_SIZE);
	store_be32(arp->target_ip, target_ip);
}

/* The request, to a MAC or to all. */
static uint16_t
request_build(const struct neigh *n, const uint8_t dst[WIRE_MAC_SIZE], uint8_t *frame)
{
	struct wire_ether *ether = (struct wire_ether *)frame;
	struct wire_vlan *tag = (struct wire_vlan *)(ether + 1);
	size_t len = sizeof(*ether);

	memcpy(ether->dst, dst, WIRE_MAC_SIZE);
	memcpy(ether->src, n->config.mac, WIRE_MAC_SIZE);
	store_be16(ether->type, n->config.vlan != 0 ? ETHER_TYPE_VLAN : ETHER_TYPE_ARP);
	if (n->config.vlan != 0) {
		store_be16(tag->tci, n->config.vlan);
		store_be16(tag->type, ETHER_TYPE_ARP);
		len += sizeof(*tag);
	}
	arp_build(n, ARP_REQUEST, n->config.addresses[0], zero_mac, n->config.gateway,
		  (struct wire_arp *)(frame + len));
	return pad(frame, len + sizeof(struct wire_arp));
}

/* Whom to ask whether the gateway is still there, if it is time: itself, and when it is silent, all. */
static bool
confirm(struct neigh *n, uint64_t now_ns, uint8_t dst[WIRE_MAC_SIZE])
{
	unsigned int unanswered = neigh_unanswered(n);

	if (!n->is_waiting && n->requests > 0) { /* it has answered since */
		n->requests = 0;
		n->next_request_ns = now_ns + NEIGH_CONFIRM_NS;
		return false;
	}
	if (n->is_waiting)
		atomic_store_explicit(&n->unanswered, ++unanswered, memory_order_relaxed);
	n->is_waiting = true;
	n->requests = 1;
	n->next_request_ns = now_ns + NEIGH_CONFIRM_RETRY_NS;
	if (unanswered > 0)
		memcpy(dst, broadcast_mac, WIRE_MAC_SIZE);
	else
		neigh_gateway_mac(n, dst);
	return true;
}

uint16_t
neigh_request(struct neigh *n, uint64_t now_ns, uint8_t *frame)
{
	uint8_t dst[WIRE_MAC_SIZE];

	if (!neigh_asks(n) || now_ns < n->next_request_ns)
		return 0;
	if (is_resolved(n))
		return confirm(n, now_ns, dst) ? request_build(n, dst, frame) : 0;
	n->requests++;
	n->next_request_ns = now_ns + (n->requests < FAST_REQUESTS ? NEIGH_RETRY_FAST_NS :
								     NEIGH_RETRY_SLOW_NS);
	return request_build(n, broadcast_mac, frame);
}

/* The gateway has spoken: the first time to be known by it, later to say that it is there. */
static void
hear_gateway(struct neigh *n, const uint8_t mac[WIRE_MAC_SIZE])
{
	uint64_t known = atomic_load_explicit(&n->gateway_mac, memory_order_relaxed);

	if (n->is_given || (known != 0 && known != mac_value(mac)))
		return;
	atomic_store_explicit(&n->gateway_mac, mac_value(mac), memory_order_release);
	atomic_store_explicit(&n->unanswered, 0, memory_order_relaxed);
	n->is_waiting = false;
	n->requests = 1;
}

/* The ARP packet of a frame, if it is one of Ethernet and IPv4 from a station; else NULL. */
static const struct wire_arp *
arp_read(const struct neigh *n, const uint8_t *in, size_t len, struct wire_network *net)
{
	const struct wire_arp *arp;

	if (wire_network_find(in, len, net) != 0 || net->ether_type != ETHER_TYPE_ARP ||
	    len - net->offset < sizeof(*arp))
		return NULL;
	arp = (const struct wire_arp *)(in + net->offset);
	if (load_be16(arp->hardware) != HARDWARE_ETHERNET ||
	    load_be16(arp->protocol) != ETHER_TYPE_IPV4 || arp->hardware_size != WIRE_MAC_SIZE ||
	    arp->protocol_size != sizeof(arp->sender_ip) || !mac_is_station(n, arp->sender_mac))
		return NULL;
	return arp;
}

/* The Ethernet header and VLAN tag of an answer to `in`. */
static void
ether_answer(const struct neigh *n, const uint8_t *in, uint16_t header_len, const uint8_t *dst,
	     uint8_t *frame)
{
	struct wire_ether *ether = (struct wire_ether *)frame;

	memcpy(frame, in, header_len);
	memcpy(ether->dst, dst, WIRE_MAC_SIZE);
	memcpy(ether->src, n->config.mac, WIRE_MAC_SIZE);
}

uint16_t
neigh_arp(struct neigh *n, const uint8_t *in, size_t len, uint8_t *frame)
{
	struct wire_network net;
	const struct wire_arp *arp = arp_read(n, in, len, &net);
	uint16_t operation;
	uint32_t sender_ip, target_ip;

	if (arp == NULL || !is_ours(n, load_be32(arp->target_ip)))
		return 0;
	operation = load_be16(arp->operation);
	sender_ip = load_be32(arp->sender_ip);
	target_ip = load_be32(arp->target_ip);
	if ((operation == ARP_REPLY || operation == ARP_REQUEST) && sender_ip == n->config.gateway &&
	    n->config.gateway != 0)
		hear_gateway(n, arp->sender_mac);
	if (operation != ARP_REQUEST)
		return 0;
	ether_answer(n, in, net.offset, arp->sender_mac, frame);
	arp_build(n, ARP_REPLY, target_ip, arp->sender_mac, sender_ip,
		  (struct wire_arp *)(frame + net.offset));
	return pad(frame, net.offset + sizeof(*arp));
}

/* Where the echo request's header and message lie, if one host sent it to us alone. */
static bool
echo_read(const struct neigh *n, const uint8_t *in, size_t len, struct wire_network *net,
	  size_t *header_len, size_t *icmp_len)
{
	const struct wire_ether *ether = (const struct wire_ether *)in;
	const struct wire_ipv4 *ip;
	size_t total_length;
	uint32_t src;

	if (wire_network_find(in, len, net) != 0 || net->ether_type != ETHER_TYPE_IPV4 ||
	    len - net->offset < sizeof(*ip))
		return false;
	ip = (const struct wire_ipv4 *)(in + net->offset);
	*header_len = (size_t)(ip->version_ihl & 0x0f) * 4;
	total_length = load_be16(ip->total_length);
	if (*header_len < sizeof(*ip) || total_length < *header_len + sizeof(struct wire_icmp) ||
	    total_length > len - net->offset)
		return false;
	*icmp_len = total_length - *header_len;
	src = load_be32(ip->src);
	return !mac_is_group(ether->dst) && mac_is_station(n, ether->src) && src != 0 &&
	       src < FIRST_GROUP && !is_ours(n, src) && is_ours(n, load_be32(ip->dst));
}

/*
 * The checksum is made anew: the incremental form (RFC 1624) gives 0 instead of 0xffff for a reply
 * whose words are all zero, and receivers refuse that.
 */
uint16_t
neigh_echo(const struct neigh *n, const uint8_t *in, size_t len, uint8_t *frame)
{
	const struct wire_ipv4 *request;
	struct wire_ipv4 *ip;
	struct wire_icmp *icmp;
	struct wire_network net;
	size_t header_len, icmp_len;

	if (!echo_read(n, in, len, &net, &header_len, &icmp_len) ||
	    net.offset + sizeof(*ip) + icmp_len > NEIGH_FRAME_MAX)
		return 0;
	request = (const struct wire_ipv4 *)(in + net.offset);
	ip = (struct wire_ipv4 *)(frame + net.offset);
	icmp = (struct wire_icmp *)(ip + 1);
	ether_answer(n, in, net.offset, ((const struct wire_ether *)in)->src, frame);
	wire_ipv4_build(ip, load_be32(request->dst), load_be32(request->src), IP_PROTO_ICMP,
			(uint16_t)(sizeof(*ip) + icmp_len), load_be16(request->id), ECHO_TTL);
	memcpy(icmp, (const uint8_t *)request + header_len, icmp_len);
	icmp->type = ICMP_ECHO_REPLY;
	store_be16(icmp->checksum, 0);
	store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, icmp_len, 0)));
	return pad(frame, net.offset + sizeof(*ip) + icmp_len);
}
