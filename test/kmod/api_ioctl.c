// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of HOMAIOCINFO, HOMAIOCABORT and HOMAIOCFREEZE; part of `api`.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

#define INFOS 8

/* Into @rpcs, of which the kernel is told that it has @length bytes. */
static int get_info(int fd, struct homa_info *info, struct homa_rpc_info *rpcs, size_t length)
{
	memset(info, 0xff, sizeof(*info));
	memset(rpcs, 0xff, INFOS * sizeof(*rpcs));
	info->rpc_info = (uintptr_t)rpcs;
	info->rpc_info_length = length;
	return ioctl(fd, HOMAIOCINFO, info);
}

static void info(void)
{
	struct pair p = pair_open();
	struct homa_sendmsg_args a = { .completion_cookie = 77 };
	struct homa_sendmsg_args b = { .completion_cookie = 88, .flags = HOMA_SENDMSG_PRIVATE };
	struct homa_rpc_info rpcs[INFOS];
	struct message request = { 0 }, m = { 0 };
	struct homa_info info;
	size_t i, found = 0;

	is(get_info(p.server.fd, &info, rpcs, sizeof(rpcs)), 0, "HOMAIOCINFO");
	is(info.port, API_PORT, "tells the port");
	is(info.num_rpcs, 0, "and that there are no RPCs");
	is(info.rpc_info_length, 0, "and fills in none");
	is(info.bpool_avail_bytes, p.server.length, "and that all memory is free");
	is(info.error_msg[sizeof(info.error_msg) - 1], 0, "and ends its text");

	send_request(&p.client, &p.to, "request", 7, &a);
	send_request(&p.client, &p.to, "request 2", 9, &b);
	usleep(50000);
	is(get_info(p.client.fd, &info, rpcs, sizeof(rpcs)), 0, "HOMAIOCINFO of the client");
	is(info.port, endpoint_port(&p.client), "tells its port");
	is(info.num_rpcs, 2, "and two RPCs");
	is(info.rpc_info_length, 2 * sizeof(*rpcs), "and fills in both");
	for (i = 0; i < 2; i++) {
		bool second = rpcs[i].id == b.id;

		if (rpcs[i].id != a.id && rpcs[i].id != b.id)
			continue;
		found++;
		is(rpcs[i].completion_cookie, second ? 88 : 77, "RPC %zu: its cookie", i);
		is(rpcs[i].tx_length, second ? 9 : 7, "RPC %zu: bytes of the request", i);
		is(rpcs[i].tx_sent, second ? 9 : 7, "RPC %zu: all are sent", i);
		is(rpcs[i].rx_length, -1, "RPC %zu: no response yet", i);
		is(rpcs[i].flags, second ? HOMA_RPC_PRIVATE : 0, "RPC %zu: flags", i);
		ok(!memcmp(&rpcs[i].peer, &p.to, sizeof(p.to.in4)), "RPC %zu: the server's address",
		   i);
	}
	is(found, 2, "and they are those that were sent");

	is(get_info(p.server.fd, &info, rpcs, sizeof(rpcs)), 0, "HOMAIOCINFO of the server");
	is(info.num_rpcs, 2, "tells two RPCs, too");
	for (i = 0; i < 2; i++) {
		bool second = rpcs[i].id == (b.id ^ 1);

		is(rpcs[i].rx_length, second ? 9 : 7, "RPC %zu: bytes of the request", i);
		is(rpcs[i].rx_remaining, 0, "RPC %zu: all have arrived", i);
		is(rpcs[i].rx_gaps, 0, "RPC %zu: without gaps", i);
		is(rpcs[i].rx_gap_bytes, 0, "RPC %zu: so nothing is in them", i);
		is(rpcs[i].tx_length, -1, "RPC %zu: no response yet", i);
		ok(rpcs[i].flags & HOMA_RPC_RX_READY, "RPC %zu: waits for recvmsg()", i);
		is(((struct sockaddr_in *)&rpcs[i].peer)->sin_port, htons(endpoint_port(&p.client)),
		   "RPC %zu: the client's port", i);
	}

	is(get_info(p.client.fd, &info, rpcs, sizeof(*rpcs)), 0, "HOMAIOCINFO with room for one");
	is(info.num_rpcs, 2, "still tells how many there are");
	is(info.rpc_info_length, sizeof(*rpcs), "and fills in one");
	is(rpcs[1].id, ~0l, "and no more");
	is(get_info(p.client.fd, &info, rpcs, sizeof(*rpcs) - 1), 0, "HOMAIOCINFO with less room");
	is(info.rpc_info_length, 0, "fills in none");
	memset(&info, 0, sizeof(info));
	is(ioctl(p.client.fd, HOMAIOCINFO, &info), 0, "HOMAIOCINFO without room");
	is(info.num_rpcs, 2, "counts them all the same");
	fails(ioctl(p.client.fd, HOMAIOCINFO, (void *)8), EFAULT, "HOMAIOCINFO at a bad pointer");
	info.rpc_info = 8;
	info.rpc_info_length = sizeof(rpcs);
	fails(ioctl(p.client.fd, HOMAIOCINFO, &info), EFAULT, "HOMAIOCINFO of RPCs at one");

	for (i = 0; i < 2; i++) {
		receive(&p.server, &request, 0, 0);
		send_echo(&p.server, &request);
	}
	receive(&p.client, &m, 0, 0);
	receive(&p.client, &m, b.id, 0);
	is(get_info(p.client.fd, &info, rpcs, sizeof(rpcs)), 0, "HOMAIOCINFO after the responses");
	is(info.num_rpcs, 0, "tells no RPCs");

	fails(send_request(&p.client, &p.to, "", 0, NULL), EINVAL, "after a call that fails");
	is(get_info(p.client.fd, &info, rpcs, sizeof(rpcs)), 0, "HOMAIOCINFO");
	ok(info.error_msg[0] && memchr(info.error_msg, 0, sizeof(info.error_msg)),
	   "says in words what was wrong");
	note("%.104s", info.error_msg);
	pair_close(&p);
}

