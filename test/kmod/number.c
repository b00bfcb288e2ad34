// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Numbers on command lines; see number.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "number.h"

unsigned long number(const char *text, const char *name, unsigned long min, unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	/* strtoul() would take a sign. */
	if (!isdigit((unsigned char)*text) || *end || errno || n < min || n > max) {
		fprintf(stderr, "%s: %s must be a number from %lu to %lu, not \"%s\"\n",
			program_invocation_short_name, name, min, max, text);
		exit(2);
	}
	return n;
}
