/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of DNS: types and statuses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dnsmsg/dnsmsg.h"

static const char *const statuses[DNS_STATUSES] = {
	[0] = "NOERROR",
	[1] = "FORMERR",
	[2] = "SERVFAIL",
	[3] = "NXDOMAIN",
	[4] = "NOTIMP",
	[5] = "REFUSED",
	[6] = "YXDOMAIN",
	[7] = "YXRRSET",
	[8] = "NXRRSET",
	[9] = "NOTAUTH",
	[10] = "NOTZONE",
	[11] = "DSOTYPENI",
	[12] = "RCODE12",
	[13] = "RCODE13",
	[14] = "RCODE14",
	[15] = "RCODE15",
	[DNS_TIMEOUT] = "TIMEOUT",
	[DNS_ITERATIVE_TIMEOUT] = "ITERATIVE_TIMEOUT",
	[DNS_TRUNCATED] = "TRUNCATED",
	[DNS_ERROR] = "ERROR",
	[DNS_AUTHFAIL] = "AUTHFAIL",
	[DNS_NO_ANSWER] = "NO_ANSWER",
	[DNS_BLOCKED] = "BLOCKED",
	[DNS_ILLEGAL_INPUT] = "ILLEGAL_INPUT",
	[DNS_NO_RESOLVER] = "NO_RESOLVER",
	[DNS_STOPPED] = "STOPPED",
};

const char *
dns_status_name(unsigned int status)
{
	return status < DNS_STATUSES ? statuses[status] : "ERROR";
}

static const struct {
	uint16_t type;
	char name[12];
} types[] = {
	{DNS_A, "A"},
	{DNS_NS, "NS"},
	{DNS_CNAME, "CNAME"},
	{DNS_SOA, "SOA"},
	{DNS_PTR, "PTR"},
	{13, "HINFO"},
	{DNS_MX, "MX"},
	{DNS_TXT, "TXT"},
	{17, "RP"},
	{18, "AFSDB"},
	{DNS_AAAA, "AAAA"},
	{29, "LOC"},
	{DNS_SRV, "SRV"},
	{DNS_NAPTR, "NAPTR"},
	{DNS_DNAME, "DNAME"},
	{DNS_OPT, "OPT"},
	{DNS_DS, "DS"},
	{44, "SSHFP"},
	{DNS_RRSIG, "RRSIG"},
	{47, "NSEC"},
	{DNS_DNSKEY, "DNSKEY"},
	{50, "NSEC3"},
	{51, "NSEC3PARAM"},
	{DNS_TLSA, "TLSA"},
	{59, "CDS"},
	{60, "CDNSKEY"},
	{61, "OPENPGPKEY"},
	{DNS_SVCB, "SVCB"},
	{DNS_HTTPS, "HTTPS"},
	{99, "SPF"},
	{DNS_ANY, "ANY"},
	{256, "URI"},
	{DNS_CAA, "CAA"},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const char *
dns_type_name(uint16_t type, char buf[DNS_TYPE_TEXT])
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(buf, DNS_TYPE_TEXT, "TYPE%u", type);
	return buf;
}

/* "TYPE65280": RFC 3597, section 5. */
static bool
number_parse(const char *text, size_t len, uint16_t *type)
{
	unsigned int value = 0;

	if (len < 5 || len > 9 || strncasecmp(text, "TYPE", 4) != 0)
		return false;
	for (size_t i = 4; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned int)(text[i] - '0');
	}
	*type = (uint16_t)value;
	return value <= UINT16_MAX;
}

bool
dns_type_parse(const char *text, size_t len, uint16_t *type)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strlen(types[i].name) == len && strncasecmp(types[i].name, text, len) == 0) {
			*type = types[i].type;
			return true;
		}
	}
	return number_parse(text, len, type);
}