static int abort_rpc(const struct endpoint *e, uint64_t id, int error)
{
	struct homa_abort_args args = { .id = id, .error = error };

	return ioctl(e->fd, HOMAIOCABORT, &args);
}

/* Arguments that no program should give. */
static void odd_info(void)
{
	struct pair p = pair_open();
	struct homa_rpc_info rpcs[INFOS], *edge;
	const long page = sysconf(_SC_PAGESIZE);
	struct homa_info info, *there;
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	int i;

	if (memory == MAP_FAILED || munmap(memory + page, page))
		bail("there is memory");
	for (i = 0; i < 3; i++)
		send_request(&p.client, &p.to, "request", 7, NULL);

	fails(ioctl(p.client.fd, HOMAIOCINFO, NULL), EFAULT, "HOMAIOCINFO without an address");
	there = (struct homa_info *)(memory + page - sizeof(info) / 2);
	fails(ioctl(p.client.fd, HOMAIOCINFO, there), EFAULT,
	      "HOMAIOCINFO at the end of what is mapped");
	memset(&info, 0, sizeof(info));
	info.rpc_info = 0xffff800000000000;
	info.rpc_info_length = sizeof(rpcs);
	fails(ioctl(p.client.fd, HOMAIOCINFO, &info), EFAULT, "HOMAIOCINFO to kernel addresses");
	info.rpc_info = UINT64_MAX - 7;
	info.rpc_info_length = UINT64_MAX;
	fails(ioctl(p.client.fd, HOMAIOCINFO, &info), EFAULT, "HOMAIOCINFO beyond all addresses");

	is(get_info(p.client.fd, &info, rpcs, UINT64_MAX), 0, "HOMAIOCINFO with endless room");
	is(info.rpc_info_length, 3 * sizeof(*rpcs), "fills in all there are");
	is(rpcs[3].id, ~0l, "and no more");
	is(get_info(p.client.fd, &info, rpcs, 0), 0, "HOMAIOCINFO with an address and no room");
	is(info.rpc_info_length, 0, "fills in none");
	is(rpcs[0].id, ~0l, "and touches nothing");
	info.rpc_info = 0;
	info.rpc_info_length = sizeof(rpcs);
	is(ioctl(p.client.fd, HOMAIOCINFO, &info), 0, "HOMAIOCINFO with room and no address");
	is(info.rpc_info_length, 0, "fills in none, either");
	is(info.num_rpcs, 3, "and counts them");
	/* Room for two of the three before the end of what is mapped. */
	edge = (struct homa_rpc_info *)(memory + page - 2 * sizeof(*edge));
	memset(&info, 0, sizeof(info));
	info.rpc_info = (uintptr_t)edge;
	info.rpc_info_length = 2 * sizeof(*edge) + sizeof(*edge) / 2;
	is(ioctl(p.client.fd, HOMAIOCINFO, &info), 0, "HOMAIOCINFO with room for two and a half");
	is(info.rpc_info_length, 2 * sizeof(*edge), "fills in two");
	info.rpc_info_length = 3 * sizeof(*edge);
	fails(ioctl(p.client.fd, HOMAIOCINFO, &info), EFAULT,
	      "HOMAIOCINFO of which the third is not mapped");
	mprotect(memory, page, PROT_READ);
	fails(ioctl(p.client.fd, HOMAIOCINFO, memory), EFAULT, "HOMAIOCINFO in read-only memory");
	get_info(p.client.fd, &info, rpcs, sizeof(rpcs));
	for (i = 0; i < 3; i++)
		is(rpcs[i].reserved, 0, "RPC %d: what is reserved is 0", i);
	munmap(memory, page);
	pair_close(&p);
}

