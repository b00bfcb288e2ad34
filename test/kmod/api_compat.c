// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of the system calls of 32-bit programs, part of `api`: the kernel must answer, whichever
 * way. A 64-bit program of x86 can make them, too, with everything they point to below 4 GB.
 */
#include "api.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum { IOCTL = 54, SOCKET = 359, BIND = 361, SETSOCKOPT = 366, SENDMSG = 370, RECVMSG = 372 };

/* What the 32-bit calls take where pointers or lengths are part of it. */
struct iovec32 {
	uint32_t base, length;
};

struct msghdr32 {
	uint32_t name;
	int32_t name_length;
	uint32_t iov, iov_length, control, control_length, flags;
};

/* Everything that pointers point to. */
struct low {
	union address address;
	struct homa_sendmsg_args send;
	struct homa_recvmsg_args receive;
	struct homa_rcvbuf_args region;
	struct homa_info info;
	struct homa_abort_args abort;
	struct iovec32 iov;
	struct msghdr32 msg;
	char data[100];
};

static struct low *low;

static uint32_t at(const void *pointer)
{
	return (uint32_t)(uintptr_t)pointer;
}

/* Return: what the kernel returned, an error as its negative number. */
static int32_t call32(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
	int32_t result;

	asm volatile("int $0x80" : "=a"(result)
		     : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11", "cc");
	return result;
}

static int32_t message32(uint32_t number, int fd, void *control, uint32_t control_length)
{
	low->iov = (struct iovec32){ at(low->data), sizeof(low->data) };
	low->msg = (struct msghdr32){
		.name = at(&low->address),
		.name_length = number == SENDMSG ? sizeof(low->address.in4) :
						   sizeof(low->address),
		.iov = at(&low->iov),
		.iov_length = number == SENDMSG,
		.control = at(control),
		.control_length = control_length,
	};
	return call32(number, fd, at(&low->msg), 0, 0, 0);
}

static int open32(unsigned int port, void *memory, size_t length)
{
	int fd = call32(SOCKET, AF_INET, SOCK_DGRAM, IPPROTO_HOMA, 0, 0);

	low->address = address_of("0.0.0.0", port);
	if (port && call32(BIND, fd, at(&low->address), sizeof(low->address.in4), 0, 0))
		return -1;
	low->region = (struct homa_rcvbuf_args){ .start = (uintptr_t)memory, .length = length };
	if (call32(SETSOCKOPT, fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, at(&low->region),
		   sizeof(low->region)))
		return -1;
	return fd;
}

/* Runs in a child: a kernel without these calls kills it. */
static int whole_rpc(void)
{
	const size_t length = 16 * HOMA_BPAGE_SIZE;
	char *memory = mmap(NULL, 2 * length, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int client, server, result;

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	server = open32(API_PORT, memory, length);
	client = open32(0, memory + length, length);
	if (server < 0 || client < 0)
		return 1;
	memset(low->data, 'x', sizeof(low->data));
	low->address = address_of("127.0.0.1", API_PORT);
	result = message32(SENDMSG, client, &low->send, 0);
	/* A refusal is an answer, but it must say what it is. */
	if (result == -EOPNOTSUPP || result == -EINVAL)
		return 2;
	if (result)
		return 3;
	result = message32(RECVMSG, server, &low->receive, sizeof(low->receive));
	if (result != sizeof(low->data))
		return 4;
	if (memory[low->receive.bpage_offsets[0]] != 'x')
		return 5;
	low->send.id = low->receive.id;
	if (message32(SENDMSG, server, &low->send, 0))
		return 6;
	memset(&low->receive, 0, sizeof(low->receive));
	if (message32(RECVMSG, client, &low->receive, sizeof(low->receive)) != sizeof(low->data))
		return 7;
	if (memory[length + low->receive.bpage_offsets[0]] != 'x')
		return 8;
	if (call32(IOCTL, client, HOMAIOCINFO, at(&low->info), 0, 0))
		return 9;
	if (low->info.num_rpcs)
		return 10;
	if (call32(IOCTL, client, HOMAIOCABORT, at(&low->abort), 0, 0))
		return 11;
	return 0;
}

/* Pointers and lengths that make no sense must not do harm either. */
static int nonsense(void)
{
	int fd;
	uint32_t i;

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	fd = call32(SOCKET, AF_INET, SOCK_DGRAM, IPPROTO_HOMA, 0, 0);
	low->address = address_of("127.0.0.1", API_PORT);
	for (i = 0; i < 64; i++) {
		message32(SENDMSG, fd, (void *)(uintptr_t)(i * 0x4000001u), i & 3);
		low->msg.iov_length = i;
		call32(SENDMSG, fd, at(&low->msg), i, 0, 0);
		message32(RECVMSG, fd, (void *)(uintptr_t)(i * 0x4000001u), i);
		call32(IOCTL, fd, HOMAIOCINFO, i * 0x4000001u, 0, 0);
		call32(IOCTL, fd, HOMAIOCABORT, i * 0x4000001u, 0, 0);
	}
	return 0;
}

static int in_child(int (*run)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		alarm(10);
		_exit(run());
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int getpid32(void)
{
	return call32(20, 0, 0, 0, 0, 0) == getpid() ? 0 : 1;
}

void api_compat(void)
{
	int result = in_child(getpid32);
	struct pair p;

	if (result) {
		note("this kernel has no 32-bit calls (%d)", result);
	} else {
		result = in_child(whole_rpc);
		ok(result == 0 || result == 2, "a 32-bit program gets an answer");
		note(result == 2 ? "a refusal" : "the RPC, up to step %d", result);
		is(in_child(nonsense), 0, "and one that makes no sense does no harm");
	}
	p = pair_open();
	ok(echoed(&p.client, &p.server, &p.to, 100), "64-bit programs work after it");
	pair_close(&p);
}

#else

void api_compat(void)
{
	note("only on x86");
}

#endif
