// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A client over Homa, with nothing but system calls: sends requests to an echo server, one after
 * the other, and prints how long each response took.
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "homa.h"

#define REGION (16 * HOMA_BPAGE_SIZE)	/* memory for responses */

static const char usage[] =
	"Usage: client ADDRESS PORT [BYTES [COUNT]]\n"
	"Sends COUNT requests (1) of BYTES each (100; 1 to 1000000) to the echo server at PORT of\n"
	"the IPv4 or IPv6 ADDRESS (fe80::1%eth0 on a link) and prints the round-trip times.\n"
	"  --help  show this\n";

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n < 1 || n > max)
		errx(2, "%s: must be a number from 1 to %lu", text, max);
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct homa_recvmsg_args got = { 0 };
	struct homa_rcvbuf_args region;
	unsigned long bytes, count;
	static char data[HOMA_MAX_MESSAGE_LENGTH];
	struct timespec start, end;
	char *memory, *link, *address;
	int fd, four;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc < 3 || argc > 5)
		return fputs(usage, stderr), 2;
	in4.sin_port = htons(number(argv[2], 65535));
	in6.sin6_port = in4.sin_port;
	link = argv[1];
	address = strsep(&link, "%");
	four = inet_pton(AF_INET, address, &in4.sin_addr);
	if (!four && !inet_pton(AF_INET6, address, &in6.sin6_addr))
		errx(2, "%s: not an IPv4 or IPv6 address", address);
	in6.sin6_scope_id = link ? if_nametoindex(link) : 0;
	if (link && (four || !in6.sin6_scope_id))
		errx(2, "%s: no link, or none that %s could be on", link, address);
	bytes = argc > 3 ? number(argv[3], HOMA_MAX_MESSAGE_LENGTH) : 100;
	count = argc > 4 ? number(argv[4], 1000000000) : 1;

	fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_HOMA);
	if (fd < 0)
		err(1, "no Homa socket (is the module loaded?)");
	memory = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "no memory for responses");
	region.start = (uintptr_t)memory;
	region.length = REGION;
	if (setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region)))
		err(1, "SO_HOMA_RCVBUF");

	while (count--) {
		struct iovec piece = { data, bytes };
		struct homa_sendmsg_args send = { 0 };
		struct msghdr msg = { .msg_name = four ? (void *)&in4 : (void *)&in6,
				      .msg_namelen = four ? sizeof(in4) : sizeof(in6),
				      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &send };
		ssize_t length;

		clock_gettime(CLOCK_MONOTONIC, &start);
		if (sendmsg(fd, &msg, 0))
			err(1, "cannot send");
		msg = (struct msghdr){ .msg_control = &got, .msg_controllen = sizeof(got) };
		got.id = 0;	/* any response; gives the last one's bpages back as well */
		length = recvmsg(fd, &msg, 0);
		clock_gettime(CLOCK_MONOTONIC, &end);
		if (length < 0)
			err(1, "no response");
		printf("%zd bytes back after %.1f us\n", length,
		       (end.tv_sec - start.tv_sec) * 1e6 + (end.tv_nsec - start.tv_nsec) / 1e3);
	}
	return 0;
}
