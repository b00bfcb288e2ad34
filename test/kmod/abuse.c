// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * What programs without rights, and hosts that mean harm, must not get: memory of the kernel that
 * nobody counts, its time, other processes' memory, the end of others' RPCs. Hosts are raw sockets
 * of this program. It changes parameters of the module, and takes the whole machine for itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc.h"
#include "tap.h"

#define PORT 4420
#define CLIENT_PORT 33100	/* of hosts that are raw sockets */
#define HEADER 56		/* of DATA */
#define COMMON 28		/* of all types */
#define SHORT_QUOTE 8	/* bytes that an ICMP error must quote behind the IP header */

static char data[HOMA_MAX_MESSAGE_LENGTH];

/* Files. */

static void write_file(const char *path, const char *format, uint64_t value)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, format, (unsigned long long)value) < 0 || fclose(file))
		bail("%s can be written: %s", path, strerrorname_np(errno));
}

static void set(const char *name, unsigned int value)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/sys/net/homa/%s", name);
	write_file(path, "%llu\n", value);
}

/* Of a file of lines "NAME NUMBER ...", the sum of those with this name. */
static uint64_t sum_of(const char *path, const char *name)
{
	unsigned long long value, sum = 0;
	FILE *file = fopen(path, "r");
	char line[300], word[100];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%99s %llu", word, &value) == 2 && !strcmp(word, name))
			sum += value;
	if (file)
		fclose(file);
	return sum;
}

/* Raw packets. */

static int raw_socket(int protocol)
{
	int fd = socket(AF_INET, SOCK_RAW, protocol), none = 0, on = 1;

	if (fd < 0)
		bail("a raw socket opens: %s", strerrorname_np(errno));
	/* What it would receive is not wanted. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &none, sizeof(none));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	return fd;
}

static void common(uint8_t *p, uint8_t type, unsigned int from, unsigned int to, uint64_t id)
{
	memset(p, 0, COMMON);
	put_be(p, from, 2);
	put_be(p + 2, to, 2);
	p[11] = type;
	p[12] = 5 << 4;
	put_be(p + 20, id, 8);
}

static void fire(int fd, const char *host, const uint8_t *p, size_t length)
{
	union address to = address_of(host, 0);

	if (sendto(fd, p, length, 0, &to.sa, sizeof(to.in4)) != (ssize_t)length)
		bail("a packet is sent to %s: %s", host, strerrorname_np(errno));
}

/* DATA: bytes [@offset, @offset + @bytes) of request @id, which has @length. */
static void fire_data(int fd, const char *host, uint64_t id, uint32_t length, uint32_t offset,
		      uint32_t bytes)
{
	uint8_t p[HEADER + 1500] = { 0 };

	common(p, 0x10, CLIENT_PORT, PORT, id);
	p[12] = 14 << 4;
	put_be(p + 28, length, 4);
	put_be(p + 32, length, 4);
	put_be(p + 52, offset, 4);
	memcpy(p + HEADER, data + offset, bytes);
	fire(fd, host, p, HEADER + bytes);
}

/* An even number higher than all before. */
static uint64_t new_id(void)
{
	static uint64_t last;

	last = last ? last + 2 : now_ns() & 0xfffffffffffeull;
	return last;
}

/* Programs. */

/* A label of IPv6 flows that a socket has is free again with it. */
static void labels(void)
{
	struct {
		struct in6_addr destination;
		uint32_t label;
		uint8_t action, share;
		uint16_t flags, expires, linger;
		uint32_t unused;
	} ask = { .label = htonl(0x12345), .share = 1, .flags = 1 };
	struct endpoint e = endpoint_must(AF_INET6, 0, 0);
	FILE *file;
	char line[200];
	unsigned int label, share, owner, users, found = 0, used = 0;

	ask.destination = address_of("::1", 0).in6.sin6_addr;
	is(setsockopt(e.fd, IPPROTO_IPV6, 32, &ask, sizeof(ask)), 0, "a flow label is taken");
	endpoint_close(&e);
	usleep(100000);	/* a grace period */
	file = fopen("/proc/net/ip6_flowlabel", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%x %u %u %u", &label, &share, &owner, &users) == 4 &&
		    label == 0x12345) {
			found++;
			used += users;
		}
	}
	if (file)
		fclose(file);
	ok(found && !used, "and is not in use when the socket is closed");
}

