/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The job: what a scan is asked to do, read from YAML and from the command line.
 *
 * A job is a file, or flags, or both: every flag is a key of the job, laid over the file's, and all
 * of it is validated by one table. All faults are found in one reading, each with its place
 * ("file:line:column", or the flag it came from) and its mend. docs/job.md describes every key.
 *
 * A struct job is plain data, filled by job_load() and freed by job_free(). Afterwards it is
 * immutable; any thread may read it. Modules are handed the part they need, never the whole.
 * Everything in it has been validated, but for what only its user can know: whether files exist,
 * what lists in files hold, and the names in `fields` and `filter`.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/ipv4.h"

/* A text as written in the job, and where (a default: the place {NULL, 0, 0}). */
struct job_text {
	char *text; /* terminated, without control characters */
	struct diag_place place;
};

struct job_texts {
	struct job_text *items;
	size_t count;
};

struct job_port_range {
	uint16_t first; /* 1 or more */
	uint16_t last;  /* first or more */
};

/* A word that says something of the scan: it goes into the manifest and into files' names. */
struct job_tag {
	char *name; /* letters, digits, '_' and '-' */
	char *value;
};

struct job_tags {
	struct job_tag *items;
	size_t count;
};

/* Who answers for the scan; NULL where not given. */
struct job_contact {
	char *operator_name;
	char *email;
	char *url;
	char *upstream;
	struct diag_place place; /* of `contact`; where it is absent, of the job */
};

/* What kind of device a devargs text or PCI address names. */
enum job_device_kind {
	JOB_DEVICE_PCI,
	JOB_DEVICE_AF_PACKET,
	JOB_DEVICE_AF_XDP,
	JOB_DEVICE_NULL,
	JOB_DEVICE_SIMNET,
	JOB_DEVICE_OTHER_VDEV,
};

struct job_interface {
	struct job_text device; /* DPDK devargs or PCI address */
	enum job_device_kind kind;
	struct ipv4_range *addresses; /* the pool of source addresses: disjoint, never empty */
	size_t address_count;         /* ranges */
	uint16_t source_port_first;   /* default 32768 */
	uint16_t source_port_last;    /* default 61000; at least 1,024 ports in all */
	bool has_gateway;
	uint32_t gateway; /* to be resolved by ARP, unless there is gateway_mac, which then rules */
	bool has_gateway_mac;
	uint8_t gateway_mac[6]; /* unicast */
	uint16_t vlan;          /* 1 to 4094: the VLAN of all frames; 0: untagged */
	uint64_t rate_pps;      /* its own bound, below the whole's; 0: none */
};

/* Canaries of one job. */
#define JOB_CANARIES_MAX 16

/* Interfaces of one job. */
#define JOB_INTERFACES_MAX 8

/* CPUs, by the numbers that Linux gives them. */
#define JOB_CPUS_MAX 64
struct job_cpus {
	uint16_t *cpu; /* as written, none twice */
	size_t count;
};

/* Which CPUs a role has, all or none given: then the count holds. One CPU may have several roles. */
struct job_lcores {
	unsigned int count; /* 0: auto */
	struct job_cpus probers;
	struct job_cpus receivers;
	struct job_cpus workers;
};

/*
 * include holds 0.0.0.0/0 where the job names no targets at all. Its texts are entries that
 * list_read_entry() takes, without ports where job_has_ports() is false; those of exclude and allow_reserved moreover have no port, and
 * allow_reserved has addresses and CIDRs alone.
 */
struct job_targets {
	struct job_texts include;       /* raw; parsed by lib/targets */
	struct job_texts include_files; /* "-" is standard input */
	struct job_texts exclude;       /* raw: the gate parses these texts by itself */
	struct job_texts exclude_files;
	struct job_port_range *ports; /* as written: in any order, may overlap; may be none, and is
					 none where job_has_ports() is false */
	size_t port_range_count;
	struct job_texts allow_reserved;
};

