// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tells counts.c, the emulator's plugin, that a window begins or ends. For profile.sh.
 */
int main(void)
{
	__asm__ volatile ("xchg %%bx, %%bx" : : : "memory");
	return 0;
}