static void send_fd(int to, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec piece = { .iov_base = "1", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(to, &msg, 0) != 1)
		_exit(1);
}

static int receive_fd(int from)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec piece = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	int fd = -1;

	if (recvmsg(from, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/*
 * Where messages go is said by the process that sets the region. Another one with more rights that
 * gets hold of the socket must not have its memory written to at places that it did not choose.
 */
static void regions(void)
{
	char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	struct homa_rcvbuf_args args = { .start = (uintptr_t)memory, .length = 1 << 20 };
	struct endpoint client = endpoint_must(AF_INET, 0, 4), server = { .fd = -1 };
	union address to = address_of("127.0.0.1", PORT);
	struct pollfd in = { .events = POLLIN };
	struct message m = { 0 };
	int pair[2], status;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		bail("a pair of sockets opens");
	child = fork();
	if (!child) {
		struct endpoint e;

		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534) ||
		    endpoint_open(&e, AF_INET, PORT, 0) ||
		    setsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args)))
			_exit(1);
		send_fd(pair[0], e.fd);
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(!status, "a user without rights opens a socket and hands it on");
	server.fd = receive_fd(pair[1]);
	server.memory = memory;
	server.length = 1 << 20;
	send_request(&client, &to, "overwritten", 11, NULL);
	in.fd = server.fd;
	poll(&in, 1, 5000);
	fails(receive(&server, &m, 0, MSG_DONTWAIT), EPERM,
	      "root does not receive into its region");
	ok(!*memory, "and its own memory there is as before");
	close(server.fd);
	close(pair[0]);
	close(pair[1]);
	endpoint_close(&client);
	munmap(memory, 1 << 20);
}

/* A page that is not there before someone says so. */
struct absent {
	int fd;
	char *page;
};

static struct absent absent_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct absent a;

	a.fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	a.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)a.page;
	range.range.len = 4096;
	if (a.fd < 0 || ioctl(a.fd, UFFDIO_API, &api) || ioctl(a.fd, UFFDIO_REGISTER, &range))
		bail("userfaultfd works: %s", strerrorname_np(errno));
	return a;
}

static void let_appear(struct absent *a)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)a->page, 4096 } };

	ioctl(a->fd, UFFDIO_ZEROPAGE, &zero);
	close(a->fd);
}

struct slow_send {
	const struct endpoint *e;
	const union address *to;
	const char *page;
	long result;
};

static void *send_slowly(void *arg)
{
	struct slow_send *s = arg;

	s->result = send_request(s->e, s->to, s->page, 3000, NULL);
	return NULL;
}

/* A peer is not forgotten between the beginning and the end of a call that sends to it. */
static void forgotten(void)
{
	struct endpoint client = endpoint_must(AF_INET, 0, 16);
	struct endpoint server = endpoint_must(AF_INET, PORT, 16);
	union address to = address_of("127.0.0.1", PORT), other = address_of("127.0.0.2", PORT);
	struct absent page = absent_page();
	struct slow_send s = { .e = &client, .to = &to, .page = page.page };
	uint64_t collected = sum_of("/proc/net/homa_metrics", "peers_collected");
	struct message request = { 0 }, m = { 0 };
	pthread_t thread;

	/* Every peer is forgotten as soon as it may be. */
	set("peer_gc_threshold", 0);
	set("peer_idle_secs_max", 0);
	set("peer_idle_secs_min", 0);
	pthread_create(&thread, NULL, send_slowly, &s);
	usleep(200000);	/* until it waits for the page */
	send_request(&client, &other, "other", 5, NULL);
	receive(&server, &request, 0, 0);
	send_echo(&server, &request);
	receive(&client, &m, 0, 0);
	note("%d peers were forgotten meanwhile",
	     (int)(sum_of("/proc/net/homa_metrics", "peers_collected") - collected));
	let_appear(&page);
	pthread_join(thread, NULL);
	is(s.result, 0, "a request is sent by a call that takes long");
	is(receive(&server, &request, 0, 0), 3000, "it arrives");
	send_echo(&server, &request);
	is(receive(&client, &m, 0, 0), 3000, "and so does its response");
	set("peer_gc_threshold", 5000);
	set("peer_idle_secs_max", 120);
	set("peer_idle_secs_min", 10);
	endpoint_close(&client);
	endpoint_close(&server);
}

