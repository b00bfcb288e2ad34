// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of everything that waits and of what ends the wait: poll(), select(), epoll, signals and
 * shutdown(); part of `api`.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api.h"

/* Events on a socket, waiting no longer than @ms. */
static int events(const struct endpoint *e, int ms)
{
	struct pollfd poll_fd = { .fd = e->fd, .events = POLLIN | POLLOUT };

	return poll(&poll_fd, 1, ms) < 0 ? -1 : poll_fd.revents;
}

static void send_hello(void *arg)
{
	const struct pair *p = arg;

	send_request(&p->client, &p->to, "hello", 5, NULL);
}

static void take(const struct endpoint *e)
{
	struct message m = { 0 };

	receive(e, &m, 0, MSG_DONTWAIT);
	if (m.length > 0 && m.args.id & 1)
		send_echo(e, &m);
	receive(e, &m, 0, MSG_DONTWAIT);
}

static void polls(void)
{
	struct pair p = pair_open();
	struct homa_sendmsg_args private = { .flags = HOMA_SENDMSG_PRIVATE };
	union address nobody = address_of("127.0.0.1", UNSERVED_PORT);
	struct later later = { send_hello, &p, 50, 0 };
	struct pollfd in = { .fd = p.server.fd, .events = POLLIN };
	struct message m = { 0 };
	uint64_t start;

	is(events(&p.client, 0) & (POLLIN | POLLOUT), POLLOUT, "a new socket can send only");
	start = now_ns();
	is(poll(&in, 1, 60), 0, "poll() for input waits");
	ok(now_ns() - start >= 59000000, "as long as it was told to");
	later_start(&later);
	is(poll(&in, 1, 5000), 1, "and returns when a request arrives");
	is(in.revents & POLLIN, POLLIN, "with POLLIN");
	later_join(&later);
	is(poll(&in, 1, 0), 1, "and again, as long as it is there");
	is(events(&p.client, 0) & POLLIN, 0, "but the client has nothing yet");
	take(&p.server);
	is(poll(&in, 1, 0), 0, "and no more once it has been received");
	in.fd = p.client.fd;
	is(poll(&in, 1, 5000), 1, "the client has the response");
	take(&p.client);
	is(poll(&in, 1, 0), 0, "once");

	send_request(&p.client, &nobody, "hello", 5, NULL);
	is(poll(&in, 1, 5000), 1, "an RPC that failed counts as input");
	take(&p.client);
	is(poll(&in, 1, 0), 0, "until it is received");

	send_request(&p.client, &p.to, "hello", 5, &private);
	in.fd = p.server.fd;
	poll(&in, 1, 5000);
	take(&p.server);
	in.fd = p.client.fd;
	is(poll(&in, 1, 60), 0, "a private response does not: it must be asked for by its id");
	is(receive(&p.client, &m, private.id, 0), 5, "though it is there");
	receive(&p.client, &m, 0, MSG_DONTWAIT);
	pair_close(&p);
}

static void selects(void)
{
	struct pair p = pair_open();
	struct later later = { send_hello, &p, 50, 0 };
	struct timeval none = { 0, 0 }, long_time = { 5, 0 };
	fd_set in, out;

	FD_ZERO(&in);
	FD_SET(p.server.fd, &in);
	FD_ZERO(&out);
	FD_SET(p.server.fd, &out);
	is(select(p.server.fd + 1, &in, &out, NULL, &none), 1, "select(): a new socket");
	ok(!FD_ISSET(p.server.fd, &in) && FD_ISSET(p.server.fd, &out), "can send only");
	FD_SET(p.server.fd, &in);
	later_start(&later);
	is(select(p.server.fd + 1, &in, NULL, NULL, &long_time), 1,
	   "select() returns when a request arrives");
	ok(FD_ISSET(p.server.fd, &in), "with input");
	later_join(&later);
	take(&p.server);
	pair_close(&p);
}

static int epoll_events(int fd, int ms)
{
	struct epoll_event event = { 0 };
	int count = epoll_wait(fd, &event, 1, ms);

	return count == 1 ? (int)event.events : count;
}

