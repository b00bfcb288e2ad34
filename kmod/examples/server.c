// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * An echo server over Homa, with nothing but system calls: sends every request back as its
 * response. Runs until it is stopped.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "homa.h"

#define REGION (64 * HOMA_BPAGE_SIZE)	/* memory for requests */

static const char usage[] =
	"Usage: server [-4] PORT\n"
	"Echoes the requests that come to PORT (1 to 32767), over IPv6 and IPv4.\n"
	"  -4      IPv4 only\n"
	"  --help  show this\n";

int main(int argc, char **argv)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct homa_recvmsg_args got = { 0 };
	struct homa_rcvbuf_args region;
	int fd, only4, error;
	char *memory, *end;
	unsigned long port;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	only4 = argc > 1 && !strcmp(argv[1], "-4");
	port = argc == 2 + only4 ? strtoul(argv[1 + only4], &end, 10) : 0;
	if (!port || *end || port >= HOMA_MIN_DEFAULT_PORT) {
		fputs(usage, stderr);
		return 2;
	}

	fd = socket(only4 ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_HOMA);
	if (fd < 0)
		err(1, "no Homa socket (is the module loaded?)");
	in4.sin_port = htons(port);
	in6.sin6_port = in4.sin_port;
	error = only4 ? bind(fd, (struct sockaddr *)&in4, sizeof(in4)) :
			bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (error)
		err(1, "cannot serve port %lu", port);

	memory = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "no memory for requests");
	region.start = (uintptr_t)memory;
	region.length = REGION;
	if (setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region)))
		err(1, "SO_HOMA_RCVBUF");

	for (;;) {
		struct iovec piece[HOMA_MAX_BPAGES];
		struct homa_sendmsg_args reply = { 0 };
		struct sockaddr_storage from;
		struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from),
				      .msg_control = &got, .msg_controllen = sizeof(got) };
		ssize_t length, left;
		unsigned int i;

		got.id = 0;	/* any request; gives the last one's bpages back as well */
		length = recvmsg(fd, &msg, 0);
		if (length < 0) {
			warn("recvmsg");
			continue;
		}
		left = length;
		for (i = 0; i < got.num_bpages; i++) {
			piece[i].iov_base = memory + got.bpage_offsets[i];
			piece[i].iov_len = left < HOMA_BPAGE_SIZE ? left : HOMA_BPAGE_SIZE;
			left -= piece[i].iov_len;
		}
		reply.id = got.id;
		msg.msg_control = &reply;
		msg.msg_controllen = 0;
		msg.msg_iov = piece;
		msg.msg_iovlen = got.num_bpages;
		if (sendmsg(fd, &msg, 0))
			warn("reply");
	}
}
