/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls/provider.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "replay/replay.h"

struct provider {
	OSSL_LIB_CTX *side;    /* where the default provider lives whose algorithms are offered */
	OSSL_PROVIDER *whole;  /* that provider */
	OSSL_LIB_CTX *context; /* what TLS uses */
	OSSL_PROVIDER *loaded; /* in it: ours, or the default one */
	OSSL_PROVIDER *replay; /* in it, and in side, where random bytes are replayed; else NULL */
	OSSL_PROVIDER *side_replay;
};

#define DECODERS_MAX 32

/*
 * What the default provider offers is constant tables; which they are is asked of one that is never
 * used otherwise. Written once, before the first use, and constant from then on.
 */
static pthread_once_t offered_once = PTHREAD_ONCE_INIT;
static struct {
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *whole;
	OSSL_ALGORITHM decoders[DECODERS_MAX + 1];
} offered;

static bool
is_wanted(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {"RSA", "EC", "ED25519", "ED448", "DSA", "X25519", "X448",
					    "SM2", "DH", "ML-DSA"};

	if (strstr(a->property_definition, "input=der") == NULL ||
	    strstr(a->property_definition, "structure=SubjectPublicKeyInfo") == NULL)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(a->algorithm_names, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void
find_offered(void)
{
	const OSSL_ALGORITHM *a;
	size_t count = 0;
	int no_cache;

	offered.context = OSSL_LIB_CTX_new();
	if (offered.context == NULL)
		return;
	offered.whole = OSSL_PROVIDER_load(offered.context, "default");
	if (offered.whole == NULL)
		return;
	a = OSSL_PROVIDER_query_operation(offered.whole, OSSL_OP_DECODER, &no_cache);
	for (; a != NULL && a->algorithm_names != NULL && count < DECODERS_MAX; a++)
		if (is_wanted(a))
			offered.decoders[count++] = *a;
}

static const OSSL_ALGORITHM *
query_operation(void *context, int operation, int *no_cache)
{
	(void)context;
	if (operation != OSSL_OP_DECODER)
		return OSSL_PROVIDER_query_operation(offered.whole, operation, no_cache);
	*no_cache = 0;
	return offered.decoders;
}

/* TLS groups and the like. */
static int
get_capabilities(void *context, const char *capability, OSSL_CALLBACK *callback, void *arg)
{
	(void)context;
	return OSSL_PROVIDER_get_capabilities(offered.whole, capability, callback, arg);
}

static const OSSL_DISPATCH dispatch[] = {
	{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation},
	{OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities},
	{0, NULL},
};

/*
 * Init gets no argument of ours, and the context that it returns must be that of the provider whose
 * algorithms are offered, as they are called with it. Which one that is the name says: it is the
 * address of the struct provider.
 */
#define NAME_FORMAT "asdic-%p"
#define NAME_SIZE 32

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	      void **context)
{
	OSSL_FUNC_core_get_params_fn *get_params = NULL;
	const char *name = NULL;
	void *p = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_CORE_PROV_NAME, &name, 0),
		OSSL_PARAM_END,
	};

	for (; in->function_id != 0; in++)
		if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS)
			get_params = OSSL_FUNC_core_get_params(in);
	if (get_params == NULL || !get_params(handle, params) || name == NULL ||
	    sscanf(name, NAME_FORMAT, &p) != 1)
		return 0;
	*out = dispatch;
	*context = OSSL_PROVIDER_get0_provider_ctx(((struct provider *)p)->whole);
	return 1;
}

static bool
load_pruned(struct provider *p)
{
	char name[NAME_SIZE];

	pthread_once(&offered_once, find_offered);
	if (offered.decoders[0].algorithm_names == NULL)
		return false;
	p->side = OSSL_LIB_CTX_new();
	if (p->side == NULL)
		return false;
	p->whole = OSSL_PROVIDER_load(p->side, "default");
	snprintf(name, sizeof(name), NAME_FORMAT, (void *)p);
	if (p->whole == NULL || !OSSL_PROVIDER_add_builtin(p->context, name, provider_init))
		return false;
	p->loaded = OSSL_PROVIDER_load(p->context, name);
	return p->loaded != NULL;
}

struct provider *
provider_new(bool stock)
{
	struct provider *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->context = OSSL_LIB_CTX_new();
	if (p->context != NULL && stock)
		p->loaded = OSSL_PROVIDER_load(p->context, "default");
	else if (p->context != NULL && !load_pruned(p))
		p->loaded = NULL;
	if (p->loaded == NULL) {
		provider_free(p);
		return NULL;
	}
	return p;
}

static void
unload(OSSL_PROVIDER *provider)
{
	if (provider != NULL)
		OSSL_PROVIDER_unload(provider);
}

void
provider_free(struct provider *p)
{
	if (p == NULL)
		return;
	unload(p->replay);
	unload(p->loaded);
	OSSL_LIB_CTX_free(p->context);
	unload(p->side_replay);
	unload(p->whole);
	OSSL_LIB_CTX_free(p->side);
	free(p);
}

/* The algorithms of the side context draw from that one. */
bool
provider_replay(struct provider *p)
{
	p->replay = replay_install(p->context);
	if (p->replay != NULL && p->side != NULL)
		p->side_replay = replay_install(p->side);
	return p->replay != NULL && (p->side == NULL || p->side_replay != NULL);
}

OSSL_LIB_CTX *
provider_context(struct provider *p)
{
	return p->context;
}