/* The memory of messages that are sent counts as that of who sends them. */
static void accounted(void)
{
	struct endpoint client, server = endpoint_must(AF_INET, PORT, 1);
	union address to = address_of("127.0.0.1", PORT);
	const unsigned int count = 30;
	uint64_t before, after;
	char line[100] = "0";
	unsigned int i;
	FILE *file;

	mkdir("/tmp/cgroup", 0755);
	if (mount("none", "/tmp/cgroup", "cgroup2", 0, NULL))
		bail("control groups are there: %s", strerrorname_np(errno));
	write_file("/tmp/cgroup/cgroup.subtree_control", "+memory%.0llu\n", 0);
	mkdir("/tmp/cgroup/sender", 0755);
	write_file("/tmp/cgroup/sender/cgroup.procs", "%llu\n", getpid());
	client = endpoint_must(AF_INET, 0, 1);
	for (i = 0; i < 2; i++) {
		unsigned int n;

		file = fopen("/tmp/cgroup/sender/memory.current", "r");
		if (!file || !fgets(line, sizeof(line), file))
			bail("memory is counted: %s", strerrorname_np(errno));
		fclose(file);
		if (i)
			after = strtoull(line, NULL, 10);
		else
			before = strtoull(line, NULL, 10);
		for (n = 0; !i && n < count; n++)
			if (send_request(&client, &to, data, sizeof(data), NULL))
				bail("a long request is sent: %s", strerrorname_np(errno));
	}
	note("%llu bytes for %u requests", (unsigned long long)(after - before), count);
	ok(after - before > count * sizeof(data) / 2,
	   "memory of messages is counted in the control group of their sender");
	endpoint_close(&client);
	endpoint_close(&server);
	usleep(200000);
	write_file("/tmp/cgroup/cgroup.procs", "%llu\n", getpid());
	rmdir("/tmp/cgroup/sender");
	write_file("/tmp/cgroup/cgroup.subtree_control", "-memory%.0llu\n", 0);
	umount("/tmp/cgroup");
}

/* Hosts. */

/* A request to all hosts must be answered by none. */
static void broadcast(void)
{
	struct endpoint server = endpoint_must(AF_INET, PORT, 4);
	int fd = raw_socket(IPPROTO_HOMA);
	struct message m = { 0 };

	fire_data(fd, "127.255.255.255", new_id(), 10, 0, 10);
	usleep(100000);
	fails(receive(&server, &m, 0, MSG_DONTWAIT), EAGAIN, "a request to all hosts is not taken");
	fire_data(fd, "127.0.0.1", new_id(), 10, 0, 10);
	is(receive(&server, &m, 0, 0), 10, "as one to this host is");
	close(fd);
	endpoint_close(&server);
}

/* Packets with a byte each must not take much more memory than the bytes are worth. */
static void crumbs(void)
{
	struct endpoint server = endpoint_must(AF_INET, PORT, 16);
	struct endpoint client = endpoint_must(AF_INET, 0, 16);
	union address to = address_of("127.0.0.1", PORT);
	int fd = raw_socket(IPPROTO_HOMA);
	const unsigned int count = 20000;
	uint64_t before, after, id = new_id();
	const char *kernel = getenv("KERNEL");
	/* kB; in buffers of their own, of 1 kB at least, they would take twice that. KASAN pads. */
	unsigned int i, most = kernel && !strcmp(kernel, "debug") ? 20000 : 10000;

	/* The kernel's own client knows nothing of these requests, and would say so if asked. */
	set("resend_ticks", 5000);
	before = sum_of("/proc/meminfo", "Slab:");
	for (i = 0; i < count; i++)
		fire_data(fd, "127.0.0.1", id, 30000, i, 1);
	after = sum_of("/proc/meminfo", "Slab:");
	note("%llu kB for %u packets of one byte", (unsigned long long)(after - before), count);
	ok(after < before + most, "bytes that come one by one do not take the machine's memory");
	set("resend_ticks", 5);
	close(fd);
	endpoint_close(&server);
	server = endpoint_must(AF_INET, PORT, 16);
	ok(echoed(&client, &server, &to, 100000), "and RPCs work after it");
	endpoint_close(&client);
	endpoint_close(&server);
}

/*
 * Time, ns, for requests whose ids are @step apart. All but a few must be taken: while the table of
 * RPCs grows, it may refuse one.
 */
