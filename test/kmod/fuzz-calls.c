// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Random system calls with random arguments on Homa sockets, from several processes at once, each
 * with threads that share its sockets and change the memory under them, and with children that
 * inherit both; two of the processes live in a network namespace of their own, and the module's
 * parameters change meanwhile. Most arguments are nearly right, so that calls get far; the rest is
 * garbage. The kernel must survive, and RPCs must work afterwards. A seed repeats the calls, though
 * not their timing.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../net/prng.h"
#include "rpc.h"
#include "tap.h"

#define PROCESSES 4
#define THREADS 2		/* of each; one more changes memory */
#define SOCKETS 8
#define IDS 16
#define PORT 4300		/* and a few above */
#define REGION (8u << 20)	/* bytes, of a process's memory for messages */

static const char usage[] =
	"Usage: fuzz-calls [OPTION ...]\n"
	"Makes random system calls on Homa sockets.\n"
	"  --seconds N  how long (10)\n"
	"  --seed N     of the first process; the others count on (from the clock)\n"
	"  --help       show this\n";

/* One process. Its threads use each other's sockets and memory, without any order. */
static struct {
	int fd[SOCKETS];
	int epoll;
	char *region;
	char *data;		/* readable, a whole message */
	pthread_t thread[THREADS];
} me;

/* One thread of it. */
static __thread struct {
	struct prng prng;
	uint64_t id[IDS];	/* seen lately */
	struct homa_recvmsg_args last;	/* bpages to give back */
	uint64_t calls, right;	/* made, and those that did not fail */
} my;

static uint64_t below(uint64_t bound)
{
	return prng_below(&my.prng, bound);
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* Numbers at which things break. */
static uint64_t odd_number(void)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 7, 8, 16, 17, 24, 88, 4095, 4096, 65535, 65536, 65537, 999999, 1000000,
		1000001, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xffff800000000000, 0xffffffffffffffff,
	};

	if (one_in(4))
		return prng_next(&my.prng);
	return numbers[below(ARRAY_SIZE(numbers))];
}

static void *odd_pointer(void)
{
	switch (below(6)) {
	case 0:
		return NULL;
	case 1:
		return me.region + below(REGION);
	case 2:
		return me.data + HOMA_MAX_MESSAGE_LENGTH - below(16);
	case 3:
		return (void *)(uintptr_t)0xffff888000000000ull;
	case 4:
		return (void *)((uintptr_t)sbrk(0) - 4 + below(8));
	default:
		return (void *)(uintptr_t)odd_number();
	}
}

static int any_fd(void)
{
	return me.fd[below(SOCKETS)];
}

static uint64_t any_id(void)
{
	uint64_t id = my.id[below(IDS)];

	if (one_in(20))
		return odd_number();
	return one_in(8) ? id ^ 1 : id;
}

static void saw_id(uint64_t id)
{
	if (id)
		my.id[below(IDS)] = id;
}

static size_t any_length(void)
{
	if (one_in(16))
		return below(HOMA_MAX_MESSAGE_LENGTH + 10);
	if (one_in(4))
		return below(20000);
	return below(200);
}

static socklen_t any_address(union address *a)
{
	static const char *const hosts[] = {
		"127.0.0.1", "127.0.0.1", "::1", "::1", "::ffff:127.0.0.1",
		"127.0.0.2", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "fe80::1",
		"203.0.113.1",
	};
	unsigned int port = one_in(20) ? odd_number() & 0xffff : PORT + below(4);
	socklen_t length;

	*a = address_of(hosts[below(one_in(10) ? 13 : 5)], port);
	length = address_length(a);
	if (one_in(30))
		a->sa.sa_family = odd_number();
	if (one_in(30))
		length = below(sizeof(*a) + 8);
	return length;
}

static int count(long result)
{
	my.calls++;
	my.right += result >= 0;
	return result;
}

static void call_bind(void)
{
	union address a;
	socklen_t length = any_address(&a);

	if (one_in(2))
		a = address_of(one_in(2) ? "0.0.0.0" : "::", PORT + below(4));
	count(bind(any_fd(), one_in(30) ? odd_pointer() : &a, length));
}

