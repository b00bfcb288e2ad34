// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of rules that go by whose a packet or a socket is: filters of a socket, and programs of a
 * control group; part of `api`.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api.h"

#define GROUP "/tmp/cgroup/api"

/* DATA packets that filters kept out, on all cores. */
static long filtered(void)
{
	char name[64];
	long value, sum = 0;
	FILE *file = fopen("/proc/net/homa_metrics", "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", name, &value) == 2 &&
		    !strcmp(name, "packets_dropped_filtered"))
			sum += value;
	if (file)
		fclose(file);
	return sum;
}

/* A request is kept out while @allow has not been called, and goes through after it. */
static void kept_out(struct pair *p, void (*allow)(void *arg), void *arg, const char *by)
{
	struct message request = { 0 }, response = { 0 };

	is(send_request(&p->client, &p->to, "hello", 5, NULL), 0, "%s: a request is sent", by);
	usleep(100000);
	fails(receive(&p->server, &request, 0, MSG_DONTWAIT), EAGAIN, "%s: but kept out", by);
	allow(arg);
	within(20, "a request is sent again");
	is(receive(&p->server, &request, 0, 0), 5, "%s: until it is allowed", by);
	within(0, NULL);
	is(send_echo(&p->server, &request), 0, "%s: then it is answered", by);
	is(receive(&p->client, &response, 0, 0), 5, "%s: and done", by);
	/* Give back what is in use. */
	receive(&p->server, &request, 0, MSG_DONTWAIT);
	receive(&p->client, &response, 0, MSG_DONTWAIT);
}

static void detach(void *arg)
{
	int none = 0;

	setsockopt(((struct pair *)arg)->server.fd, SOL_SOCKET, SO_DETACH_FILTER, &none,
		   sizeof(none));
}

/* A filter of the server's socket that keeps so many bytes of each packet. */
static void of_socket(unsigned int bytes, const char *by)
{
	struct pair p = pair_open();
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, bytes);
	struct sock_fprog program = { .len = 1, .filter = &code };
	long before = filtered();

	is(setsockopt(p.server.fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0,
	   "%s can be attached", by);
	kept_out(&p, detach, &p, by);
	ok(filtered() > before, "%s: what it kept out is counted", by);
	pair_close(&p);
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* A program that returns 0: no. */
static int load_denial(enum bpf_prog_type type, enum bpf_attach_type attach)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = ARRAY_SIZE(code);
	attr.license = (uintptr_t)"GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

/* A control group that this process is in, and what it is denied. */
struct denial {
	int group, program;
	enum bpf_attach_type type;
};

static void change(const struct denial *d, int command)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = d->group;
	attr.attach_bpf_fd = d->program;
	attr.attach_type = d->type;
	if (bpf(command, &attr))
		bail("the control group's program is changed: %s", strerrorname_np(errno));
}

static void deny(struct denial *d, int group, enum bpf_prog_type program,
		 enum bpf_attach_type type)
{
	d->group = group;
	d->type = type;
	d->program = load_denial(program, type);
	if (d->program < 0)
		bail("a program for the control group is loaded: %s", strerrorname_np(errno));
	change(d, BPF_PROG_ATTACH);
}

static void allow(void *arg)
{
	struct denial *d = arg;

	change(d, BPF_PROG_DETACH);
	close(d->program);
}

static void join_group(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file))
		bail("%s is joined: %s", path, strerrorname_np(errno));
}

/* Sockets that are refused when nearly made must leave nothing behind. */
static void refused(int group)
{
	struct pair before = pair_open();
	struct denial d;
	unsigned int i, denied = 0;

	deny(&d, group, BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE);
	for (i = 0; i < 200; i++) {
		int fd = socket(i & 1 ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_HOMA);

		denied += fd < 0 && errno == EPERM;
		if (fd >= 0)
			close(fd);
	}
	is(denied, 200, "a control group can forbid sockets");
	allow(&d);
	/* Memory of theirs is free, and soon others'. */
	usleep(100000);
	for (i = 0; i < 4000; i++)
		endpoint_close(&(struct endpoint){ .fd = socket(AF_INET, SOCK_DGRAM,
								IPPROTO_HOMA) });
	ok(echoed(&before.client, &before.server, &before.to, 100), "others work on");
	pair_close(&before);
}

static void of_group(int group)
{
	struct pair p = pair_open();
	struct denial d;
	long before;

	deny(&d, group, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	kept_out(&p, allow, &d, "a control group that may not send");
	before = filtered();
	deny(&d, group, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS);
	kept_out(&p, allow, &d, "one that may not receive");
	ok(filtered() > before, "what it kept out is counted");
	pair_close(&p);
}

void api_filters(void)
{
	int group;

	of_socket(0, "a filter that lets nothing in");
	of_socket(30, "one that lets a part in");

	mkdir("/tmp/cgroup", 0755);
	if (mount("none", "/tmp/cgroup", "cgroup2", 0, NULL) || mkdir(GROUP, 0755))
		bail("there are control groups: %s", strerrorname_np(errno));
	group = open(GROUP, O_RDONLY | O_DIRECTORY);
	join_group(GROUP "/cgroup.procs");
	refused(group);
	of_group(group);
	join_group("/tmp/cgroup/cgroup.procs");
	close(group);
	rmdir(GROUP);
	umount("/tmp/cgroup");
}
