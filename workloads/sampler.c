// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Loading a distribution of message sizes and asking about it; sampler.h states who may call it.
 *
 * - A file is refused at its first fault, with the line it is on; nothing is guessed or repaired.
 * - Rows of probability zero are dropped: they can never be drawn, and every other row then has a
 *   place of its own.
 * - Row i is drawn by the random numbers r with r + 1 <= cumulative[i] * 2^64. Multiplying by a
 *   power of two is exact, so the limits are the file's probabilities, each rounded once, as it was
 *   read.
 */
#include "sampler.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef WORKLOADS_DIR
#define WORKLOADS_DIR "workloads"
#endif

#define MAX_GUIDE_BITS 22
#define REACHES_ONE 1e-9	/* the last probability may miss 1 by this much, of rounding */

/* Where a fault is, and where its description goes. */
struct report {
	char *err;
	size_t errlen;
	const char *path;
	unsigned long line;	/* 0: the file as a whole */
};

__attribute__((format(printf, 2, 3)))
static int fail(const struct report *r, const char *format, ...)
{
	size_t used = 0;
	va_list args;

	if (!r->err || !r->errlen)
		return -1;
	r->err[0] = '\0';
	if (r->path && r->line)
		snprintf(r->err, r->errlen, "%s:%lu: ", r->path, r->line);
	else if (r->path)
		snprintf(r->err, r->errlen, "%s: ", r->path);
	used = strlen(r->err);
	va_start(args, format);
	vsnprintf(r->err + used, r->errlen - used, format, args);
	va_end(args);
	return -1;
}

static int grow(struct sampler *s, uint32_t *room, const struct report *r)
{
	uint32_t more = *room ? *room * 2 : 256;
	uint32_t *bytes;
	double *cumulative;

	bytes = realloc(s->bytes, more * sizeof(*bytes));
	if (bytes)
		s->bytes = bytes;
	cumulative = realloc(s->cumulative, more * sizeof(*cumulative));
	if (cumulative)
		s->cumulative = cumulative;
	if (!bytes || !cumulative)
		return fail(r, "out of memory");
	*room = more;
	return 0;
}

static int read_size(const char *text, const char *end, uint32_t *bytes, const struct report *r)
{
	uint64_t value = 0;
	const char *c;

	for (c = text; c < end; c++) {
		if (!isdigit((unsigned char)*c))
			return fail(r, "size '%.*s' is not a whole number of bytes; write 1 to %u",
				    (int)(end - text), text, SAMPLER_MAX_BYTES);
		if (value <= SAMPLER_MAX_BYTES)
			value = value * 10 + (uint64_t)(*c - '0');
	}
	if (c == text)
		return fail(r, "the size is missing; a line is bytes<TAB>cumulative_probability");
	if (!value || value > SAMPLER_MAX_BYTES)
		return fail(r, "size %.*s is out of range; use 1 to %u bytes", (int)(end - text),
			    text, SAMPLER_MAX_BYTES);
	*bytes = (uint32_t)value;
	return 0;
}

static int read_probability(const char *text, double *p, const struct report *r)
{
	/* strtod() would also take names, hexadecimal and leading space. */
	size_t len = strspn(text, "+-.0123456789eE");
	char *end;

	*p = strtod(text, &end);
	if (!len || text[len] || *end || !isfinite(*p))
		return fail(r, "'%s' is not a probability; write a decimal number from 0 to 1 and "
			    "nothing after it", text);
	if (*p < 0 || *p > 1)
		return fail(r, "probability %s is out of range; cumulative probabilities run from "
			    "0 to 1", text);
	return 0;
}

/* Adds one data line, newline cut off. @size and @p are those of the line before, 0 at first. */
static int add_row(struct sampler *s, char *text, uint32_t *size, double *p, uint32_t *room,
		   const struct report *r)
{
	char *tab = strchr(text, '\t');
	uint32_t bytes;
	double cumulative;

	if (!tab)
		return fail(r, "no tab in '%.40s'; a line is bytes<TAB>cumulative_probability",
			    text);
	if (read_size(text, tab, &bytes, r) || read_probability(tab + 1, &cumulative, r))
		return -1;
	if (bytes <= *size)
		return fail(r, "size %u does not rise above %u of the line before; sort the lines "
			    "by size, each size once", bytes, *size);
	if (cumulative < *p)
		return fail(r, "probability %.12g falls below %.12g of the line before; "
			    "probabilities are cumulative", cumulative, *p);
	if (cumulative > *p) {
		if (s->rows == SAMPLER_MAX_ROWS)
			return fail(r, "more than %u sizes; gather some of them", SAMPLER_MAX_ROWS);
		if (s->rows == *room && grow(s, room, r))
			return -1;
		s->bytes[s->rows] = bytes;
		s->cumulative[s->rows++] = cumulative;
	}
	*size = bytes;
	*p = cumulative;
	return 0;
}

static int read_rows(struct sampler *s, FILE *file, struct report *r)
{
	char text[1024];
	uint32_t room = 0;
	uint32_t size = 0;
	double p = 0;

	while (fgets(text, sizeof(text), file)) {
		size_t len = strlen(text);

		r->line++;
		if (len && text[len - 1] == '\n')
			text[--len] = '\0';
		else if (!feof(file))
			return fail(r, "line too long or not text; a line is "
				    "bytes<TAB>cumulative_probability");
		if (len && text[len - 1] == '\r')
			return fail(r, "the line ends in a carriage return; convert the file with "
				    "sed -i 's/\\r$//'");
		if (text[0] == '#' || !len)
			continue;
		if (add_row(s, text, &size, &p, &room, r))
			return -1;
	}
	if (ferror(file)) {
		r->line = 0;
		return fail(r, "cannot read: %s", strerror(errno));
	}
	if (!r->line || !size) {
		r->line = 0;
		return fail(r, "holds no sizes; write lines of bytes<TAB>cumulative_probability");
	}
	if (p < 1 - REACHES_ONE)
		return fail(r, "the last probability is %.12g; it must be 1", p);
	s->cumulative[s->rows - 1] = 1;
	return 0;
}

