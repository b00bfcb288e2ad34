/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments of command-line options; see arguments.h.
 */
#include "arguments.h"

#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

void
Refuse(const char* format, ...)
{
    va_list args;
    va_start(args, format);
    std::fprintf(stderr, "%s: ", PROGRAM);
    std::vfprintf(stderr, format, args);
    std::fprintf(stderr, "; see %s --help\n", PROGRAM);
    va_end(args);
    std::exit(2);
}

double
Number(const char* option, const char* text, double min, double max)
{
    char* end = nullptr;
    errno = 0;
    double value = std::strtod(text, &end);
    if (end == text || *end || errno || !(value >= min) || !(value <= max))
    {
        Refuse("--%s must be a number from %g to %g, not \"%s\"", option, min, max, text);
    }
    return value;
}

uint64_t
Whole(const char* option, const char* text, double min, double max)
{
    double value = Number(option, text, min, max);
    if (value != std::floor(value))
    {
        Refuse("--%s must be a whole number, not \"%s\"", option, text);
    }
    return static_cast<uint64_t>(value);
}

uint64_t
Nanoseconds(const char* option, const char* text)
{
    static const struct
    {
        const char* unit;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

    char* end = nullptr;
    double value = std::strtod(text, &end);
    for (const auto& u : units)
    {
        if (end != text && !std::strcmp(end, u.unit) && value >= 0 && value * u.ns <= 3.6e12)
        {
            return static_cast<uint64_t>(std::llround(value * u.ns));
        }
    }
    Refuse("--%s must be a time of at most an hour with its unit, such as 10ms or 1.5s, not \"%s\"",
           option,
           text);
}