static uint64_t requests(unsigned int count, uint64_t first, uint64_t step)
{
	struct endpoint server = endpoint_must(AF_INET, PORT, 16);
	int fd = raw_socket(IPPROTO_HOMA);
	struct pollfd in = { .fd = server.fd, .events = POLLIN };
	uint64_t start = now_ns(), took;
	struct message m = { 0 };
	unsigned int i, taken = 0;

	for (i = 0; i < count; i++)
		fire_data(fd, "127.0.0.1", first + i * step, 1, 0, 1);
	took = now_ns() - start;
	/* On a busy machine the last ones may be a while in coming. */
	while (poll(&in, 1, 300) > 0 && receive(&server, &m, 0, MSG_DONTWAIT) > 0)
		taken++;
	ok(taken > count - count / 50, "requests with ids %#llx apart are taken: %u of %u",
	   (unsigned long long)step, taken, count);
	close(fd);
	endpoint_close(&server);
	return took;
}

/* Ids of RPCs that were chosen so that they are hard to tell apart. */
static void collisions(void)
{
	const unsigned int count = 5000;
	uint64_t plain, chosen;

	set("resend_ticks", 5000);
	plain = requests(count, new_id(), 2);
	chosen = requests(count, new_id(), 1ull << 48);
	note("%u requests: %llu ms, with ids that were chosen: %llu ms", count,
	     (unsigned long long)plain / 1000000, (unsigned long long)chosen / 1000000);
	ok(chosen < 3 * plain, "no choice of ids makes RPCs slow to find");
	set("resend_ticks", 5);
}

/* Requests of whom ever, more than a host will hold: those beyond come when others have ended. */
static void crowds(void)
{
	struct endpoint client = endpoint_must(AF_INET, 0, 16);
	struct endpoint server = endpoint_must(AF_INET, PORT, 64);
	union address to = address_of("127.0.0.1", PORT);
	unsigned int i, sent = 0, held = 0, rounds = 0, ended = 0;
	const unsigned int most = 50, all = 180;
	struct message request[50] = { 0 }, m = { 0 };

	set("max_served_rpcs", most);
	for (i = 0; i < all; i++)
		sent += !send_request(&client, &to, "hello", 5, NULL);
	is(sent, all, "more requests are sent than the server's host may hold");
	usleep(100000);
	while (held < most && receive(&server, &request[held], 0, MSG_DONTWAIT) == 5)
		held++;
	is(held, most, "as many as it may arrive");
	fails(receive(&server, &m, 0, MSG_DONTWAIT), EAGAIN, "and no more");
	for (i = 0; i < held; i++)
		send_echo(&server, &request[i]);
	for (; ended < all && rounds < 3000; rounds++) {
		while (receive(&server, &m, 0, MSG_DONTWAIT) == 5)
			send_echo(&server, &m);
		while (receive(&client, &m, 0, MSG_DONTWAIT) == 5)
			ended++;
		usleep(1000);
	}
	is(ended, all, "the others arrive later");
	set("max_served_rpcs", 100000);
	endpoint_close(&client);
	endpoint_close(&server);
}

static unsigned int rpcs_of(const struct endpoint *e)
{
	struct homa_info info = { 0 };

	if (ioctl(e->fd, HOMAIOCINFO, &info))
		bail("HOMAIOCINFO: %s", strerrorname_np(errno));
	return info.num_rpcs;
}

