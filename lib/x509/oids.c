/* SPDX-License-Identifier: BSD-3-Clause */
#include "x509/oids.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct oid_name *
find(const struct oid_name *names, size_t count, const char *oid)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].oid, oid) == 0)
			return &names[i];
	return NULL;
}

const struct oid_name *
oid_attribute(const char *oid)
{
	static const struct oid_name names[] = {
		{"2.5.4.3", "CN", "common_name"},
		{"2.5.4.4", "SN", "surname"},
		{"2.5.4.5", "serialNumber", "serial_number"},
		{"2.5.4.6", "C", "country"},
		{"2.5.4.7", "L", "locality"},
		{"2.5.4.8", "ST", "province"},
		{"2.5.4.9", "street", "street_address"},
		{"2.5.4.10", "O", "organization"},
		{"2.5.4.11", "OU", "organizational_unit"},
		{"2.5.4.12", "title", NULL},
		{"2.5.4.13", "description", NULL},
		{"2.5.4.15", "businessCategory", NULL},
		{"2.5.4.17", "postalCode", "postal_code"},
		{"2.5.4.41", "name", NULL},
		{"2.5.4.42", "GN", "given_name"},
		{"2.5.4.43", "initials", NULL},
		{"2.5.4.46", "dnQualifier", NULL},
		{"2.5.4.97", "organizationIdentifier", "organization_id"},
		{"0.9.2342.19200300.100.1.1", "UID", NULL},
		{"0.9.2342.19200300.100.1.25", "DC", "domain_component"},
		{"1.2.840.113549.1.9.1", "emailAddress", "email_address"},
		{"1.2.840.113549.1.9.2", "unstructuredName", NULL},
		{"1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL", "jurisdiction_locality"},
		{"1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST", "jurisdiction_province"},
		{"1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC", "jurisdiction_country"},
	};

	return find(names, COUNT(names), oid);
}

const struct oid_name *
oid_signature(const char *oid)
{
	static const struct oid_name names[] = {
		{"1.2.840.113549.1.1.2", "MD2-RSA", NULL},
		{"1.2.840.113549.1.1.4", "MD5-RSA", NULL},
		{"1.2.840.113549.1.1.5", "SHA1-RSA", NULL},
		{"1.3.14.3.2.29", "SHA1-RSA", NULL},
		{"1.2.840.113549.1.1.14", "SHA224-RSA", NULL},
		{"1.2.840.113549.1.1.11", "SHA256-RSA", NULL},
		{"1.2.840.113549.1.1.12", "SHA384-RSA", NULL},
		{"1.2.840.113549.1.1.13", "SHA512-RSA", NULL},
		{"1.2.840.113549.1.1.10", "RSAPSS", NULL},
		{"1.2.840.10040.4.3", "DSA-SHA1", NULL},
		{"2.16.840.1.101.3.4.3.2", "DSA-SHA256", NULL},
		{"1.2.840.10045.4.1", "ECDSA-SHA1", NULL},
		{"1.2.840.10045.4.3.1", "ECDSA-SHA224", NULL},
		{"1.2.840.10045.4.3.2", "ECDSA-SHA256", NULL},
		{"1.2.840.10045.4.3.3", "ECDSA-SHA384", NULL},
		{"1.2.840.10045.4.3.4", "ECDSA-SHA512", NULL},
		{"1.3.101.112", "Ed25519", NULL},
		{"1.3.101.113", "Ed448", NULL},
		{"1.2.156.10197.1.501", "SM2-SM3", NULL},
		{"1.2.643.7.1.1.3.2", "GOST2012-256", NULL},
		{"1.2.643.7.1.1.3.3", "GOST2012-512", NULL},
		{"2.16.840.1.101.3.4.3.17", "ML-DSA-44", NULL},
		{"2.16.840.1.101.3.4.3.18", "ML-DSA-65", NULL},
		{"2.16.840.1.101.3.4.3.19", "ML-DSA-87", NULL},
	};

	return find(names, COUNT(names), oid);
}