enum job_profile { JOB_PROFILE_WINDOWS, JOB_PROFILE_LINUX, JOB_PROFILE_MSS };

struct job_probe {
	char *module; /* "tcp_synscan" or "icmp_echoscan" */
	enum job_profile profile;
	uint8_t ttl;             /* 64 or more */
	uint8_t probes;          /* attempts, 1 or more */
	uint64_t probe_delay_ns; /* between two of them */
	double coverage;         /* share of the targets that are looked at once more */
};

enum job_grab_module { JOB_GRAB_TLS, JOB_GRAB_BANNER };
enum job_grab_depth { JOB_DEPTH_HELLO, JOB_DEPTH_CERTIFICATE, JOB_DEPTH_HANDSHAKE };
enum job_grab_form { JOB_FORM_INLINE, JOB_FORM_LEAF, JOB_FORM_REFERENCE };

/* Versions of TLS, as a set: 1 << each. */
enum job_version {
	JOB_VERSION_SSL2,
	JOB_VERSION_SSL3,
	JOB_VERSION_TLS1_0,
	JOB_VERSION_TLS1_1,
	JOB_VERSION_TLS1_2,
	JOB_VERSION_TLS1_3,
};

/* Bytes to send: any, control characters too. */
struct job_payload {
	char *bytes;
	size_t len;
};

/* Grabs of one job. */
#define JOB_GRABS_MAX 16

/* What a worker does with the responders of some ports. The first whose ports fit has them. */
struct job_grab {
	char *name; /* letters, digits, '.', '_' and '-'; of no other grab */
	enum job_grab_module module;
	struct job_port_range *ports;
	size_t port_range_count; /* 0: every port */
	uint64_t timeout_ns;
	bool retry_declined;
	/* Of tls. */
	enum job_grab_depth depth;
	unsigned int versions; /* never none */
	char *sni;             /* a host name; "target": the target's own; "none" */
	struct job_texts alpn; /* each 1 to 255 bytes, 512 in all */
	enum job_grab_form certificates;
	/* Of banner. */
	struct job_payload send;
	uint32_t max_bytes;
};

/* Lookups of one job, types of each, resolvers. */
#define JOB_LOOKUPS_MAX 16
#define JOB_TYPES_MAX 16
#define JOB_RESOLVERS_MAX 64

enum job_dns_mode { JOB_DNS_RESOLVERS, JOB_DNS_DIRECT };
enum job_names { JOB_NAMES_CERTIFICATES, JOB_NAMES_RESPONDERS, JOB_NAMES_FILE };

struct job_types {
	uint16_t type[JOB_TYPES_MAX]; /* as DNS numbers them, none twice */
	unsigned int count;
};

/* Names from somewhere, and what is asked of each. */
struct job_lookup {
	enum job_names names;
	struct job_text file;   /* of JOB_NAMES_FILE; "-" is standard input */
	struct job_types types; /* never none */
};

#define JOB_PER_SERVER 500
#define JOB_PER_SERVER_IN_FLIGHT 100

/* Names whose answers are known: of each kind, and of both together; addresses of one. */
#define JOB_DNS_CANARIES_MAX 16
#define JOB_CANARY_ADDRESSES_MAX 8
#define JOB_CANARY_TEXT_MAX 1024 /* bytes of a name's text */

struct job_dns_canary {
	char *name;
	bool is_drawn; /* a label drawn by chance goes before it */
	unsigned int address_count;
	uint32_t addresses[JOB_CANARY_ADDRESSES_MAX]; /* all that it may have */
	struct diag_place place;
};

struct job_dns_canaries {
	bool are_given; /* else there are those of the public DNS, where they are of use */
	struct job_dns_canary known[JOB_DNS_CANARIES_MAX];
	size_t known_count;
	struct job_dns_canary absent[JOB_DNS_CANARIES_MAX]; /* names that there are not */
	size_t absent_count;
	uint64_t every_ns;
};

