// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A module that misbehaves on demand, under the name of homa.ko: test/vm/selftest loads it to see
 * whether the harness notices. `echo FAULT >/sys/module/homa/parameters/do` commits one.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static struct kmem_cache *cache;

static void leak_slab(void)
{
	int i;

	for (i = 0; i < 1000; i++) {
		char *volatile lost = kmalloc(512, GFP_KERNEL);

		if (lost)
			*lost = 1;
	}
}

static void leak_pages(void)
{
	int i;

	for (i = 0; i < 1024; i++)
		if (!alloc_page(GFP_KERNEL))
			break;
}

static void hang(void)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

static int commit(const char *fault, const struct kernel_param *param)
{
	if (sysfs_streq(fault, "warn"))
		WARN(1, "as asked\n");
	else if (sysfs_streq(fault, "complain"))
		pr_warn("homa: as asked\n");
	else if (sysfs_streq(fault, "oops"))
		*(int *volatile)NULL = 1;
	else if (sysfs_streq(fault, "slab"))
		leak_slab();
	else if (sysfs_streq(fault, "pages"))
		leak_pages();
	else if (sysfs_streq(fault, "stay"))
		__module_get(THIS_MODULE);
	else if (sysfs_streq(fault, "hang"))
		hang();
	else
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops ops = { .set = commit };
module_param_cb(do, &ops, NULL, 0200);
MODULE_PARM_DESC(do, "fault to commit");

static int __init faulty_init(void)
{
	cache = kmem_cache_create("homa_faulty", 100, 0, 0, NULL);
	return cache ? 0 : -ENOMEM;
}

static void __exit faulty_exit(void)
{
	kmem_cache_destroy(cache);
}

module_init(faulty_init);
module_exit(faulty_exit);
MODULE_DESCRIPTION("Misbehaves on demand");
MODULE_LICENSE("Dual BSD/GPL");