#define LISTERS 4
#define LISTED 200	/* RPCs */

struct listing {
	int fd;
	atomic_int stop, wrong, rounds;
};

static void *list(void *arg)
{
	struct listing *l = arg;
	struct homa_info info;

	while (!l->stop) {
		memset(&info, 0, sizeof(info));
		if (ioctl(l->fd, HOMAIOCINFO, &info) || info.num_rpcs != LISTED)
			l->wrong++;
		l->rounds++;
	}
	return NULL;
}

/* Those who look do not hide RPCs from each other. */
static void lists_at_once(void)
{
	struct pair p = pair_open();
	struct listing l = { .fd = p.client.fd };
	pthread_t lister[LISTERS];
	struct homa_rpc_info rpcs[INFOS];
	struct message request = { 0 };
	struct homa_info info;
	int i;

	for (i = 0; i < LISTED; i++)
		send_request(&p.client, &p.to, "request", 7, NULL);
	for (i = 0; i < LISTERS; i++)
		if (pthread_create(&lister[i], NULL, list, &l))
			bail("threads start");
	usleep(300000);
	l.stop = 1;
	for (i = 0; i < LISTERS; i++)
		pthread_join(lister[i], NULL);
	is(l.wrong, 0, "threads that list at the same time see all RPCs each time");
	note("%d times", l.rounds);

	/* Each looks until the end, while they are ended. */
	l.stop = 0;
	for (i = 0; i < LISTERS; i++)
		if (pthread_create(&lister[i], NULL, list, &l))
			bail("threads start");
	is(abort_rpc(&p.client, 0, 0), 0, "HOMAIOCABORT of all while others list them");
	is(get_info(p.client.fd, &info, rpcs, sizeof(rpcs)), 0, "HOMAIOCINFO after it");
	is(info.num_rpcs, 0, "tells that none is left");
	l.stop = 1;
	for (i = 0; i < LISTERS; i++)
		pthread_join(lister[i], NULL);
	while (receive(&p.server, &request, 0, MSG_DONTWAIT) > 0)
		send_echo(&p.server, &request);
	pair_close(&p);
}

struct blocked {
	const struct endpoint *e;
	uint64_t id;
	int error;
};

static void do_abort(void *arg)
{
	struct blocked *b = arg;

	abort_rpc(b->e, b->id, b->error);
}

/* A thread that waits learns of the end of what it waits for. */
static void wakes(const struct pair *p, unsigned int flags, int error)
{
	struct homa_sendmsg_args args = { .flags = flags, .completion_cookie = 9 };
	struct blocked b = { &p->client, 0, error };
	struct later later = { do_abort, &b, 50, 0 };
	struct message request = { 0 }, m = { 0 };

	send_request(&p->client, &p->to, "hello", 5, &args);
	b.id = args.id;
	later_start(&later);
	if (error) {
		fails(receive(&p->client, &m, flags ? args.id : 0, 0), error,
		      "an abort wakes who waits for the %s RPC", flags ? "private" : "shared");
		ok(m.args.id == args.id && m.args.completion_cookie == 9, "with its id and cookie");
	} else {
		is(receive(&p->client, &m, args.id, 0), -1,
		   "an abort without an error wakes who waits for the private RPC");
	}
	later_join(&later);
	/* The server may have learned that nobody cares any more. */
	if (receive(&p->server, &request, 0, MSG_DONTWAIT) > 0)
		send_echo(&p->server, &request);
	receive(&p->server, &request, 0, MSG_DONTWAIT);
}

