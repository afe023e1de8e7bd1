/* SPDX-License-Identifier: BSD-3-Clause */
#include "grab/grab.h"

const char *
grab_stage_name(enum grab_stage stage)
{
	static const char *const names[GRAB_STAGES] = {
		[GRAB_CONNECT] = "connect",         [GRAB_HELLO_SENT] = "hello_sent",
		[GRAB_SERVER_HELLO] = "server_hello", [GRAB_CERTIFICATE] = "certificate",
		[GRAB_HANDSHAKE] = "handshake",     [GRAB_SENT] = "sent",
		[GRAB_DATA] = "data",               [GRAB_QUERY] = "query",
		[GRAB_ANSWER] = "answer",
	};

	return names[stage];
}

const char *
grab_cause_name(enum grab_cause cause)
{
	static const char *const names[GRAB_CAUSES] = {
		[GRAB_COMPLETE] = "complete",       [GRAB_TIMEOUT] = "timeout",
		[GRAB_CLOSED] = "closed",           [GRAB_RESET] = "reset",
		[GRAB_REFUSED] = "refused",         [GRAB_UNREACHABLE] = "unreachable",
		[GRAB_ALERT] = "alert",             [GRAB_VERSION] = "version",
		[GRAB_NOT_TLS] = "not_tls",         [GRAB_BAD_RECORD] = "bad_record",
		[GRAB_BAD_MESSAGE] = "bad_message", [GRAB_TOO_LARGE] = "too_large",
		[GRAB_EXCLUDED] = "excluded",       [GRAB_STOPPED] = "stopped",
		[GRAB_NO_MEMORY] = "no_memory",     [GRAB_INTERNAL] = "internal",
	};

	return names[cause];
}

const char *
grab_look_name(enum grab_look look)
{
	static const char *const names[GRAB_LOOKS] = {
		[GRAB_LOOK_FIRST] = "first", [GRAB_LOOK_WEAK] = "weak",
		[GRAB_LOOK_SSL3] = "ssl3",   [GRAB_LOOK_SSL2] = "ssl2",
	};

	return names[look];
}

const char *
grab_origin_name(enum grab_origin origin)
{
	static const char *const names[GRAB_ORIGINS] = {
		[GRAB_ORIGIN_LIST] = "list",           [GRAB_ORIGIN_CERTIFICATE] = "certificate",
		[GRAB_ORIGIN_RESPONDER] = "responder", [GRAB_ORIGIN_TARGET] = "target",
	};

	return names[origin];
}

const char *
grab_service_name(enum grab_service service)
{
	static const char *const names[GRAB_SERVICES] = {
		[GRAB_SPOKE] = "spoke",
		[GRAB_SILENT] = "silent",
		[GRAB_UNASKED] = "unasked",
		[GRAB_UNACKNOWLEDGED] = "unacknowledged",
		[GRAB_RST] = "reset",
		[GRAB_FIN] = "closed",
		[GRAB_ZERO_WINDOW] = "zero_window",
	};

	return names[service];
}

/* zgrab2's ScanStatus. */
const char *
grab_status_name(const struct grab *g)
{
	switch ((enum grab_cause)g->cause) {
	case GRAB_COMPLETE:
		return "success";
	case GRAB_TIMEOUT:
		return g->service == GRAB_UNTOLD ? "connection-timeout" : "io-timeout";
	case GRAB_CLOSED:
	case GRAB_RESET:
		return "connection-closed";
	case GRAB_REFUSED:
		return "connection-refused";
	case GRAB_UNREACHABLE:
		return "connection-timeout";
	case GRAB_ALERT:
	case GRAB_VERSION:
	case GRAB_BAD_MESSAGE:
		return "handshake-error";
	case GRAB_NOT_TLS:
	case GRAB_BAD_RECORD:
	case GRAB_TOO_LARGE:
		return "protocol-error";
	case GRAB_EXCLUDED:
		return "blocklisted-target";
	default:
		return "unknown-error";
	}
}
