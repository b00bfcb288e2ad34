// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Prints by how many kHz this machine's time stamp counter advances; nothing where there is none.
 * test/vm/run tells its guests, whose counter is the same: on a busy host what they measure
 * themselves while they boot may be wrong by far, and then so is their clock.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__
#include <x86intrin.h>

struct moment {
	uint64_t ticks, ns, doubt;
};

static struct moment present(void)
{
	struct moment best = { .doubt = UINT64_MAX };
	struct timespec time;
	uint64_t before, after;
	int i;

	/* The shortest look is the least likely to have been interrupted. */
	for (i = 0; i < 100; i++) {
		before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC_RAW, &time);
		after = __rdtsc();
		if (after - before >= best.doubt)
			continue;
		best.ticks = before + (after - before) / 2;
		best.ns = time.tv_sec * 1000000000ull + time.tv_nsec;
		best.doubt = after - before;
	}
	return best;
}

int main(void)
{
	struct moment begin = present(), end;

	usleep(50000);
	end = present();
	printf("%.0f\n", (end.ticks - begin.ticks) * 1e6 / (end.ns - begin.ns));
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
