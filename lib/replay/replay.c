/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay/replay.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "base/hash.h"

#define STRENGTH 256
#define MAX_REQUEST (1 << 16)

static __thread uint64_t state;

void
replay_seed(uint64_t seed)
{
	state = hash_mix64(seed);
}

static void *
rand_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls)
{
	(void)parent;
	(void)parent_calls;
	return provider; /* all state is the thread's */
}

static void
rand_free(void *context)
{
	(void)context;
}

static int
rand_instantiate(void *context, unsigned int strength, int resistance, const unsigned char *text,
		 size_t len, const OSSL_PARAM params[])
{
	(void)context;
	(void)strength;
	(void)resistance;
	(void)text;
	(void)len;
	(void)params;
	return 1;
}

static int
rand_uninstantiate(void *context)
{
	(void)context;
	return 1;
}

static int
rand_generate(void *context, unsigned char *out, size_t len, unsigned int strength, int resistance,
	      const unsigned char *more, size_t more_len)
{
	(void)context;
	(void)strength;
	(void)resistance;
	(void)more;
	(void)more_len;
	while (len > 0) {
		uint64_t word = hash_mix64(++state);
		size_t n = len < sizeof(word) ? len : sizeof(word);

		memcpy(out, &word, n);
		out += n;
		len -= n;
	}
	return 1;
}

static int
rand_lock(void *context)
{
	(void)context;
	return 1;
}

static void
rand_unlock(void *context)
{
	(void)context;
}

static int
rand_params(void *context, OSSL_PARAM params[])
{
	OSSL_PARAM *p;

	(void)context;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
	if (p != NULL && !OSSL_PARAM_set_int(p, EVP_RAND_STATE_READY))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
	if (p != NULL && !OSSL_PARAM_set_uint(p, STRENGTH))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
	return p == NULL || OSSL_PARAM_set_size_t(p, MAX_REQUEST);
}

#define CALL(id, function) {id, (void (*)(void))(function)}

static const OSSL_DISPATCH rand_calls[] = {
	CALL(OSSL_FUNC_RAND_NEWCTX, rand_new),
	CALL(OSSL_FUNC_RAND_FREECTX, rand_free),
	CALL(OSSL_FUNC_RAND_INSTANTIATE, rand_instantiate),
	CALL(OSSL_FUNC_RAND_UNINSTANTIATE, rand_uninstantiate),
	CALL(OSSL_FUNC_RAND_GENERATE, rand_generate),
	CALL(OSSL_FUNC_RAND_ENABLE_LOCKING, rand_lock),
	CALL(OSSL_FUNC_RAND_LOCK, rand_lock),
	CALL(OSSL_FUNC_RAND_UNLOCK, rand_unlock),
	CALL(OSSL_FUNC_RAND_GET_CTX_PARAMS, rand_params),
	{0, NULL},
};

static const OSSL_ALGORITHM rands[] = {
	{"REPLAY", "provider=replay", rand_calls, "replayable"},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *no_store)
{
	(void)provider;
	*no_store = 0;
	return operation == OSSL_OP_RAND ? rands : NULL;
}

static const OSSL_DISPATCH provider_calls[] = {
	CALL(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
	{0, NULL},
};

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	      void **provider)
{
	(void)in;
	*out = provider_calls;
	*provider = (void *)(uintptr_t)handle; /* not NULL, and never looked at */
	return 1;
}

OSSL_PROVIDER *
replay_install(OSSL_LIB_CTX *context)
{
	OSSL_PROVIDER *provider;

	if (OSSL_PROVIDER_add_builtin(context, "replay", provider_init) != 1)
		return NULL;
	provider = OSSL_PROVIDER_load(context, "replay");
	if (provider != NULL &&
	    RAND_set_DRBG_type(context, "REPLAY", "provider=replay", NULL, NULL) != 1) {
		OSSL_PROVIDER_unload(provider);
		return NULL;
	}
	return provider;
}