static void call_setsockopt(void)
{
	struct homa_rcvbuf_args region = {
		.start = (uintptr_t)me.region + (one_in(4) ? below(REGION) : below(64) * 4096),
		.length = one_in(8) ? odd_number() : below(REGION),
	};
	int number = one_in(4) ? (int)odd_number() : (int)below(2);
	int level = one_in(10) ? (int)below(256) : IPPROTO_HOMA;
	int option = one_in(4) ? (int)below(64) : SO_HOMA_RCVBUF + (int)below(2);

	if (level == IPPROTO_HOMA && option == SO_HOMA_RCVBUF && !one_in(10))
		count(setsockopt(any_fd(), level, option, &region, sizeof(region)));
	else
		count(setsockopt(any_fd(), level, option, one_in(8) ? odd_pointer() : &number,
				 one_in(4) ? below(40) : sizeof(number)));
}

static void call_getsockopt(void)
{
	char value[64];
	socklen_t length = one_in(4) ? (socklen_t)odd_number() : below(sizeof(value));
	int level = one_in(10) ? (int)below(256) : IPPROTO_HOMA;
	int option = one_in(4) ? (int)below(64) : SO_HOMA_RCVBUF + (int)below(2);

	if (length > sizeof(value))
		length = one_in(2) ? sizeof(value) : 0xffffffff;
	count(getsockopt(any_fd(), level, option, one_in(8) ? odd_pointer() : value, &length));
}

static void call_sendmsg(void)
{
	struct homa_sendmsg_args args = {
		.id = one_in(2) ? any_id() : 0,
		.completion_cookie = one_in(2) ? 0 : odd_number(),
		.flags = one_in(10) ? odd_number() : below(2),
		.reserved = one_in(20) ? odd_number() : 0,
	};
	union address to;
	socklen_t to_length = any_address(&to);
	struct iovec pieces[8];
	struct msghdr msg = {
		.msg_name = one_in(30) ? odd_pointer() : &to,
		.msg_namelen = to_length,
		.msg_iov = one_in(60) ? odd_pointer() : pieces,
		.msg_iovlen = below(8),
		.msg_control = one_in(30) ? odd_pointer() : &args,
		.msg_controllen = one_in(30) ? odd_number() : 0,
	};
	size_t length = any_length();
	int flags = one_in(10) ? odd_number() : one_in(2) ? MSG_DONTWAIT : 0;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		pieces[i].iov_base = one_in(60) ? odd_pointer() : me.data;
		pieces[i].iov_len = one_in(60) ? odd_number() : length / (i + 1);
	}
	if (!count(sendmsg(any_fd(), &msg, flags)))
		saw_id(args.id);
}

static void call_recvmsg(void)
{
	struct homa_recvmsg_args args = my.last;
	union address from;
	struct msghdr msg = {
		.msg_name = one_in(30) ? odd_pointer() : &from,
		.msg_namelen = one_in(30) ? odd_number() : sizeof(from),
		.msg_control = one_in(30) ? odd_pointer() : &args,
		.msg_controllen = one_in(30) ? below(128) : sizeof(args),
	};
	int fd = any_fd();
	int flags = one_in(16) ? 0 : MSG_DONTWAIT;

	if (one_in(20))
		flags |= odd_number();
	args.id = one_in(4) ? any_id() : 0;
	args.reserved = one_in(30) ? odd_number() : 0;
	if (one_in(20))
		args.num_bpages = one_in(2) ? odd_number() : below(20);
	if (one_in(20))
		args.bpage_offsets[below(16)] = odd_number();
	if (count(recvmsg(fd, &msg, flags)) < 0) {
		args.num_bpages = 0;
		my.last = args;
		return;
	}
	saw_id(args.id);
	my.last = args;
	if (args.id & 1 && !one_in(10)) {
		struct homa_sendmsg_args reply = { .id = args.id };
		struct iovec piece = { me.data, any_length() };

		msg.msg_iov = &piece;
		msg.msg_iovlen = 1;
		msg.msg_control = &reply;
		msg.msg_controllen = 0;
		count(sendmsg(fd, &msg, MSG_DONTWAIT));
	}
}

