/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of TLS's numbers, from IANA's registries and as zcrypto writes them. "unknown" where there is
 * none; never NULL. Pure; any thread.
 */
#ifndef HELLO_NAMES_H
#define HELLO_NAMES_H

#include <stddef.h>
#include <stdint.h>

const char *hello_version_name(uint16_t version);     /* 771: "TLSv1.2" */
const char *hello_suite_name(uint16_t suite);         /* 0x1301: "TLS_AES_128_GCM_SHA256" */
const char *hello_group_name(uint16_t group);         /* 29: "x25519" */
const char *hello_compression_name(uint8_t method);   /* 0: "NULL" */
const char *hello_alert_name(uint8_t alert);          /* 40: "handshake_failure" */
const char *hello_scheme_name(uint16_t scheme);       /* 0x0804: "rsa_pss_rsae_sha256" */
const char *hello_client_certificate_name(uint8_t type); /* 1: "rsa_sign" */
const char *hello_ssl2_cipher_name(uint32_t kind);    /* 0x010080: "SSL_CK_RC4_128_WITH_MD5" */
const char *hello_ssl2_error_name(uint16_t code);     /* 1: "no_cipher" */

#endif /* HELLO_NAMES_H */