static void aborts(void)
{
	struct pair p = pair_open();
	struct homa_sendmsg_args a = { .completion_cookie = 1 }, b = { .completion_cookie = 2 };
	struct homa_sendmsg_args private = { .flags = HOMA_SENDMSG_PRIVATE };
	struct homa_abort_args args = { 0 };
	struct message request = { 0 }, m = { 0 };
	int i, cookies = 0;

	fails(ioctl(p.client.fd, HOMAIOCABORT, (void *)8), EFAULT, "HOMAIOCABORT at a bad pointer");
	args._pad1 = 1;
	fails(ioctl(p.client.fd, HOMAIOCABORT, &args), EINVAL, "_pad1 must be 0");
	memset(&args, 0, sizeof(args));
	args._pad2[1] = 1;
	fails(ioctl(p.client.fd, HOMAIOCABORT, &args), EINVAL, "_pad2 must be 0");
	fails(abort_rpc(&p.client, 4242, ECANCELED), EINVAL, "an RPC that does not exist");
	is(abort_rpc(&p.client, 0, ECANCELED), 0, "all RPCs, when there are none");

	send_request(&p.client, &p.to, "a", 1, &a);
	is(abort_rpc(&p.client, a.id, ECANCELED), 0, "HOMAIOCABORT with an error");
	fails(receive(&p.client, &m, 0, 0), ECANCELED, "is what recvmsg() reports");
	ok(m.args.id == a.id && m.args.completion_cookie == 1, "with the id and cookie");
	fails(abort_rpc(&p.client, a.id, ECANCELED), EINVAL, "then the RPC is gone");

	send_request(&p.client, &p.to, "b", 1, &b);
	is(abort_rpc(&p.client, b.id, 0), 0, "HOMAIOCABORT without an error");
	fails(receive(&p.client, &m, 0, MSG_DONTWAIT), EAGAIN, "is not reported");
	send_request(&p.client, &p.to, "c", 1, &private);
	is(abort_rpc(&p.client, private.id, 0), 0, "of a private RPC, neither");
	fails(receive(&p.client, &m, private.id, MSG_DONTWAIT), EINVAL, "and it is gone");

	a = (struct homa_sendmsg_args){ .completion_cookie = 10 };
	b = (struct homa_sendmsg_args){ .completion_cookie = 20 };
	private = (struct homa_sendmsg_args){ .flags = HOMA_SENDMSG_PRIVATE };
	send_request(&p.client, &p.to, "a", 1, &a);
	send_request(&p.client, &p.to, "b", 1, &b);
	send_request(&p.client, &p.to, "c", 1, &private);
	is(abort_rpc(&p.client, 0, EIO), 0, "HOMAIOCABORT of all RPCs");
	for (i = 0; i < 2; i++) {
		fails(receive(&p.client, &m, 0, MSG_DONTWAIT), EIO, "is reported for each");
		cookies += m.args.completion_cookie;
	}
	is(cookies, 30, "once");
	fails(receive(&p.client, &m, private.id, MSG_DONTWAIT), EIO, "and for the private one");
	fails(receive(&p.client, &m, 0, MSG_DONTWAIT), EAGAIN, "and for no other");

	for (i = 0; i < 10; i++)
		send_request(&p.client, &p.to, "x", 1, NULL);
	is(abort_rpc(&p.client, 0, 0), 0, "HOMAIOCABORT of all without an error");
	fails(receive(&p.client, &m, 0, MSG_DONTWAIT), EAGAIN, "reports none");
	usleep(50000);
	while (receive(&p.server, &request, 0, MSG_DONTWAIT) > 0)
		send_echo(&p.server, &request);

	wakes(&p, 0, ECANCELED);
	wakes(&p, HOMA_SENDMSG_PRIVATE, ECANCELED);
	wakes(&p, HOMA_SENDMSG_PRIVATE, 0);
	ok(echoed(&p.client, &p.server, &p.to, 1000), "RPCs after it work");
	pair_close(&p);
}

/* Runs @number as a user without rights; its errno, or 0. */
static int as_nobody(const struct endpoint *e, unsigned long number)
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(255);
		_exit(ioctl(e->fd, number, NULL) ? errno : 0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void others(void)
{
	struct pair p = pair_open();
	int error;

	error = as_nobody(&p.client, HOMAIOCFREEZE);
	ok(error == EACCES || error == EPERM, "HOMAIOCFREEZE is for administrators");
	is(ioctl(p.client.fd, HOMAIOCFREEZE, NULL), 0, "who may use it");
	ok(echoed(&p.client, &p.server, &p.to, 100), "and RPCs go on");
	fails_either(ioctl(p.client.fd, _IO('h', 0x99)), ENOTTY, EINVAL, "an unknown ioctl");
	pair_close(&p);
}

void api_ioctl(void)
{
	info();
	odd_info();
	lists_at_once();
	aborts();
	others();
}