/* Names to look up. */
struct job_dns {
	bool is_given;
	enum job_dns_mode mode;
	struct job_texts resolvers; /* address, address:port, or the name of a file like resolv.conf */
	uint64_t rate_qps;          /* queries/s; 0: as the job's rate has it */
	/*
	 * Of direct mode: queries/s to one server, and queries at a time; 0: no cap. Defaults: JOB_PER_SERVER and
	 * JOB_PER_SERVER_IN_FLIGHT, and none where the job is harmless.
	 */
	uint64_t per_server;
	uint64_t per_server_in_flight;
	uint8_t tries;
	uint64_t timeout_ns;        /* of a try */
	struct job_dns_canaries canaries;
	struct job_lookup lookups[JOB_LOOKUPS_MAX];
	size_t lookup_count;
	struct diag_place place;
};

enum job_format { JOB_FORMAT_CSV, JOB_FORMAT_NDJSON };

/* Kinds of record, as a set. */
enum {
	JOB_RECORD_SCAN = 1 << 0,
	JOB_RECORD_TLS = 1 << 1,
	JOB_RECORD_BANNER = 1 << 2,
	JOB_RECORD_DNS = 1 << 3,
	JOB_RECORD_CERTIFICATE = 1 << 4, /* what tls records refer to, each once */
};

/* Outputs of one job. */
#define JOB_OUTPUTS_MAX 16

struct job_output {
	unsigned int records;    /* which kinds it takes: never none; of CSV scan alone */
	struct job_text file;    /* a template (job_file_name()); "-" is standard output */
	bool compress;           /* by zstd: the file ends in .zst */
	uint64_t rotate_ns;      /* 0: one file; never for standard output */
	enum job_format format;  /* default: what the file's ending says, else CSV */
	struct job_texts fields; /* empty: all of the format's; never empty for CSV */
	bool header;
	struct job_text filter; /* "" takes every record */
};

#define JOB_PER_24 1000
#define JOB_PER_16 20000

struct job_limits {
	uint64_t runtime_ns;  /* 0: none */
	uint64_t results;     /* 0: none */
	uint64_t targets;     /* 0: all; else at most this many */
	double targets_share; /* 1.0: all; else this share of N, above 0 */
	uint64_t connections; /* of grabs, at once, of all workers together; 0: what memory gives */
	uint64_t cooldown_ns; /* default 8 s */
	/*
	 * Probes/s for a /24 and a /16; 0: no cap. Defaults, which are for public addresses alone:
	 * JOB_PER_24 and JOB_PER_16, and none where the job is harmless.
	 */
	uint64_t per_24;
	uint64_t per_16;
	bool has_per; /* one of the two was given: they hold for all addresses */
};

struct job_order {
	bool has_seed;
	uint64_t seed;
	uint32_t shard;  /* 1-based, up to shards */
	uint32_t shards;
	struct job_text key_file; /* of the cookie's key; text NULL: none */
};

struct job {
	char *name; /* letters, digits, '.', '_' and '-'; default "scan" */
	struct job_contact contact;
	struct job_interface interfaces[JOB_INTERFACES_MAX]; /* no two with one device or address */
	size_t interface_count;                              /* 1 or more */
	struct job_targets targets; /* none at all where !job_has_targets() */
	struct job_probe probe;
	uint64_t rate_pps;      /* 0: unlimited */
	uint64_t bandwidth_bps; /* 0: none */
	struct job_texts canaries; /* address:port, JOB_CANARIES_MAX at most */
	struct job_order order;
	struct job_grab grabs[JOB_GRABS_MAX];
	size_t grab_count;
	struct job_dns dns;
	struct job_tags tags;
	/* No two with the same text for a file. Where grabs refer to certificates and no output was
	 * told to take those, the last is a file for them beside the first of tls records. */
	struct job_output outputs[JOB_OUTPUTS_MAX];
	size_t output_count;                        /* 1 or more */
	struct job_limits limits;
	bool has_schedule; /* which is not a scan's business: it begins when it is started */
	struct job_lcores lcores;
};

