// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * homa-sockets: lists the Homa sockets of all processes, as ss does those of other protocols.
 *
 * Sockets are found among the descriptors in /proc. Those of Homa, by the name of their protocol,
 * and no others, are duplicated (pidfd_getfd()) and asked with HOMAIOCINFO, which waits for nothing
 * and changes nothing. Processes and descriptors that go away meanwhile are left out.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "homa.h"

#define PRESENT "/proc/net/homa_metrics"	/* when the module is loaded */
#define MOST_RPCS 10000000			/* shown of a socket */

struct user {
	int pid, fd;
	char name[32];
};

struct entry {
	ino_t inode, netns;
	int family, server;
	__u64 region, used;	/* bytes */
	__u64 out, in;	/* bytes not yet sent, not yet received */
	struct homa_info info;
	struct homa_rpc_info *rpc;
	size_t rpcs, users;	/* in rpc; in user */
	struct user *user;
};

static struct entry *entries;
static size_t count;
static size_t hidden;		/* processes that could not be looked into */
static ino_t our_netns;
static bool failed;

static bool opt[128];		/* options given, by letter */
static unsigned long only_port;	/* 0: all */

static __attribute__((format(printf, 1, 2))) void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("homa-sockets: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	failed = true;
}

/* Room for one element more. */
static void *grown(void *array, size_t elements, size_t size)
{
	array = realloc(array, (elements + 1) * size);
	if (!array) {
		complain("no memory");
		exit(1);
	}
	return array;
}

/* The start of the first line of a file below /proc, "" when there is none. */
static void first_line(char *to, int size, int pid, const char *file)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	if (!f || !fgets(to, size, f))
		to[0] = 0;
	if (f)
		fclose(f);
	to[strcspn(to, "\n")] = 0;
}

static void add_user(struct entry *e, int pid, int fd)
{
	struct user u = { .pid = pid, .fd = fd };
	char *c;

	first_line(u.name, sizeof(u.name), pid, "comm");
	/* A process may choose any bytes. */
	for (c = u.name; *c; c++)
		if (!isprint((unsigned char)*c) || *c == '"')
			*c = '?';
	e->user = grown(e->user, e->users, sizeof(u));
	e->user[e->users++] = u;
}

/* Without rights over the socket's namespace: that of its process, which is rarely another. */
static ino_t netns_of(int fd, int pid)
{
	int ns = ioctl(fd, SIOCGSKNS);
	struct stat st = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (ns < 0 || fstat(ns, &st))
		stat(path, &st);
	close(ns);
	return st.st_ino;
}

/* All RPCs of a socket; there may be more from one call to the next. */
static bool get_info(int fd, struct entry *e)
{
	size_t room = 0;

	do {
		memset(&e->info, 0, sizeof(e->info));
		e->info.rpc_info = (uintptr_t)e->rpc;
		e->info.rpc_info_length = room * sizeof(*e->rpc);
		if (ioctl(fd, HOMAIOCINFO, &e->info))
			return false;
		e->rpcs = e->info.rpc_info_length / sizeof(*e->rpc);
		if (e->info.num_rpcs <= room)
			return true;
		room = 2 * e->info.num_rpcs;
		e->rpc = grown(e->rpc, room, sizeof(*e->rpc));
	} while (room < MOST_RPCS);
	return true;
}

static bool describe(int fd, int pid, struct entry *e)
{
	struct homa_rcvbuf_args region = { 0 };
	socklen_t length = sizeof(region), size = sizeof(int);
	const struct homa_rpc_info *rpc;

	if (!get_info(fd, e) ||
	    getsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, &length) ||
	    getsockopt(fd, IPPROTO_HOMA, SO_HOMA_SERVER, &e->server, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &e->family, &size))
		return false;
	e->region = region.length / HOMA_BPAGE_SIZE * HOMA_BPAGE_SIZE;
	if (e->region > e->info.bpool_avail_bytes)
		e->used = e->region - e->info.bpool_avail_bytes;
	e->netns = netns_of(fd, pid);
	for (rpc = e->rpc; rpc < e->rpc + e->rpcs; rpc++) {
		if (rpc->tx_length > 0 && rpc->tx_sent < (__u32)rpc->tx_length)
			e->out += rpc->tx_length - rpc->tx_sent;
		if (rpc->rx_length > 0)
			e->in += rpc->rx_remaining;
	}
	return true;
}

