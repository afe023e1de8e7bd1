/* SPDX-License-Identifier: BSD-3-Clause */
#include "manifest_course.h"

#include <stdbool.h>
#include <sys/timex.h>

#include "base/time.h"
#include "json_put.h"

void
manifest_put_events(FILE *f, const struct events *events, uint64_t start_wall_ns)
{
	fprintf(f, ",\n  \"events\": [");
	for (size_t i = 0; i < events->count; i++) {
		const struct event *e = &events->items[i];

		fprintf(f, "%s\n    {\"time\": ", i > 0 ? "," : "");
		json_put_time(f, start_wall_ns + e->at_ns);
		fprintf(f, ", \"kind\": \"%s\", \"what\": ", e->kind);
		json_put_text(f, e->text);
		if (e->doubt.is_some)
			fprintf(f, ", \"positions\": [%llu, %llu]", (unsigned long long)e->doubt.first,
				(unsigned long long)e->doubt.end);
		fprintf(f, "}");
	}
	fprintf(f, "\n  ]");
	json_member_number(f, "events_dropped", events->dropped);
}

void
manifest_put_course(FILE *f, const struct course *course, uint64_t start_wall_ns)
{
	struct course_step before = {0};

	fprintf(f, ",\n  \"rate_over_time\": [");
	for (unsigned int i = 0; i < course->count; i++) {
		const struct course_step *s = &course->steps[i];
		double seconds = (double)(s->end_ns - before.end_ns) / 1e9;
		uint64_t sent = s->sent - before.sent;

		fprintf(f, "%s\n    {\"time\": ", i > 0 ? "," : "");
		json_put_time(f, start_wall_ns + before.end_ns);
		fprintf(f, ", \"secs\": %.3f, \"sent\": %llu, \"received\": %llu, \"pps\": %.1f}", seconds,
			(unsigned long long)sent, (unsigned long long)(s->received - before.received),
			seconds > 0 ? (double)sent / seconds : 0);
		before = *s;
	}
	fprintf(f, "\n  ]");
}

void
manifest_put_clock(FILE *f)
{
	struct timex t = {0};
	int state = adjtimex(&t);
	bool synchronised = state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
	double unit = (t.status & STA_NANO) != 0 ? 1e-9 : 1e-6;

	fprintf(f, ",\n  \"clock_synchronised\": %s", synchronised ? "true" : "false");
	if (state >= 0)
		fprintf(f, ",\n  \"clock_offset\": %.9f,\n  \"clock_estimated_error\": %.6f,\n  \"clock_maximum_error\": %.6f",
			(double)t.offset * unit, (double)t.esterror / 1e6, (double)t.maxerror / 1e6);
}
