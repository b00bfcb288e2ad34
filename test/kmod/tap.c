// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Test Anything Protocol, as far as the tests that run inside the virtual machine need it.
 */
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run, failed;
static const char *volatile underway = "the program";

static bool report(bool holds, const char *format, va_list args)
{
	run++;
	if (!holds)
		failed++;
	printf("%sok %d - ", holds ? "" : "not ", run);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
	return holds;
}

bool ok(bool holds, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(holds, format, args);
	va_end(args);
	return holds;
}

bool is(long got, long wanted, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(got == wanted, format, args);
	va_end(args);
	if (got != wanted)
		note("got %ld, wanted %ld", got, wanted);
	return got == wanted;
}

static bool failed_with(long result, int got, int error, int other, const char *format,
			va_list args)
{
	bool holds = result == -1 && (got == error || got == other);

	report(holds, format, args);
	if (!holds && result == -1)
		note("failed with %s, wanted %s", strerrorname_np(got), strerrorname_np(error));
	else if (!holds)
		note("returned %ld, wanted %s", result, strerrorname_np(error));
	return holds;
}

bool fails(long result, int error, const char *format, ...)
{
	int got = errno;
	va_list args;
	bool holds;

	va_start(args, format);
	holds = failed_with(result, got, error, error, format, args);
	va_end(args);
	return holds;
}

bool fails_either(long result, int error, int other, const char *format, ...)
{
	int got = errno;
	va_list args;
	bool holds;

	va_start(args, format);
	holds = failed_with(result, got, error, other, format, args);
	va_end(args);
	return holds;
}

void note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Only what a signal handler may call: the main thread can be anywhere. */
static void too_late(int signal)
{
	const char *what = underway;
	static const char before[] = "\nnot ok - in time: ";
	ssize_t ignored;

	(void)signal;
	ignored = write(STDOUT_FILENO, before, sizeof(before) - 1);
	ignored = write(STDOUT_FILENO, what, strlen(what));
	ignored = write(STDOUT_FILENO, "\n", 1);
	(void)ignored;
	_exit(1);
}

unsigned int patience(unsigned int seconds)
{
	const char *factor = getenv("FACTOR");

	return factor && atof(factor) > 1 ? seconds * atof(factor) : seconds;
}

void within(unsigned int seconds, const char *what)
{
	struct sigaction action = { .sa_handler = too_late };

	underway = what;
	sigaction(SIGALRM, &action, NULL);
	alarm(patience(seconds));
}

void bail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(false, format, args);
	va_end(args);
	done();
	_exit(1);
}

int done(void)
{
	alarm(0);
	if (!run) {
		run = 1;
		failed = 1;
		printf("not ok 1 - something was tested\n");
	}
	printf("1..%d\n", run);
	fflush(stdout);
	return failed ? 1 : 0;
}