/* Requests that wait for room, and of which later packets say that they have another length. */
static void lengths(void)
{
	struct endpoint server = endpoint_must(AF_INET, PORT, 3);
	struct endpoint client = endpoint_must(AF_INET, 0, 16);
	union address to = address_of("127.0.0.1", PORT);
	const uint32_t two_pages = 2 * HOMA_BPAGE_SIZE, packet = 1400;
	int fd = raw_socket(IPPROTO_HOMA), least = 1;
	unsigned int i;

	/* Two packets of requests that wait, and it is full. */
	setsockopt(server.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	set("resend_ticks", 200);
	/* One gets its room, others wait; the first packets of the last of them are not kept. */
	for (i = 0; i < 5; i++)
		fire_data(fd, "127.0.0.1", new_id(), two_pages, 0, packet);
	for (i = 0; i < 5; i++) {
		uint64_t id = new_id();

		fire_data(fd, "127.0.0.1", id, two_pages, 0, packet);
		fire_data(fd, "127.0.0.1", id, 2 * packet, 0, packet);
	}
	ok(rpcs_of(&server) > 5, "requests wait for room");
	set("resend_ticks", 5);
	/* Each is asked for when there is room, and its client knows nothing of it. */
	for (i = 0; i < 100 && rpcs_of(&server); i++)
		usleep(20000);
	is(rpcs_of(&server), 0, "all of them come to an end, whatever length they claimed");
	ok(echoed(&client, &server, &to, 100000), "and their room is there again");
	close(fd);
	endpoint_close(&client);
	endpoint_close(&server);
}

/* Time, ns, to end the client's half of a socket's RPCs, which it issues to itself. */
static uint64_t ending(unsigned int rpcs)
{
	struct endpoint both = endpoint_must(AF_INET, PORT, 4);
	union address to = address_of("127.0.0.1", PORT);
	struct homa_abort_args all = { 0 };
	unsigned int i, sent = 0, there = 0, before;
	uint64_t start, took;

	for (i = 0; i < rpcs; i++)
		sent += !send_request(&both, &to, "hello", 5, NULL);
	/* Until all have arrived. */
	do {
		before = there;
		usleep(20000);
		there = rpcs_of(&both);
	} while (there != before);
	start = now_ns();
	is(ioctl(both.fd, HOMAIOCABORT, &all), 0, "%u of %u RPCs are ended", sent, there);
	took = now_ns() - start;
	/* A server's RPC ends, too, when its client is asked and knows it no longer. */
	ok(rpcs_of(&both) <= rpcs, "only others are left");
	endpoint_close(&both);
	return took;
}

/* To end some of a socket's RPCs must not take the longer for each, the more others there are. */
static void endings(void)
{
	uint64_t few, many;

	set("resend_ticks", 5000);
	few = ending(1000);
	many = ending(8000);
	note("1000 RPCs: %llu ms, 8000: %llu ms", (unsigned long long)few / 1000000,
	     (unsigned long long)many / 1000000);
	ok(many < 24 * few, "to end eight times as many takes some eight times as long");
	set("resend_ticks", 5);
}

/* An ICMP error as it goes over the wire, behind its IP header. */
struct icmp_error {
	struct icmphdr icmp;
	struct iphdr ip;
	uint8_t homa[COMMON];
};

/* Say that the destination is unreachable, quoting so many bytes of a packet's Homa header. */
static void fire_error(int fd, struct icmp_error *p, unsigned int code, size_t bytes)
{
	size_t length = sizeof(*p) - COMMON + bytes, i;
	uint32_t sum = 0;

	p->icmp.type = ICMP_DEST_UNREACH;
	p->icmp.code = code;
	p->icmp.un.frag.mtu = code == ICMP_FRAG_NEEDED ? htons(1000) : 0;
	p->icmp.checksum = 0;
	for (i = 0; i < length; i += 2)
		sum += ((uint8_t *)p)[i] << 8 | ((uint8_t *)p)[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	p->icmp.checksum = htons(~((sum & 0xffff) + (sum >> 16)));
	fire(fd, "127.0.0.1", (uint8_t *)p, length);
}

/* As a router would have made it of a packet between hosts of 127.0.0.1. */
static struct icmp_error icmp_error(void)
{
	struct icmp_error p = { 0 };

	p.ip.version = 4;
	p.ip.ihl = 5;
	p.ip.tot_len = htons(sizeof(p.ip) + 200);
	p.ip.ttl = 64;
	p.ip.protocol = IPPROTO_HOMA;
	p.ip.saddr = htonl(INADDR_LOOPBACK);
	p.ip.daddr = htonl(INADDR_LOOPBACK);
	return p;
}

/* Time, ns, for errors about ports that no RPC has. */
static uint64_t flood(int fd, unsigned int count)
{
	struct icmp_error p = icmp_error();
	uint64_t start = now_ns();

	common(p.homa, 0x10, 2, 1, 0x123456);
	while (count--)
		fire_error(fd, &p, ICMP_PORT_UNREACH, SHORT_QUOTE);
	return now_ns() - start;
}

/* Errors must not cost more the more RPCs there are: they are looked at where they arrive. */
static void floods(void)
{
	struct endpoint client = endpoint_must(AF_INET, 0, 4);
	struct endpoint server = endpoint_must(AF_INET, PORT, 64);
	union address to = address_of("127.0.0.1", PORT);
	const unsigned int rpcs = 4000, errors = 2000;
	int fd = raw_socket(IPPROTO_ICMP);
	struct message m = { 0 };
	uint64_t without, with;
	unsigned int i, sent = 0;

	set("resend_ticks", 5000);
	without = flood(fd, errors);
	for (i = 0; i < rpcs; i++)
		sent += !send_request(&client, &to, "hello", 5, NULL);
	is(sent, rpcs, "many requests are sent");
	with = flood(fd, errors);
	note("%u errors: %llu ms, with %u RPCs: %llu ms", errors,
	     (unsigned long long)without / 1000000, rpcs, (unsigned long long)with / 1000000);
	ok(with < 8 * without, "errors that were made up take no longer with many RPCs");
	is(receive(&server, &m, 0, 0), 5, "and end none");
	set("resend_ticks", 5);
	close(fd);
	endpoint_close(&client);
	endpoint_close(&server);
}

/* Errors about packets that were never sent. */
static void errors(void)
{
	struct endpoint client = endpoint_must(AF_INET, 0, 4);
	struct endpoint server = endpoint_must(AF_INET, PORT, 4);
	union address to = address_of("127.0.0.1", PORT);
	int fd = raw_socket(IPPROTO_ICMP);
	struct message request = { 0 }, m = { 0 };
	struct icmp_error p = icmp_error();
	unsigned int code;

	is(send_request(&client, &to, "hello", 5, NULL), 0, "a request is sent");
	is(receive(&server, &request, 0, 0), 5, "and arrives");
	for (code = 0; code < 16; code++) {
		/* Who quotes little must name two ports; who quotes all, an RPC. */
		common(p.homa, 0x10, endpoint_port(&client) ^ 1, PORT, 0x123456);
		fire_error(fd, &p, code, SHORT_QUOTE);
		common(p.homa, 0x10, endpoint_port(&client), PORT, 0x123456);
		fire_error(fd, &p, code, COMMON);
	}
	send_echo(&server, &request);
	is(receive(&client, &m, 0, 0), 5,
	   "errors about packets that were never sent do not end RPCs");
	is(send_request(&client, &to, "hello", 5, NULL), 0, "another one is sent");
	fire_error(fd, &p, ICMP_PORT_UNREACH, SHORT_QUOTE);
	fails(receive(&client, &m, 0, 0), ENOTCONN, "an error about it may quote its ports alone");
	close(fd);
	endpoint_close(&client);
	endpoint_close(&server);
}

static const struct test {
	const char *name;
	void (*run)(void);
	const char *what;
} tests[] = {
	{ "labels", labels, "IPv6 flow labels of closed sockets" },
	{ "regions", regions, "receive regions of another user" },
	{ "forgotten", forgotten, "peers forgotten while a program sends to them" },
	{ "accounted", accounted, "memory of messages in control groups" },
	{ "broadcast", broadcast, "requests to all hosts" },
	{ "crumbs", crumbs, "requests that come byte by byte" },
	{ "lengths", lengths, "requests that change their length while they wait for room" },
	{ "collisions", collisions, "ids of RPCs that are hard to tell apart" },
	{ "crowds", crowds, "more requests than a host will hold" },
	{ "endings", endings, "the end of half of a socket's RPCs" },
	{ "errors", errors, "ICMP errors out of nothing" },
	{ "floods", floods, "many ICMP errors out of nothing, beside many RPCs" },
};

int main(int argc, char **argv)
{
	size_t i;
	int n;

	for (n = 1; n < argc; n++) {
		for (i = 0; i < ARRAY_SIZE(tests) && strcmp(argv[n], tests[i].name); i++)
			;
		if (i < ARRAY_SIZE(tests))
			continue;
		fputs("Usage: abuse [TEST ...]\n"
		      "What others must not do to a host with the module. All tests by default:\n",
		      stdout);
		for (i = 0; i < ARRAY_SIZE(tests); i++)
			printf("  %-10s %s\n", tests[i].name, tests[i].what);
		puts("  --help     show this");
		return strcmp(argv[n], "--help") ? 2 : 0;
	}
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		for (n = 1; n < argc && strcmp(argv[n], tests[i].name); n++)
			;
		if (argc > 1 && n == argc)
			continue;
		note("%s: %s", tests[i].name, tests[i].what);
		within(30, tests[i].what);
		tests[i].run();
		within(0, "the next test");
	}
	return done();
}