/* One key given on the command line. All texts are borrowed and must outlive the job. */
struct job_override {
	const char *path;  /* dotted: "limits.cooldown"; "interfaces.device": the first one's */
	const char *value; /* YAML flow text: "443", "[80, 443]", "a.csv" */
	const char *flag;  /* how the person wrote it, "--cooldown-time", for diagnostics */
	bool append;       /* add to the list at path rather than replace it */
};

/*
 * Read a job.
 *
 * text/len is the YAML document, file its name in diagnostics (borrowed, must outlive the job and
 * diag); text may be NULL when the overrides say it all. Overrides are laid over it in their order,
 * so a later one wins; one that replaces a value also does away with what was wrong with it.
 *
 * 0 and *out, with nothing added to diag; -EINVAL with the faults added to diag, which is then
 * sorted by place, and *out NULL; -ENOMEM likewise.
 */
int job_load(const char *file, const char *text, size_t len, const struct job_override *overrides,
	     size_t override_count, struct diag *diag, struct job **out);

/* NULL is fine. */
void job_free(struct job *job);

/*
 * The same, but for a job with faults: where so much of it could be read, *out is what is sound of it. That is to
 * tell more of it, and nothing else: what is missing is 0 or NULL.
 */
int job_read(const char *file, const char *text, size_t len, const struct job_override *overrides,
	     size_t override_count, struct diag *diag, struct job **out);

/* Room for job_file_name(): a path as long as Linux takes them. */
#define JOB_FILE_NAME_SIZE 4096

/*
 * The name of an output's file: its template with {name}, {start}, {shard} ("1of4") and {<tag>} filled
 * in. start is UTC as in 20261123T171528Z. 0, or -ENAMETOOLONG.
 */
int job_file_name(const struct job *job, const struct job_output *output, const char *start,
		  char name[JOB_FILE_NAME_SIZE]);

/*
 * Hold a job against the reserved ranges (any order, may overlap): what it allows must be reserved,
 * and a scan whose include holds an address outside them must pass job_check_contact(). What
 * include_files name is not seen here: who reads them calls job_check_contact() if it is public.
 * 0, or -EINVAL with the faults added to diag.
 */
int job_check_policy(const struct job *job, const struct ipv4_range *reserved, size_t count,
		     struct diag *diag);

/* The highest rate there is, in packets/s. */
#define JOB_RATE_MAX UINT64_C(1000000000)

/* A rate above which the network's operator must be named too, in packets/s. */
#define JOB_UPSTREAM_PPS 500000

/*
 * What a scan of public addresses needs, unless all its devices are harmless: contact.email, and above
 * JOB_UPSTREAM_PPS contact.upstream. 0, or -EINVAL with the faults added to diag.
 */
int job_check_contact(const struct job *job, struct diag *diag);

/* Whether there is anything to scan: a job may be DNS alone. */
bool job_has_targets(const struct job *job);

/* Whether names are looked up that come from there. */
bool job_looks_up(const struct job *job, enum job_names names);

/*
 * Whether its targets have ports. Those of a ping have none: their port is 0, and its lists in files
 * may name no port either, which is for their reader to see.
 */
bool job_has_ports(const struct job *job);

/* What kind a device text names; one of no driver counts as PCI. */
enum job_device_kind job_device_kind(const char *device);

/* Whether a device only simulates: nothing of it reaches a network. And whether all of a job's do. */
bool job_device_is_harmless(enum job_device_kind kind);
bool job_is_harmless(const struct job *job);

/* Whether some device is on the PCI bus. */
bool job_has_pci(const struct job *job);

#endif /* JOB_JOB_H */
