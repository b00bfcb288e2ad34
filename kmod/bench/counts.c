// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A plugin for QEMU 7.2's software emulation: how often each of the guest's instructions runs,
 * within windows that the guest itself begins and ends (mark.c). kmod/bench/functions.py builds it
 * and reads what it writes. For one emulated processor.
 *
 *	-plugin counts.so,out=FILE
 *
 * FILE gets a line "window N" for each window that ended, and after it a line "ADDRESS COUNT", in
 * hexadecimal and decimal, for each instruction of the kernel that ran in it. Instructions of
 * programs are one line at address 0.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-plugin.h"

EXPORT int qemu_plugin_version = 1;

#define KERNEL_START 0x8000000000000000ull
#define BUCKET_BITS 18
#define BUCKETS (1u << BUCKET_BITS)
static const uint8_t mark[] = { 0x66, 0x87, 0xdb };	/* xchg %bx,%bx: does nothing */

struct counter {
	struct counter *next;	/* in its bucket */
	uint64_t address;
	uint64_t count;		/* since the guest started */
	uint64_t before;	/* of it, before the window */
};

static struct counter *bucket[BUCKETS];
static FILE *out;
static unsigned int windows;
static bool within;

static struct counter *find(uint64_t address)
{
	struct counter **at = &bucket[address * 0x9e3779b97f4a7c15ull >> (64 - BUCKET_BITS)];
	struct counter *c;

	for (c = *at; c; c = c->next)
		if (c->address == address)
			return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->address = address;
	c->next = *at;
	*at = c;
	return c;
}

/* The guest is at the start of a window, or at the end of one. */
static void at_mark(unsigned int cpu, void *data)
{
	const struct counter *c;
	uint32_t i;

	(void)cpu;
	(void)data;
	within = !within;
	if (!within)
		fprintf(out, "window %u\n", ++windows);
	for (i = 0; i < BUCKETS; i++) {
		for (c = bucket[i]; c; c = c->next) {
			if (within)
				((struct counter *)c)->before = c->count;
			else if (c->count != c->before)
				fprintf(out, "%llx %llu\n", (unsigned long long)c->address,
					(unsigned long long)(c->count - c->before));
		}
	}
	fflush(out);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb), i;

	(void)id;
	for (i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		if (address < KERNEL_START) {
			address = 0;
			if (qemu_plugin_insn_size(insn) == sizeof(mark) &&
			    !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark)))
				qemu_plugin_register_vcpu_insn_exec_cb(insn, at_mark, NO_REGISTERS,
								       NULL);
		}
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &find(address)->count, 1);
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "counts: wants out=FILE\n");
		return 2;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