/* Prepares everything that is derived from bytes[] and cumulative[]. */
static int finish(struct sampler *s, const struct report *r)
{
	uint64_t slots, slot;
	double before = 0;
	uint32_t row;

	s->guide_bits = 1;
	while (s->guide_bits < MAX_GUIDE_BITS && (1ULL << s->guide_bits) < 4ULL * s->rows)
		s->guide_bits++;
	slots = 1ULL << s->guide_bits;
	s->last = malloc(s->rows * sizeof(*s->last));
	s->guide = malloc((slots + 1) * sizeof(*s->guide));
	if (!s->last || !s->guide)
		return fail(r, "out of memory");

	s->mean = 0;
	for (row = 0; row < s->rows; row++) {
		double limit = s->cumulative[row] * 0x1p64;

		/* A probability below 2^-64 still gets the one number nearest to it. */
		if (limit >= 0x1p64)
			s->last[row] = UINT64_MAX;
		else
			s->last[row] = limit >= 1 ? (uint64_t)limit - 1 : 0;
		s->mean += s->bytes[row] * (s->cumulative[row] - before);
		before = s->cumulative[row];
	}
	row = 0;
	for (slot = 0; slot < slots; slot++) {
		while (s->last[row] < slot << (64 - s->guide_bits))
			row++;
		s->guide[slot] = row;
	}
	s->guide[slots] = s->rows - 1;
	return 0;
}

/* Opens what @spec names and leaves its path in @path, for messages. NULL: reported why not. */
static FILE *open_spec(const char *spec, const char *dir, char *path, size_t pathlen,
		       struct report *r)
{
	FILE *file;

	if (!dir)
		dir = getenv("HOMA_WORKLOADS");
	if (!dir || !dir[0])
		dir = WORKLOADS_DIR;
	if (strchr(spec, '/')) {
		snprintf(path, pathlen, "%s", spec);
		file = fopen(path, "r");
		r->path = path;
		if (!file)
			fail(r, "cannot open: %s", strerror(errno));
		return file;
	}
	if ((size_t)snprintf(path, pathlen, "%s/%s.tsv", dir, spec) >= pathlen) {
		fail(r, "the name of a workload or of its directory is too long");
		return NULL;
	}
	file = fopen(path, "r");
	if (!file) {
		file = fopen(spec, "r");
		if (!file) {
			fail(r, "no workload '%.80s': there is neither %.200s nor a file of that "
			     "name; give a workload of that directory, a size in bytes or the path "
			     "of a file", spec, path);
			return NULL;
		}
		snprintf(path, pathlen, "%s", spec);
	}
	r->path = path;
	return file;
}

static void set_name(struct sampler *s, const char *spec)
{
	const char *slash = strrchr(spec, '/');
	size_t len;

	snprintf(s->name, sizeof(s->name), "%.63s", slash ? slash + 1 : spec);
	len = strlen(s->name);
	if (len > 4 && !strcmp(s->name + len - 4, ".tsv"))
		s->name[len - 4] = '\0';
}

int sampler_open(struct sampler *s, const char *spec, const char *dir, char *err, size_t errlen)
{
	struct report r = { .err = err, .errlen = errlen };
	char path[4096];
	FILE *file;
	int rc;

	memset(s, 0, sizeof(*s));
	if (!spec || !spec[0])
		return fail(&r, "no workload given; give a name such as w4, a size in bytes or the "
			    "path of a file");
	set_name(s, spec);

	if (spec[0] == '-' || !spec[strspn(spec, "0123456789")]) {
		uint32_t room = 0;

		if (grow(s, &room, &r) || read_size(spec, spec + strlen(spec), s->bytes, &r))
			goto failed;
		s->cumulative[0] = 1;
		s->rows = 1;
	} else {
		file = open_spec(spec, dir, path, sizeof(path), &r);
		if (!file)
			goto failed;
		rc = read_rows(s, file, &r);
		fclose(file);
		if (rc)
			goto failed;
	}
	r.line = 0;
	if (!finish(s, &r))
		return 0;
failed:
	sampler_close(s);
	return -1;
}

void sampler_close(struct sampler *s)
{
	free(s->bytes);
	free(s->cumulative);
	free(s->last);
	free(s->guide);
	memset(s, 0, sizeof(*s));
}

double sampler_mean(const struct sampler *s)
{
	return s->mean;
}

uint32_t sampler_quantile(const struct sampler *s, double p)
{
	uint32_t low = 0;
	uint32_t high = s->rows - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (!(s->cumulative[middle] < p))
			high = middle;
		else
			low = middle + 1;
	}
	return s->bytes[low];
}

double sampler_cdf(const struct sampler *s, uint64_t bytes)
{
	uint32_t low = 0;
	uint32_t high = s->rows;

	/* Finds how many sizes do not exceed @bytes. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->bytes[middle] <= bytes)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? s->cumulative[low - 1] : 0;
}

double sampler_expect(const struct sampler *s, double (*fn)(uint32_t bytes, void *arg), void *arg)
{
	double before = 0;
	double sum = 0;
	uint32_t row;

	for (row = 0; row < s->rows; row++) {
		sum += fn(s->bytes[row], arg) * (s->cumulative[row] - before);
		before = s->cumulative[row];
	}
	return sum;
}