const struct oid_name *
oid_key(const char *oid)
{
	static const struct oid_name names[] = {
		{"1.2.840.113549.1.1.1", "RSA", NULL},
		{"1.2.840.113549.1.1.10", "RSAPSS", NULL},
		{"1.2.840.10045.2.1", "ECDSA", NULL},
		{"1.2.840.10040.4.1", "DSA", NULL},
		{"1.3.101.110", "X25519", NULL},
		{"1.3.101.111", "X448", NULL},
		{"1.3.101.112", "Ed25519", NULL},
		{"1.3.101.113", "Ed448", NULL},
		{"1.2.840.113549.1.3.1", "DH", NULL},
		{"1.2.643.7.1.1.1.1", "GOST2012-256", NULL},
		{"1.2.643.7.1.1.1.2", "GOST2012-512", NULL},
		{"2.16.840.1.101.3.4.3.17", "ML-DSA-44", NULL},
		{"2.16.840.1.101.3.4.3.18", "ML-DSA-65", NULL},
		{"2.16.840.1.101.3.4.3.19", "ML-DSA-87", NULL},
	};

	return find(names, COUNT(names), oid);
}

const struct oid_name *
oid_usage(const char *oid)
{
	static const struct oid_name names[] = {
		{"2.5.29.37.0", NULL, "any"},
		{"1.3.6.1.5.5.7.3.1", NULL, "server_auth"},
		{"1.3.6.1.5.5.7.3.2", NULL, "client_auth"},
		{"1.3.6.1.5.5.7.3.3", NULL, "code_signing"},
		{"1.3.6.1.5.5.7.3.4", NULL, "email_protection"},
		{"1.3.6.1.5.5.7.3.5", NULL, "ipsec_end_system"},
		{"1.3.6.1.5.5.7.3.6", NULL, "ipsec_tunnel"},
		{"1.3.6.1.5.5.7.3.7", NULL, "ipsec_user"},
		{"1.3.6.1.5.5.7.3.8", NULL, "time_stamping"},
		{"1.3.6.1.5.5.7.3.9", NULL, "ocsp_signing"},
		{"1.3.6.1.4.1.311.10.3.3", NULL, "microsoft_server_gated_crypto"},
		{"1.3.6.1.4.1.311.20.2.2", NULL, "microsoft_smartcard_logon"},
		{"2.16.840.1.113730.4.1", NULL, "netscape_server_gated_crypto"},
	};

	return find(names, COUNT(names), oid);
}

const struct oid_curve *
oid_curve(const char *oid)
{
	static const struct oid_curve curves[] = {
		{"1.2.840.10045.3.1.7", "P-256", 256}, {"1.3.132.0.34", "P-384", 384},
		{"1.3.132.0.35", "P-521", 521},        {"1.3.132.0.33", "P-224", 224},
		{"1.2.840.10045.3.1.1", "P-192", 192}, {"1.3.132.0.10", "secp256k1", 256},
		{"1.3.132.0.8", "secp160r1", 160},     {"1.3.132.0.30", "secp160r2", 160},
		{"1.3.132.0.9", "secp160k1", 160},     {"1.3.132.0.31", "secp192k1", 192},
		{"1.3.132.0.32", "secp224k1", 224},
		{"1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256},
		{"1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384},
		{"1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512},
		{"1.3.132.0.1", "sect163k1", 163},     {"1.3.132.0.15", "sect163r2", 163},
		{"1.3.132.0.26", "sect233k1", 233},    {"1.3.132.0.27", "sect233r1", 233},
		{"1.3.132.0.16", "sect283k1", 283},    {"1.3.132.0.17", "sect283r1", 283},
		{"1.3.132.0.36", "sect409k1", 409},    {"1.3.132.0.37", "sect409r1", 409},
		{"1.3.132.0.38", "sect571k1", 571},    {"1.3.132.0.39", "sect571r1", 571},
		{"1.2.156.10197.1.301", "SM2", 256},
	};

	for (size_t i = 0; i < COUNT(curves); i++)
		if (strcmp(curves[i].oid, oid) == 0)
			return &curves[i];
	return NULL;
}
