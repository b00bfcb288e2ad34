/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * What a test program says: one line for each thing that must hold, the plan at the end. A test
 * that cannot run has failed. Called from the main thread only.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define TAP_FORMAT(n) __attribute__((format(printf, n, n + 1)))

/**
 * ok() - Report a test.
 * @holds:  Whether it passed.
 * @format: What must hold.
 * Return:  @holds.
 */
bool ok(bool holds, const char *format, ...) TAP_FORMAT(2);

/* Like ok(): @got must be @wanted. */
bool is(long got, long wanted, const char *format, ...) TAP_FORMAT(3);

/* Like ok(): a system call that returned @result must have failed with @error. */
bool fails(long result, int error, const char *format, ...) TAP_FORMAT(3);

/* Like fails(), with @error or @other. */
bool fails_either(long result, int error, int other, const char *format, ...) TAP_FORMAT(4);

/* Something worth knowing that is no test. */
void note(const char *format, ...) TAP_FORMAT(1);

/**
 * patience() - A limit, stretched where the machine is known to be slow.
 * @seconds: For a machine at its usual speed.
 * Return: Times what FACTOR in the environment says, as test/vm/run sets it.
 */
unsigned int patience(unsigned int seconds);

/**
 * within() - The program fails and ends if it is not called again in time.
 * @seconds: How long what follows may take, before patience(); 0: as long as it likes.
 * @what:    What follows; must stay valid.
 *
 * Uses SIGALRM.
 */
void within(unsigned int seconds, const char *what);

/* Report a failed test and end the program: what follows would make no sense. */
void bail(const char *format, ...) TAP_FORMAT(1) __attribute__((noreturn));

/* Print the plan. Return: the program's exit code, 0 when every test passed. */
int done(void);

#endif /* TAP_H */
