/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Numbers on the command lines of the test programs.
 */
#ifndef NUMBER_H
#define NUMBER_H

/**
 * number() - A decimal number from text; ends the program with status 2 when it is none.
 * @text: What the command line has.
 * @name: Of the option or argument, for the message.
 * @min:  Least that is allowed.
 * @max:  Most that is allowed.
 */
unsigned long number(const char *text, const char *name, unsigned long min, unsigned long max);

#endif /* NUMBER_H */
