/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/file.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
make_path(const struct host *h, char path[PATH_MAX], const char *format, va_list args)
{
	int at = snprintf(path, PATH_MAX, "%s", h->root), n;

	if (at < 0 || at >= PATH_MAX)
		return false;
	n = vsnprintf(path + at, (size_t)(PATH_MAX - at), format, args);
	return n >= 0 && n < PATH_MAX - at;
}

#define MAKE_PATH(path)                                                                            \
	({                                                                                         \
		va_list args;                                                                      \
		bool made;                                                                         \
		va_start(args, format);                                                            \
		made = make_path(h, path, format, args);                                           \
		va_end(args);                                                                      \
		made;                                                                              \
	})

static bool
read_path(const char *path, char text[HOST_TEXT_SIZE])
{
	FILE *f = fopen(path, "re");
	size_t n;

	text[0] = '\0';
	if (f == NULL)
		return false;
	n = fread(text, 1, HOST_TEXT_SIZE - 1, f);
	fclose(f);
	text[n] = '\0';
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return true;
}

bool
host_read(const struct host *h, char text[HOST_TEXT_SIZE], const char *format, ...)
{
	char path[PATH_MAX];

	text[0] = '\0';
	return MAKE_PATH(path) && read_path(path, text);
}

long long
host_number(const struct host *h, long long otherwise, const char *format, ...)
{
	char path[PATH_MAX], text[HOST_TEXT_SIZE], *end;
	long long number;

	if (!MAKE_PATH(path) || !read_path(path, text))
		return otherwise;
	number = strtoll(text, &end, 0);
	return end == text ? otherwise : number;
}

bool
host_link_end(const struct host *h, char text[HOST_TEXT_SIZE], const char *format, ...)
{
	char path[PATH_MAX], target[HOST_TEXT_SIZE];
	const char *slash;
	ssize_t n;

	text[0] = '\0';
	if (!MAKE_PATH(path))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	strcpy(text, slash != NULL ? slash + 1 : target);
	return true;
}

bool
host_exists(const struct host *h, const char *format, ...)
{
	char path[PATH_MAX];

	return MAKE_PATH(path) && access(path, F_OK) == 0;
}

static int
is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void
host_list(const struct host *h, struct host_names *names, const char *format, ...)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int n = MAKE_PATH(path) ? scandir(path, &entries, is_shown, alphasort) : -1;

	names->count = 0;
	for (int i = 0; i < n; i++) {
		char *name = names->count < HOST_NAMES_MAX ? strdup(entries[i]->d_name) : NULL;

		if (name != NULL)
			names->name[names->count++] = name;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void
host_list_free(struct host_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	names->count = 0;
}

bool
host_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		if ((at == text || strchr(" \t\n", at[-1]) != NULL) &&
		    (at[len] == '\0' || strchr(" \t\n", at[len]) != NULL))
			return true;
	return false;
}

bool
host_value(const struct host *h, char value[HOST_TEXT_SIZE], const char *key, const char *path)
{
	char text[HOST_TEXT_SIZE];
	size_t len = strlen(key);

	value[0] = '\0';
	if (!host_read(h, text, "%s", path))
		return false;
	for (const char *at = strstr(text, key); at != NULL; at = strstr(at + 1, key)) {
		const char *mark = at + len + strspn(at + len, " \t"), *start = mark + 1;

		if ((at > text && strchr(" \n", at[-1]) == NULL) || (*mark != ':' && *mark != '='))
			continue;
		start += *mark == ':' ? strspn(start, " \t") : 0;
		snprintf(value, HOST_TEXT_SIZE, "%.*s", (int)strcspn(start, *mark == ':' ? "\n" : " \n"), start);
		return true;
	}
	return false;
}

void
host_cpus(const char *list, cpu_set_t *set)
{
	CPU_ZERO(set);
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, set);
		list = *end == ',' ? end + 1 : end;
	}
}