static void call_ioctl(void)
{
	struct homa_rpc_info rpcs[4];
	struct homa_info info = {
		.rpc_info = one_in(10) ? (uintptr_t)odd_pointer() : (uintptr_t)rpcs,
		.rpc_info_length = one_in(10) ? odd_number() : sizeof(rpcs),
	};
	struct homa_abort_args args = {
		.id = one_in(10) ? 0 : any_id(),
		.error = one_in(4) ? odd_number() : below(135),
		._pad1 = one_in(20) ? odd_number() : 0,
	};

	/* Else the kernel could rightly write more than there is room for. */
	if (info.rpc_info == (uintptr_t)rpcs && info.rpc_info_length > sizeof(rpcs))
		info.rpc_info_length = below(sizeof(rpcs));
	switch (below(6)) {
	case 0:
	case 1:
		count(ioctl(any_fd(), HOMAIOCINFO, one_in(20) ? odd_pointer() : &info));
		break;
	case 2:
	case 3:
		count(ioctl(any_fd(), HOMAIOCABORT, one_in(20) ? odd_pointer() : &args));
		break;
	case 4:
		count(ioctl(any_fd(), HOMAIOCFREEZE, odd_number()));
		break;
	default:
		count(ioctl(any_fd(), _IOC(below(4), 'h', 0x90 + below(8), below(256)), &args));
	}
}

static void call_wait(void)
{
	struct pollfd fds[SOCKETS];
	struct epoll_event event = { .events = one_in(2) ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLET };
	int i, fd = any_fd();

	switch (below(3)) {
	case 0:
		for (i = 0; i < SOCKETS; i++)
			fds[i] = (struct pollfd){ .fd = me.fd[i], .events = odd_number() };
		count(poll(fds, SOCKETS, below(3)));
		break;
	case 1:
		epoll_ctl(me.epoll, 1 + below(3), fd, &event);
		break;
	default:
		count(epoll_wait(me.epoll, &event, 1, below(3)));
	}
}

static void open_socket(int i)
{
	struct homa_rcvbuf_args region = { .start = (uintptr_t)me.region, .length = REGION };

	int type = SOCK_DGRAM | (one_in(3) ? SOCK_NONBLOCK : 0);

	if (me.fd[i] >= 0)
		close(me.fd[i]);
	me.fd[i] = socket(one_in(2) ? AF_INET : AF_INET6, type, IPPROTO_HOMA);
	if (!one_in(8))
		setsockopt(me.fd[i], IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region));
}

