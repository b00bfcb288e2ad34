// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Counters as a file; see metrics.h.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/string_helpers.h>

#include "metrics.h"

#define SMALL_STEP 64
#define MEDIUM_STEP 1024

static const struct {
	const char *name, *meaning;
	size_t at;	/* in struct homa_percpu */
} counters[] = {
#define X(name_, meaning_) \
	{ .name = #name_, .meaning = meaning_, .at = offsetof(struct homa_percpu, core.name_) },
	HOMA_COUNTERS(X)
#undef X
#define X(name_, meaning_) \
	{ .name = #name_, .meaning = meaning_, .at = offsetof(struct homa_percpu, kernel.name_) },
	HOMA_KERNEL_COUNTERS(X)
#undef X
};

static void line(struct seq_file *m, const char *name, u64 value, const char *meaning)
{
	seq_printf(m, "%-28s %15llu  %s\n", name, value, meaning);
}

static void show_host(struct seq_file *m, const struct homa_net *hnet)
{
	line(m, "time_cycles", ktime_get_ns(), "time at which this was read, in cycles");
	line(m, "cpu_khz", 1000000, "cycles in a millisecond");
	line(m, "peers", atomic_read(&hnet->peer_count), "peers known now");
}

static void show_lengths(struct seq_file *m, const struct homa_kernel_counters *c)
{
	char name[32];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(c->msg_bytes_small); i++) {
		snprintf(name, sizeof(name), "msg_bytes_%u", (i + 1) * SMALL_STEP);
		line(m, name, c->msg_bytes_small[i],
		     "bytes in incoming messages up to that long, and longer than the line above");
	}
	/* What is shorter is above. */
	for (i = ARRAY_SIZE(c->msg_bytes_small) * SMALL_STEP / MEDIUM_STEP;
	     i < ARRAY_SIZE(c->msg_bytes_medium); i++) {
		snprintf(name, sizeof(name), "msg_bytes_%u", (i + 1) * MEDIUM_STEP);
		line(m, name, c->msg_bytes_medium[i],
		     "bytes in incoming messages up to that long, and longer than the line above");
	}
	line(m, "large_msg_count", c->large_msg_count, "incoming messages that are longer");
	line(m, "large_msg_bytes", c->large_msg_bytes, "bytes in these");
}

static void show_packets(struct seq_file *m, const struct homa_counters *c)
{
	char name[48], type[16];
	u32 i;

	for (i = 0; i < HOMA_TYPES; i++) {
		string_upper(type, homa_wire_type_name(HOMA_DATA + i));
		snprintf(name, sizeof(name), "packets_sent_%s", type);
		line(m, name, c->packets[i].sent, "packets sent of this type");
	}
	for (i = 0; i < HOMA_TYPES; i++) {
		string_upper(type, homa_wire_type_name(HOMA_DATA + i));
		snprintf(name, sizeof(name), "packets_rcvd_%s", type);
		line(m, name, c->packets[i].rcvd, "packets received of this type");
	}
	for (i = 0; i < HOMA_PRIORITIES; i++) {
		snprintf(name, sizeof(name), "priority%u_bytes", i);
		line(m, name, c->priority[i].bytes, "bytes of data sent at this priority");
		snprintf(name, sizeof(name), "priority%u_packets", i);
		line(m, name, c->priority[i].packets, "DATA packets sent at this priority");
	}
	for (i = HOMA_DROP_NONE + 1; i < HOMA_DROPS; i++) {
		snprintf(name, sizeof(name), "packets_dropped_%s", homa_wire_drop_name(i));
		line(m, name, c->packets_dropped[i], "packets dropped for this reason");
	}
	line(m, "short_packets", c->packets_dropped[HOMA_DROP_SHORT],
	     "the same as packets_dropped_short");
	line(m, "unknown_packet_types", c->packets_dropped[HOMA_DROP_TYPE],
	     "the same as packets_dropped_type");
	line(m, "unknown_rpcs", c->packets_dropped[HOMA_DROP_UNKNOWN],
	     "the same as packets_dropped_unknown");
}

static void show_core(struct seq_file *m, const struct homa_net *hnet, u32 cpu)
{
	const struct homa_percpu *c = per_cpu_ptr(hnet->counters, cpu);
	u32 i;

	line(m, "core", cpu, "what follows was counted on this core");
	show_lengths(m, &c->kernel);
	show_packets(m, &c->core);
	line(m, "sent_msg_bytes",
	     c->kernel.client_request_bytes_started + c->kernel.server_response_bytes_started,
	     "bytes of requests and responses issued");
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		line(m, counters[i].name, *(const u64 *)((const char *)c + counters[i].at),
		     counters[i].meaning);
}

/*
 * What is read at once is a core, so that the buffer need not hold them all. Position 0 is the
 * host, those behind it the cores; one that is offline is shown if it has counted something, or
 * sums would fall when it goes.
 */
static void *from(const struct homa_net *hnet, loff_t *pos)
{
	for (; *pos && *pos <= nr_cpu_ids; ++*pos) {
		u32 cpu = *pos - 1;

		if (cpu_online(cpu) ||
		    (cpu_possible(cpu) && memchr_inv(per_cpu_ptr(hnet->counters, cpu), 0,
						     sizeof(struct homa_percpu))))
			break;
	}
	return *pos <= nr_cpu_ids ? pos : NULL;
}

static const struct homa_net *net_of(struct seq_file *m)
{
	return homa_net(seq_file_net(m));
}

static void *metrics_start(struct seq_file *m, loff_t *pos)
{
	return from(net_of(m), pos);
}

static void *metrics_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return from(net_of(m), pos);
}

static void metrics_stop(struct seq_file *m, void *v)
{
}

static int metrics_show(struct seq_file *m, void *v)
{
	loff_t pos = *(loff_t *)v;

	if (pos)
		show_core(m, net_of(m), pos - 1);
	else
		show_host(m, net_of(m));
	return 0;
}

static const struct seq_operations metrics_ops = {
	.start = metrics_start,
	.next = metrics_next,
	.stop = metrics_stop,
	.show = metrics_show,
};

int homa_metrics_init(struct homa_net *hnet)
{
	if (!proc_create_net("homa_metrics", 0444, hnet->net->proc_net, &metrics_ops,
			     sizeof(struct seq_net_private)))
		return -ENOMEM;
	return 0;
}

void homa_metrics_exit(struct homa_net *hnet)
{
	remove_proc_entry("homa_metrics", hnet->net->proc_net);
}
