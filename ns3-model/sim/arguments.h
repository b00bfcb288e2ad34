/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments of command-line options: read, held to their range, refused in one line. For the
 * programs of this module.
 */
#ifndef SIM_ARGUMENTS_H
#define SIM_ARGUMENTS_H

#include <cstdint>

/** Name of the program, for its messages; each program defines its own. */
extern const char* const PROGRAM;

/**
 * Complain on standard error and exit with status 2.
 * \param format As printf() has it; one line, what is wrong and what to do.
 */
[[noreturn]] void Refuse(const char* format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Read a number; refuses what is none or out of range.
 * \param option Name of the option.
 * \param text Its argument.
 * \param min Least value.
 * \param max Largest value.
 * \return The number.
 */
double Number(const char* option, const char* text, double min, double max);

/**
 * Read a whole number; refuses what is none or out of range.
 * \param option Name of the option.
 * \param text Its argument.
 * \param min Least value.
 * \param max Largest value.
 * \return The number.
 */
uint64_t Whole(const char* option, const char* text, double min, double max);

/**
 * Read a time with its unit, such as 10ms, 1.5s, 200us or 250ns; refuses what is none or longer
 * than an hour. \param option Name of the option. \param text Its argument. \return ns.
 */
uint64_t Nanoseconds(const char* option, const char* text);

#endif /* SIM_ARGUMENTS_H */