/* A descriptor of a process that was a Homa socket a moment ago. */
static void add_socket(int pid, int number, int fd)
{
	struct entry new = { 0 };
	socklen_t length = sizeof(int);
	int protocol = 0;
	struct stat st;
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) ||
	    protocol != IPPROTO_HOMA || fstat(fd, &st))
		return;
	for (i = 0; i < count && entries[i].inode != st.st_ino; i++)
		;
	if (i == count) {
		new.inode = st.st_ino;
		if (!describe(fd, pid, &new)) {
			complain("cannot ask process %d's descriptor %d: %m", pid, number);
			return;
		}
		entries = grown(entries, count, sizeof(*entries));
		entries[count++] = new;
	}
	add_user(&entries[i], pid, number);
}

/* Without touching the socket: the name that its protocol has. */
static bool is_homa(int pid, int fd)
{
	char path[64], name[16];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	/* "socket:[INODE]": nothing else is looked at. */
	if (readlink(path, name, sizeof(name)) < 8 || memcmp(name, "socket:[", 8))
		return false;
	return getxattr(path, "system.sockprotoname", name, sizeof(name)) >= 4 &&
	       !memcmp(name, "HOMA", 4);
}

static void look_into(int pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), number, fd;
	bool denied = false;
	struct dirent *d;
	char path[64];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	if (!fds && errno == EACCES) {
		/* The kernel's own threads have no command line, and no descriptors. */
		first_line(path, sizeof(path), pid, "cmdline");
		denied = path[0];
	}
	while (fds && pidfd >= 0 && (d = readdir(fds))) {
		number = atoi(d->d_name);
		if (d->d_name[0] == '.' || !is_homa(pid, number))
			continue;
		fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
		denied |= fd < 0 && errno != EBADF && errno != ESRCH;
		if (fd >= 0)
			add_socket(pid, number, fd);
		close(fd);
	}
	hidden += denied;
	close(pidfd);
	if (fds)
		closedir(fds);
}

/* Bytes, in full or as people read them. */
static const char *bytes(__u64 value)
{
	static char text[4][24];
	static unsigned int turn;
	char *to = text[turn++ % 4];
	const char *unit = "KMGT";
	double scaled = value / 1024.0;

	for (; scaled >= 999.95 && unit[1]; unit++)
		scaled /= 1024;
	if (opt['n'] || value < 10000)
		sprintf(to, "%llu", value);
	else
		sprintf(to, "%.1f%c", scaled, *unit);
	return to;
}

/* What an RPC waits for, as far as its numbers tell. */
static const char *state_of(const struct homa_rpc_info *rpc)
{
	bool client = !(rpc->id & 1);

	if (rpc->flags & HOMA_RPC_RX_READY)
		return "ready";
	if (rpc->flags & HOMA_RPC_BUF_STALL)
		return "no-room";
	if (rpc->rx_length >= 0 && (rpc->rx_remaining || client))
		return "receiving";
	if (rpc->tx_length > 0 && rpc->tx_sent < (__u32)rpc->tx_length)
		return "sending";
	return client ? "waiting" : rpc->tx_length < 0 ? "serving" : "sent";
}

static void print_rpc(const struct homa_rpc_info *rpc)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&rpc->peer;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&rpc->peer;
	bool v6 = rpc->peer.ss_family == AF_INET6;
	char address[INET6_ADDRSTRLEN] = "?", link[sizeof("%4294967295")] = "";

	/* The namespace, which has the link's name, may be another one. */
	if (v6 && in6->sin6_scope_id)
		snprintf(link, sizeof(link), "%%%u", in6->sin6_scope_id);
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr,
		  address, sizeof(address));
	printf(v6 ? "  %-9s %s id:%llu peer:[%s%s]:%u" : "  %-9s %s id:%llu peer:%s%s:%u",
	       state_of(rpc), rpc->id & 1 ? "server" : "client", rpc->id, address, link,
	       ntohs(v6 ? in6->sin6_port : in->sin_port));
	if (rpc->tx_length >= 0)
		printf(" tx:%s/%s tx_granted:%s tx_prio:%u", bytes(rpc->tx_sent),
		       bytes(rpc->tx_length), bytes(rpc->tx_granted), rpc->tx_prio);
	if (rpc->rx_length >= 0)
		printf(" rx:%s/%s rx_granted:%s rx_gaps:%u rx_gap_bytes:%s",
		       bytes(rpc->rx_length - rpc->rx_remaining), bytes(rpc->rx_length),
		       bytes(rpc->rx_granted), rpc->rx_gaps, bytes(rpc->rx_gap_bytes));
	if (!(rpc->id & 1))
		printf(" cookie:%llu", rpc->completion_cookie);
	printf("%s%s\n", rpc->flags & HOMA_RPC_PRIVATE ? " private" : "",
	       rpc->flags & HOMA_RPC_RX_COPY ? " copy" : "");
}

