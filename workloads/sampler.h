/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Message sizes: the one sampler that everything which offers load draws from.
 *
 * - A distribution is a list of sizes, each with a probability; README.md states the file format.
 * - A draw is a pure function of 64 random bits supplied by the caller: integer comparisons only,
 *   so equal bits give equal sizes on every machine. A larger number never means a smaller size
 *   (inverse transform).
 * - A draw takes constant time on average and O(log rows) at worst.
 *
 * User space only; usable from C and C++. After sampler_open() a sampler is only read, so threads
 * may share it.
 */
#ifndef WORKLOADS_SAMPLER_H
#define WORKLOADS_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAMPLER_MAX_BYTES (1U << 30)	/* largest size a distribution may hold */
#define SAMPLER_MAX_ROWS (1U << 20)	/* most sizes a distribution may hold */
#define SAMPLER_ERROR_LEN 512		/* enough for every message of sampler_open() */

/* A distribution of message sizes. Fields may be read, not written. */
struct sampler {
	char name[64];		/* as given; of a path, its last part less ".tsv" */
	uint32_t rows;		/* sizes that can be drawn, at least 1 */
	uint32_t *bytes;	/* [rows] sizes, rising, 1 to SAMPLER_MAX_BYTES */
	double *cumulative;	/* [rows] P(size <= bytes[i]), rising; the last is 1 */
	uint64_t *last;		/* [rows] largest random64 that draws it, 2^64 - 1 at last */
	uint32_t *guide;	/* [2^guide_bits + 1] row of the least random64 with these bits */
	unsigned int guide_bits;	/* 1 to 22 */
	double mean;		/* bytes */
};

/**
 * sampler_open() - Load a distribution.
 * @s:      Filled in; on failure left such that sampler_close() is harmless.
 * @spec:   A size in bytes ("500000"); a path to a file (anything with a '/'); or the name of a
 *          workload ("w4"), which is "<name>.tsv" in @dir. A name not found there is tried as a
 *          file of the working directory.
 * @dir:    Directory of the named workloads; NULL for that of the environment variable
 *          HOMA_WORKLOADS or, when it is unset or empty, the one compiled in.
 * @err:    On failure one line without newline that says what is wrong, where (file:line) and what
 *          to do. May be NULL.
 * @errlen: Bytes at @err; SAMPLER_ERROR_LEN fits all. Longer text is cut.
 * Return:  0, or -1 with @err set.
 */
int sampler_open(struct sampler *s, const char *spec, const char *dir, char *err, size_t errlen);

/**
 * sampler_close() - Free what sampler_open() allocated.
 * @s: Opened, failed to open, or closed already.
 */
void sampler_close(struct sampler *s);

/**
 * sampler_row() - Draw a size, as its row.
 * @s:        Distribution.
 * @random64: Uniform random bits.
 * Return:    0 to @s->rows - 1, each with its row's probability.
 */
static inline uint32_t sampler_row(const struct sampler *s, uint64_t random64)
{
	uint64_t slot = random64 >> (64 - s->guide_bits);
	uint32_t low = s->guide[slot];
	uint32_t high = s->guide[slot + 1];

	/* There are more slots than rows, so most slots lie within one row or two. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (random64 <= s->last[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/**
 * sampler_draw() - Draw a size.
 * @s:        Distribution.
 * @random64: Uniform random bits.
 * Return:    Bytes, 1 to SAMPLER_MAX_BYTES.
 */
static inline uint32_t sampler_draw(const struct sampler *s, uint64_t random64)
{
	return s->bytes[sampler_row(s, random64)];
}

/**
 * sampler_mean() - Mean size.
 * @s: Distribution.
 * Return: Bytes.
 */
double sampler_mean(const struct sampler *s);

/**
 * sampler_quantile() - The size that a share of the messages does not exceed.
 * @s: Distribution.
 * @p: Share of messages; below 0 (or NaN) counts as 0, above 1 as 1.
 * Return: The smallest size with P(size <= it) >= @p, in bytes; for 0 the smallest of all.
 */
uint32_t sampler_quantile(const struct sampler *s, double p);

/**
 * sampler_cdf() - Share of the messages that do not exceed a size.
 * @s:     Distribution.
 * @bytes: Size.
 * Return: P(size <= @bytes), 0 to 1.
 */
double sampler_cdf(const struct sampler *s, uint64_t bytes);

/**
 * sampler_expect() - Mean over all messages of a function of their size, exactly rather than by
 *   drawing.
 * @s:   Distribution.
 * @fn:  Called once per size, smallest first. For example the bytes a message of that size puts on
 *       the wire.
 * @arg: Handed to @fn.
 * Return: The mean, in the unit of @fn.
 */
double sampler_expect(const struct sampler *s, double (*fn)(uint32_t bytes, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
