/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe/probe.h"

#include <errno.h>

#define USES 4

static const struct probe_module *const modules[] = {&probe_tcp_synscan, &probe_icmp_echoscan};

/* Half of the slots that are left, but one at least for each of the uses still to come. */
static uint32_t
slots_of(uint32_t left, uint32_t uses_to_come)
{
	if (uses_to_come == 0)
		return left;
	return left / 2 < left - uses_to_come ? left / 2 : left - uses_to_come;
}

int
probe_port_plan(uint16_t first, uint16_t last, struct probe_port_plan *plan)
{
	uint32_t base = first;
	uint32_t left;

	if (first == 0 || last < first || last - first + 1 < PROBE_PORTS_MIN)
		return -ERANGE;
	left = ((uint32_t)last - first + 1) / PROBE_BUCKETS;
	for (uint32_t use = 0; use < USES; use++) {
		uint32_t slots = slots_of(left, USES - 1 - use);

		plan->ports[use].base = (uint16_t)base;
		plan->ports[use].slots = (uint16_t)slots;
		base += slots * PROBE_BUCKETS;
		left -= slots;
	}
	return 0;
}

const struct probe_module *
probe_module_find(const char *name)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (strcmp(modules[i]->name, name) == 0)
			return modules[i];
	}
	return NULL;
}

int
probe_init(struct probe *p, const struct probe_module *module, const struct probe_config *config)
{
	if (config->ttl == 0 || config->vlan > PROBE_VLAN_MAX || config->sources == NULL ||
	    config->iface >= config->sources->count)
		return -EINVAL;
	*p = (struct probe){.module = module, .config = *config};
	p->pool = config->sources->pool[config->iface];
	return module->init(p);
}