static void print_socket(const struct entry *e)
{
	size_t i;

	printf("%-6s %5u %-6s %8s %8s %6u %8s %8s  users:(",
	       e->family == AF_INET6 ? "ipv6" : "ipv4", e->info.port,
	       e->server ? "server" : "client", bytes(e->used), bytes(e->region),
	       e->info.num_rpcs, bytes(e->out), bytes(e->in));
	for (i = 0; i < e->users; i++)
		printf("%s(\"%s\",pid=%d,fd=%d)", i ? "," : "", e->user[i].name,
		       e->user[i].pid, e->user[i].fd);
	putchar(')');
	if (opt['N'] || e->netns != our_netns)
		printf(" netns:%lu", (unsigned long)e->netns);
	putchar('\n');
	if (opt['r'] && e->info.error_msg[0])
		printf("  last error: %.*s\n", HOMA_ERROR_MSG_SIZE, e->info.error_msg);
	for (i = 0; opt['r'] && i < e->rpcs; i++)
		print_rpc(&e->rpc[i]);
}

static bool wanted(const struct entry *e)
{
	return (opt['4'] == opt['6'] || opt[e->family == AF_INET6 ? '6' : '4']) &&
	       (!opt['l'] || e->server) && (!opt['p'] || e->info.port == only_port);
}

static int by_port(const void *a, const void *b)
{
	return ((struct entry *)a)->info.port - ((struct entry *)b)->info.port;
}

static const char usage[] =
"Usage: homa-sockets [OPTION]...\n"
"List the Homa sockets of all processes: receive region used and whole, RPCs, bytes of their\n"
"messages that are yet to be sent (out) and received (in), and their processes. Root sees all,\n"
"others those of their own processes.\n\n"
"  -r, --rpcs       each socket's RPCs, too, one a line, and what last failed\n"
"  -n, --numeric    all digits of byte counts\n"
"  -4, --ipv4       only IPv4 sockets\n"
"  -6, --ipv6       only IPv6 sockets\n"
"  -l, --servers    only sockets that take requests\n"
"  -p, --port=PORT  only sockets with this port\n"
"  -N, --netns      the network namespace's inode also when it is our own\n"
"  -H, --no-header  no line of headings\n"
"  -h, --help       this text\n\n"
"Exit status: 0 listed, 1 failed or the module is not loaded, 2 bad usage.\n";

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rpcs", 0, NULL, 'r' }, { "numeric", 0, NULL, 'n' }, { "ipv4", 0, NULL, '4' },
		{ "ipv6", 0, NULL, '6' }, { "servers", 0, NULL, 'l' }, { "port", 1, NULL, 'p' },
		{ "netns", 0, NULL, 'N' }, { "no-header", 0, NULL, 'H' },
		{ "help", 0, NULL, 'h' }, { 0 }
	};
	char *end = "";
	int letter;

	while ((letter = getopt_long(argc, argv, "rn46lp:NHh", longs, NULL)) >= 0) {
		opt[letter] = true;
		if (letter == 'p')
			only_port = strtoul(optarg, &end, 10);
	}
	if (optind < argc)
		complain("'%s' is no option", argv[optind]);
	if (*end || (opt['p'] && (only_port < 1 || only_port > 65535)))
		complain("a port is a number from 1 to 65535");
	if (failed || opt['?'] || opt['h']) {
		fputs(usage, opt['h'] ? stdout : stderr);
		exit(opt['h'] ? 0 : 2);
	}
}

int main(int argc, char **argv)
{
	struct dirent *d;
	DIR *processes;
	size_t i;

	parse(argc, argv);
	if (access(PRESENT, F_OK)) {
		complain("the module is not loaded: modprobe homa, or insmod homa.ko");
		return 1;
	}
	our_netns = netns_of(-1, getpid());
	processes = opendir("/proc");
	while (processes && (d = readdir(processes)))
		if (atoi(d->d_name) > 0)
			look_into(atoi(d->d_name));
	if (count)
		qsort(entries, count, sizeof(*entries), by_port);
	if (!opt['H'])
		printf("%-6s %5s %-6s %8s %8s %6s %8s %8s  %s\n", "Family", "Port", "Role", "Used",
		       "Region", "RPCs", "Out", "In", "Processes");
	for (i = 0; i < count; i++)
		if (wanted(&entries[i]))
			print_socket(&entries[i]);
	if (fflush(stdout) || ferror(stdout))
		complain("cannot write: %m");
	if (hidden)
		fprintf(stderr, "homa-sockets: %zu processes could not be looked into: %s\n",
			hidden, "only root sees all");
	return failed;
}
