/* SPDX-License-Identifier: BSD-3-Clause */
#include "hello/names.h"

struct name {
	uint32_t value;
	const char *name;
};

static const char *
find(const struct name *names, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].value == value)
			return names[i].name;
	return "unknown";
}

#define FIND(names, value) find(names, sizeof(names) / sizeof((names)[0]), value)

const char *
hello_version_name(uint16_t version)
{
	static const struct name names[] = {
		{0x0002, "SSLv2"},   {0x0300, "SSLv3"},   {0x0301, "TLSv1.0"},
		{0x0302, "TLSv1.1"}, {0x0303, "TLSv1.2"}, {0x0304, "TLSv1.3"},
	};

	return FIND(names, version);
}

const char *
hello_compression_name(uint8_t method)
{
	static const struct name names[] = {{0, "NULL"}, {1, "DEFLATE"}, {64, "LZS"}};

	return FIND(names, method);
}

const char *
hello_group_name(uint16_t group)
{
	static const struct name names[] = {
		{1, "sect163k1"},         {2, "sect163r1"},        {3, "sect163r2"},
		{4, "sect193r1"},         {5, "sect193r2"},        {6, "sect233k1"},
		{7, "sect233r1"},         {8, "sect239k1"},        {9, "sect283k1"},
		{10, "sect283r1"},        {11, "sect409k1"},       {12, "sect409r1"},
		{13, "sect571k1"},        {14, "sect571r1"},       {15, "secp160k1"},
		{16, "secp160r1"},        {17, "secp160r2"},       {18, "secp192k1"},
		{19, "secp192r1"},        {20, "secp224k1"},       {21, "secp224r1"},
		{22, "secp256k1"},        {23, "secp256r1"},       {24, "secp384r1"},
		{25, "secp521r1"},        {26, "brainpoolP256r1"}, {27, "brainpoolP384r1"},
		{28, "brainpoolP512r1"},  {29, "x25519"},          {30, "x448"},
		{256, "ffdhe2048"},       {257, "ffdhe3072"},      {258, "ffdhe4096"},
		{259, "ffdhe6144"},       {260, "ffdhe8192"},      {4587, "secp256r1mlkem768"},
		{4588, "x25519mlkem768"}, {4589, "secp384r1mlkem1024"},
	};

	return FIND(names, group);
}

const char *
hello_alert_name(uint8_t alert)
{
	static const struct name names[] = {
		{0, "close_notify"},             {10, "unexpected_message"},
		{20, "bad_record_mac"},          {21, "decryption_failed"},
		{22, "record_overflow"},         {30, "decompression_failure"},
		{40, "handshake_failure"},       {41, "no_certificate"},
		{42, "bad_certificate"},         {43, "unsupported_certificate"},
		{44, "certificate_revoked"},     {45, "certificate_expired"},
		{46, "certificate_unknown"},     {47, "illegal_parameter"},
		{48, "unknown_ca"},              {49, "access_denied"},
		{50, "decode_error"},            {51, "decrypt_error"},
		{52, "too_many_cids_requested"}, {60, "export_restriction"},
		{70, "protocol_version"},        {71, "insufficient_security"},
		{80, "internal_error"},          {86, "inappropriate_fallback"},
		{90, "user_canceled"},           {100, "no_renegotiation"},
		{109, "missing_extension"},      {110, "unsupported_extension"},
		{111, "certificate_unobtainable"}, {112, "unrecognized_name"},
		{113, "bad_certificate_status_response"}, {114, "bad_certificate_hash_value"},
		{115, "unknown_psk_identity"},   {116, "certificate_required"},
		{120, "no_application_protocol"}, {121, "ech_required"},
	};

	return FIND(names, alert);
}

const char *
hello_scheme_name(uint16_t scheme)
{
	static const struct name names[] = {
		{0x0101, "rsa_pkcs1_md5"},          {0x0201, "rsa_pkcs1_sha1"},
		{0x0202, "dsa_sha1"},               {0x0203, "ecdsa_sha1"},
		{0x0301, "rsa_pkcs1_sha224"},       {0x0302, "dsa_sha224"},
		{0x0303, "ecdsa_sha224"},           {0x0401, "rsa_pkcs1_sha256"},
		{0x0402, "dsa_sha256"},             {0x0403, "ecdsa_secp256r1_sha256"},
		{0x0501, "rsa_pkcs1_sha384"},       {0x0502, "dsa_sha384"},
		{0x0503, "ecdsa_secp384r1_sha384"}, {0x0601, "rsa_pkcs1_sha512"},
		{0x0602, "dsa_sha512"},             {0x0603, "ecdsa_secp521r1_sha512"},
		{0x0708, "sm2sig_sm3"},             {0x0804, "rsa_pss_rsae_sha256"},
		{0x0805, "rsa_pss_rsae_sha384"},    {0x0806, "rsa_pss_rsae_sha512"},
		{0x0807, "ed25519"},                {0x0808, "ed448"},
		{0x0809, "rsa_pss_pss_sha256"},     {0x080a, "rsa_pss_pss_sha384"},
		{0x080b, "rsa_pss_pss_sha512"},     {0x081a, "ecdsa_brainpoolP256r1tls13_sha256"},
		{0x081b, "ecdsa_brainpoolP384r1tls13_sha384"},
		{0x081c, "ecdsa_brainpoolP512r1tls13_sha512"},
		{0x0904, "mldsa44"},                {0x0905, "mldsa65"},
		{0x0906, "mldsa87"},
	};

	return FIND(names, scheme);
}

const char *
hello_client_certificate_name(uint8_t type)
{
	static const struct name names[] = {
		{1, "rsa_sign"},      {2, "dss_sign"},         {3, "rsa_fixed_dh"},
		{4, "dss_fixed_dh"},  {5, "rsa_ephemeral_dh"}, {6, "dss_ephemeral_dh"},
		{20, "fortezza_dms"}, {64, "ecdsa_sign"},      {65, "rsa_fixed_ecdh"},
		{66, "ecdsa_fixed_ecdh"},
	};

	return FIND(names, type);
}

/* The draft "The SSL Protocol" of Netscape, 1995, C.4. */
const char *
hello_ssl2_cipher_name(uint32_t kind)
{
	static const struct name names[] = {
		{0x010080, "SSL_CK_RC4_128_WITH_MD5"},
		{0x020080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5"},
		{0x030080, "SSL_CK_RC2_128_CBC_WITH_MD5"},
		{0x040080, "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"},
		{0x050080, "SSL_CK_IDEA_128_CBC_WITH_MD5"},
		{0x060040, "SSL_CK_DES_64_CBC_WITH_MD5"},
		{0x0700c0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"},
		{0x080080, "SSL_CK_RC4_64_WITH_MD5"},
	};

	return FIND(names, kind);
}

const char *
hello_ssl2_error_name(uint16_t code)
{
	static const struct name names[] = {
		{1, "no_cipher"},
		{2, "no_certificate"},
		{4, "bad_certificate"},
		{6, "unsupported_certificate_type"},
	};

	return FIND(names, code);
}