static void epolls(void)
{
	struct pair p = pair_open();
	struct later later = { send_hello, &p, 50, 0 };
	struct epoll_event level = { .events = EPOLLIN }, edge = { .events = EPOLLIN | EPOLLET };
	int by_level = epoll_create1(0), by_edge = epoll_create1(0);

	is(epoll_ctl(by_level, EPOLL_CTL_ADD, p.server.fd, &level), 0, "epoll takes the socket");
	is(epoll_ctl(by_edge, EPOLL_CTL_ADD, p.server.fd, &edge), 0, "edge-triggered, too");
	is(epoll_events(by_level, 0), 0, "nothing there");
	later_start(&later);
	is(epoll_events(by_level, 5000), EPOLLIN, "epoll_wait() returns when a request arrives");
	later_join(&later);
	is(epoll_events(by_level, 0), EPOLLIN, "by level: again");
	is(epoll_events(by_edge, 1000), EPOLLIN, "by edge: once");
	is(epoll_events(by_edge, 50), 0, "and not again");
	send_hello(&p);
	is(epoll_events(by_edge, 1000), EPOLLIN, "but for the next request");
	take(&p.server);
	take(&p.server);
	is(epoll_events(by_level, 50), 0, "nothing there when all are received");
	is(epoll_ctl(by_edge, EPOLL_CTL_DEL, p.server.fd, NULL), 0, "epoll lets the socket go");
	close(p.server.fd);
	is(epoll_events(by_level, 50), 0, "and a closed one");
	p.server.fd = -1;
	close(by_level);
	close(by_edge);
	pair_close(&p);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* The thread that will be interrupted, from another one: SIGALRM belongs to the time limits. */
static void interrupt(void *arg)
{
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
}

static void signals(void)
{
	struct pair p = pair_open();
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self = pthread_self();
	struct later later = { interrupt, &self, 50, 0 };
	struct homa_sendmsg_args private = { .flags = HOMA_SENDMSG_PRIVATE };
	struct message request = { 0 }, m = { 0 };

	sigaction(SIGUSR1, &action, NULL);
	later_start(&later);
	fails(receive(&p.client, &m, 0, 0), EINTR, "a signal ends recvmsg()");
	later_join(&later);
	is(m.args.num_bpages, 0, "which names no bpages");

	send_request(&p.client, &p.to, "hello", 5, &private);
	later_start(&later);
	fails(receive(&p.client, &m, private.id, 0), EINTR, "also of a private RPC");
	later_join(&later);
	receive(&p.server, &request, 0, 0);
	send_echo(&p.server, &request);
	receive(&p.server, &request, 0, MSG_DONTWAIT);
	is(receive(&p.client, &m, private.id, 0), 5, "whose response can still be received");
	receive(&p.client, &m, 0, MSG_DONTWAIT);
	ok(echoed(&p.client, &p.server, &p.to, 100), "and RPCs work as before");
	signal(SIGUSR1, SIG_DFL);
	pair_close(&p);
}

static void stop(void *arg)
{
	shutdown(((const struct endpoint *)arg)->fd, SHUT_RDWR);
}

struct sleeper {
	const struct endpoint *e;
	uint64_t id;
	int result, error;
};

static void *sleep_in_receive(void *arg)
{
	struct sleeper *s = arg;
	struct message m = { 0 };

	s->result = receive(s->e, &m, s->id, 0);
	s->error = errno;
	return NULL;
}

static void shutdowns(void)
{
	struct pair p = pair_open();
	struct homa_sendmsg_args private = { .flags = HOMA_SENDMSG_PRIVATE };
	struct later later = { stop, &p.client, 50, 0 };
	struct sleeper sleeper[4] = { 0 };
	struct message request = { 0 }, m = { 0 };
	struct pollfd in = { .fd = p.client.fd, .events = POLLIN };
	pthread_t thread[4];
	int i, woken = 0;

	send_request(&p.client, &p.to, "hello", 5, &private);
	send_request(&p.client, &p.to, "hello", 5, NULL);
	for (i = 0; i < 4; i++) {
		sleeper[i].e = &p.client;
		sleeper[i].id = i ? 0 : private.id;
		pthread_create(&thread[i], NULL, sleep_in_receive, &sleeper[i]);
	}
	later_start(&later);
	is(poll(&in, 1, 5000), 1, "shutdown() ends a poll()");
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		woken += sleeper[i].result == -1 && sleeper[i].error == ESHUTDOWN;
	}
	later_join(&later);
	is(woken, 4, "and every recvmsg(), with ESHUTDOWN");
	fails(receive(&p.client, &m, 0, 0), ESHUTDOWN, "recvmsg() after it");
	fails(receive(&p.client, &m, 0, MSG_DONTWAIT), ESHUTDOWN, "also nonblocking");
	fails(receive(&p.client, &m, private.id, 0), ESHUTDOWN, "also of a private RPC");
	fails(send_request(&p.client, &p.to, "hello", 5, NULL), ESHUTDOWN, "a request after it");

	for (i = 0; i < 2; i++) {
		if (receive(&p.server, &request, 0, MSG_DONTWAIT) > 0)
			send_echo(&p.server, &request);
	}
	receive(&p.server, &request, 0, MSG_DONTWAIT);
	endpoint_close(&p.client);
	p.client = endpoint_must(AF_INET, 0, 16);
	ok(echoed(&p.client, &p.server, &p.to, 100), "the server goes on");

	stop(&p.server);
	fails(receive(&p.server, &request, 0, 0), ESHUTDOWN, "a server can be shut down, too");
	send_request(&p.client, &p.to, "hello", 5, NULL);
	fails(receive(&p.client, &m, 0, 0), ENOTCONN, "and serves no more");
	stop(&p.server);
	ok(true, "a second shutdown() does no harm");
	pair_close(&p);
}