/* Messages meet memory that comes and goes. */
static void call_memory(void)
{
	char *at = me.region + below(REGION / 65536) * 65536;

	switch (below(4)) {
	case 0:
		mprotect(at, 65536 * (1 + below(8)),
			 one_in(2) ? PROT_READ | PROT_WRITE : one_in(2) ? PROT_READ : PROT_NONE);
		break;
	case 1:
		if (one_in(4))
			munmap(at, 65536);
		break;
	case 2:
		madvise(at, 65536, MADV_DONTNEED);
		break;
	default:
		mmap(me.region, REGION, PROT_READ | PROT_WRITE,
		     (one_in(2) ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

/* A process that has the sockets, and memory where this one has its own. */
static void inherit(int fd)
{
	pid_t child = fork();

	if (!child) {
		if (one_in(3))
			call_memory();
		if (one_in(4) && setresuid(65534, 65534, 65534))
			_exit(1);
		call_recvmsg();
		call_sendmsg();
		call_recvmsg();
		close(fd);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Parameters that do not make RPCs so slow that nothing happens any more. */
static struct {
	const char *name;
	unsigned int least, most;
	unsigned long long initial;	/* before the first call */
} parameters[] = {
	{ "unsched_bytes", 1, 100000, 0 }, { "window", 0, 100000, 0 },
	{ "max_incoming", 1000, 1000000, 0 }, { "max_overcommit", 1, 32, 0 },
	{ "grant_batch", 1, 20, 0 }, { "grant_fifo_fraction", 0, 500, 0 },
	{ "num_priorities", 8, 8, 0 }, { "weigh_length", 0, 1, 0 },
	{ "pacer_fifo_fraction", 0, 1000, 0 }, { "link_mbps", 1000, 100000, 0 },
	{ "defer_min_bytes", 0, 100000, 0 }, { "resend_ticks", 1, 20, 0 },
	{ "resend_interval", 1, 20, 0 }, { "abandon_ticks", 1, 1000, 0 },
	{ "request_ack_ticks", 1, 10, 0 }, { "max_rpcs_per_peer", 10, 10000, 0 },
	{ "peer_gc_threshold", 0, 5, 0 }, { "peer_net_max", 1, 10, 0 },
	{ "peer_idle_secs_max", 0, 1, 0 }, { "peer_idle_secs_min", 0, 1, 0 },
	{ "wmem_max", 1, 10000000, 0 }, { "bpage_lease_usecs", 0, 10000, 0 },
	{ "max_gso_size", 0, 65535, 0 }, { "max_batch", 0, 56000, 0 },
	{ "skb_page_pool_min_kb", 0, 3000, 0 }, { "gso_force_software", 0, 1, 0 },
	{ "gro_policy", 0, 255, 0 }, { "hijack_tcp", 0, 1, 0 },
	{ "flags", 0, 2, 0 }, { "max_message", 1000000, 1000000, 0 },
	{ "history_ticks", 1, 10000, 0 }, { "stall_ticks", 0, 100, 0 },
};

static void call_sysctl(void)
{
	unsigned int i = below(ARRAY_SIZE(parameters)), least = parameters[i].least;
	char path[100], value[20];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/homa/%s", parameters[i].name);
	snprintf(value, sizeof(value), "%llu\n",
		 (unsigned long long)(least + below(parameters[i].most - least + 1)));
	fd = open(path, O_WRONLY);
	if (fd >= 0) {
		count(write(fd, value, strlen(value)));
		close(fd);
	}
}

/* Calls a Homa socket has no use for, and those of any socket. */
static void call_other(void)
{
	struct mmsghdr many[4];
	union address a;
	socklen_t length = any_address(&a);
	int fd = any_fd(), pipes[2];
	char bytes[64];

	switch (below(20)) {
	case 0:
		count(connect(fd, &a.sa, length));
		break;
	case 1:
		count(listen(fd, below(10)));
		break;
	case 2:
		count(accept4(fd, &a.sa, &length, SOCK_NONBLOCK));
		break;
	case 3:
		count(getpeername(fd, &a.sa, &length));
		break;
	case 4:
		count(getsockname(fd, &a.sa, &length));
		break;
	case 5:
		count(write(fd, me.data, any_length()));
		break;
	case 6:
		count(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT | odd_number()));
		break;
	case 7:
		count(sendto(fd, me.data, any_length(), MSG_DONTWAIT, &a.sa, length));
		break;
	case 8:
		memset(many, 0, sizeof(many));
		many[0].msg_hdr.msg_control = odd_pointer();
		count(sendmmsg(fd, many, below(5), MSG_DONTWAIT));
		break;
	case 9:
		memset(many, 0, sizeof(many));
		many[0].msg_hdr.msg_control = odd_pointer();
		many[0].msg_hdr.msg_controllen = sizeof(struct homa_recvmsg_args);
		count(recvmmsg(fd, many, below(5), MSG_DONTWAIT, NULL));
		break;
	case 10:
		if (one_in(4))
			count(shutdown(fd, below(4)));
		break;
	case 11:
		count(fcntl(fd, F_SETFL, one_in(2) ? O_NONBLOCK : 0));
		break;
	case 12:
		fd = below(SOCKETS);
		close(me.fd[fd]);
		me.fd[fd] = dup(any_fd());
		break;
	case 13:
	case 14:
		call_memory();
		break;
	case 15:
		call_sysctl();
		break;
	case 16:
		if (pipe2(pipes, O_NONBLOCK))
			break;
		count(write(pipes[1], me.data, 100));
		count(splice(pipes[0], NULL, fd, NULL, 100, SPLICE_F_NONBLOCK));
		count(splice(fd, NULL, pipes[1], NULL, 100, SPLICE_F_NONBLOCK));
		close(pipes[0]);
		close(pipes[1]);
		break;
	case 17:
		if (one_in(4))
			inherit(fd);
		break;
	case 18:
		count(ioctl(fd, 0x8900 + below(256), me.region));
		break;
	default:
		open_socket(below(SOCKETS));
	}
}

/* It interrupts the call that the first thread is in; the others get their turn. */
static void on_alarm(int signal)
{
	static unsigned int turn;

	if (signal == SIGALRM && me.thread[THREADS - 1])
		pthread_kill(me.thread[turn++ % THREADS], SIGUSR1);
}

/* Endless calls; @arg: seed. */
static void *make_calls(void *arg)
{
	static void (*const calls[])(void) = {
		call_bind, call_setsockopt, call_getsockopt, call_ioctl, call_wait, call_other,
		call_sendmsg, call_sendmsg, call_sendmsg, call_sendmsg,
		call_recvmsg, call_recvmsg, call_recvmsg, call_recvmsg, call_recvmsg, call_recvmsg,
	};

	my.prng.state = *(const uint64_t *)arg;
	for (;;)
		calls[below(ARRAY_SIZE(calls))]();
	return NULL;
}

/* Receives and nothing else, so that other threads close, shut down and abort under it. */
static void *take_all(void *arg)
{
	my.prng.state = *(const uint64_t *)arg;
	for (;;) {
		call_recvmsg();
		if (one_in(8))
			call_memory();
	}
	return NULL;
}

static void fuzz(uint64_t seed)
{
	struct itimerval every = { .it_interval = { 0, 5000 }, .it_value = { 0, 5000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	uint64_t seeds[THREADS + 1];
	int i;

	my.prng.state = seed;
	for (i = 0; i < THREADS + 1; i++)
		seeds[i] = prng_next(&my.prng);
	me.region = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	me.data = mmap(NULL, HOMA_MAX_MESSAGE_LENGTH, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	me.epoll = epoll_create1(0);
	for (i = 0; i < SOCKETS; i++) {
		me.fd[i] = -1;
		open_socket(i);
	}
	/* Calls that would sleep for ever are interrupted. */
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (i = 1; i < THREADS; i++)
		pthread_create(&me.thread[i - 1], NULL, make_calls, &seeds[i]);
	pthread_create(&me.thread[THREADS - 1], NULL, take_all, &seeds[THREADS]);
	make_calls(&seeds[0]);
}

/* One seed after the other, each for a while: sockets that were shut down or full make room. */
static void worker(uint64_t seed)
{
	for (;;) {
		pid_t child = fork();
		struct timespec life = { 0, 500000000 };

		if (!child)
			fuzz(seed);
		nanosleep(&life, NULL);
		if (child > 0) {
			kill(child, SIGKILL);
			waitpid(child, NULL, 0);
		}
		seed += PROCESSES;
	}
}

/* A network namespace of one's own, with a loopback device and its own parameters of the module. */
static int enter_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		return -1;
	close(fd);
	return 0;
}

static FILE *parameter_file(unsigned int i, const char *mode)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/sys/net/homa/%s", parameters[i].name);
	return fopen(path, mode);
}

static void save_parameters(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		FILE *file = parameter_file(i, "r");

		if (!file || fscanf(file, "%llu", &parameters[i].initial) != 1)
			bail("%s can be read", parameters[i].name);
		fclose(file);
	}
}

static void restore_parameters(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		FILE *file = parameter_file(i, "w");

		if (!file || fprintf(file, "%llu\n", parameters[i].initial) < 0 || fclose(file))
			bail("%s can be set", parameters[i].name);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t seed = time(NULL);
	unsigned int seconds = 10, i;
	pid_t group[PROCESSES];
	struct endpoint client, server;
	union address to;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			seconds = atoi(optarg);
			break;
		case 'r':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	note("seed %llu", (unsigned long long)seed);
	save_parameters();
	for (i = 0; i < PROCESSES; i++) {
		group[i] = fork();
		if (group[i] < 0)
			bail("a process starts");
		if (!group[i]) {
			setpgid(0, 0);
			if (i < PROCESSES / 2 && enter_namespace())
				_exit(1);
			worker(seed + i);
		}
		setpgid(group[i], group[i]);
	}
	within(seconds + 60, "random calls end, and RPCs work after them");
	sleep(seconds);
	for (i = 0; i < PROCESSES; i++) {
		kill(-group[i], SIGKILL);
		waitpid(group[i], NULL, 0);
	}
	ok(true, "the kernel survives random calls");
	restore_parameters();

	server = endpoint_must(AF_INET6, PORT + 10, 64);
	client = endpoint_must(AF_INET6, 0, 64);
	to = address_of("::1", PORT + 10);
	ok(echoed(&client, &server, &to, 100), "a short RPC works after it");
	ok(echoed(&client, &server, &to, HOMA_MAX_MESSAGE_LENGTH), "and a long one");
	endpoint_close(&client);
	endpoint_close(&server);
	return done();
}