static void abort_all(void *arg)
{
	struct homa_abort_args all = { 0 };

	ioctl(((const struct pair *)arg)->client.fd, HOMAIOCABORT, &all);
}

/* Bytes that sockets may hold; of a network namespace. */
static unsigned long set_wmem_max(unsigned long bytes)
{
	FILE *file = fopen("/proc/sys/net/homa/wmem_max", "r+");
	unsigned long before = 0;

	if (!file || fscanf(file, "%lu", &before) != 1)
		bail("wmem_max can be read");
	rewind(file);
	fprintf(file, "%lu\n", bytes);
	if (fclose(file))
		bail("wmem_max can be set");
	return before;
}

/* Who waits to receive must not be woken in place of who waits for room to send. */
static void exclusives(void)
{
	struct homa_sendmsg_args private = { .flags = HOMA_SENDMSG_PRIVATE };
	struct epoll_event out = { .events = EPOLLOUT | EPOLLEXCLUSIVE };
	unsigned long wmem_max = set_wmem_max(1);
	struct pair p = pair_open();
	struct later later = { abort_all, &p, 100, 0 };
	struct sleeper sleeper = { .e = &p.client };
	int epoll = epoll_create1(0);
	pthread_t thread;

	send_request(&p.client, &p.to, "hello", 5, &private);
	is(events(&p.client, 0) & POLLOUT, 0, "a socket that holds wmem_max cannot send");
	pthread_create(&thread, NULL, sleep_in_receive, &sleeper);
	usleep(50000);
	epoll_ctl(epoll, EPOLL_CTL_ADD, p.client.fd, &out);
	later_start(&later);
	is(epoll_wait(epoll, &out, 1, 5000), 1,
	   "who waits for that is woken, though another thread waits to receive");
	later_join(&later);
	stop(&p.client);
	pthread_join(thread, NULL);
	close(epoll);
	pair_close(&p);
	set_wmem_max(wmem_max);
}

/* recvmsg() that the kernel makes again when there is something, without the program's help. */
static void rings(void)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	const int prot = PROT_READ | PROT_WRITE;
	struct {
		struct homa_recvmsg_args args;
		char behind[256];
	} control = { 0 };
	struct pair p = pair_open();
	union address from;
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_control = &control.args,
		.msg_controllen = sizeof(control.args),
	};
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;
	size_t i;

	if (ring < 0)
		bail("io_uring works: %s", strerrorname_np(errno));
	sq = mmap(NULL, 4096, prot, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, 4096, prot, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, 4096, prot, MAP_SHARED, ring, IORING_OFF_SQES);
	memset(control.behind, 0x55, sizeof(control.behind));
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_RECVMSG;
	sqe->fd = p.server.fd;
	sqe->addr = (uintptr_t)&msg;
	sqe->len = 1;
	*(uint32_t *)(sq + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	is(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0), 1, "io_uring takes a recvmsg()");
	usleep(20000);
	send_request(&p.client, &p.to, "hello", 5, NULL);
	syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	cqe = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	is(cqe->res, 5, "which waits for a request");
	ok(control.args.id & 1 && control.args.num_bpages == 1, "and says which it is");
	for (i = 0; i < sizeof(control.behind) && control.behind[i] == 0x55; i++)
		;
	is(i, sizeof(control.behind), "and writes no further than it should");
	munmap(sq, 4096);
	munmap(cq, 4096);
	munmap(sqe, 4096);
	close(ring);
	pair_close(&p);
}

void api_wait(void)
{
	rings();
	polls();
	selects();
	epolls();
	signals();
	shutdowns();
	exclusives();
}
