// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A client and a server that exchange messages of one size, over Homa or over TCP, and what a round
 * trip takes. For the benches, some of which count instructions as nanoseconds.
 *
 * TCP is used as request-response servers use it: open connections, one for each message that is
 * under way, TCP_NODELAY, non-blocking sockets and epoll on both sides. Homa is used as its socket
 * interface suggests: blocking sendmsg() and recvmsg().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "homa.h"

#define REGION (256u * HOMA_BPAGE_SIZE)
#define MOST 16		/* messages under way */
#define ROUNDS 99
#define WARM_UP 20
#define SERVERS 4	/* processes */

static const char usage[] =
	"Usage: pair server homa|tcp PORT\n"
	"       pair client homa|tcp ADDRESS PORT BYTES COUNT [NAME]\n"
	"       pair compare ADDRESS PORT BYTES COUNT OUTSTANDING ROUNDS [NAME]\n"
	"The client sends COUNT messages of BYTES bytes, each when the one before has been echoed, and\n"
	"prints: NAME, bytes, count, and ns per round trip: median, 99th percentile, mean.\n"
	"To compare, it echoes COUNT messages over TCP and then over Homa, OUTSTANDING at a time, that\n"
	"ROUNDS times in turn, and prints for each: NAME, tcp or homa, bytes, outstanding, and ns per\n"
	"message in a round, the median of the rounds; and then: NAME, ratio, bytes, outstanding, and\n"
	"thousandths that Homa took of TCP's time in the same round: lower quartile, median, upper one.\n"
	"Exit status: 0 done, 1 failed, 2 bad usage.\n";

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	if (host && inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "pair: %s is no IPv4 address\n", host);
		exit(2);
	}
	return a;
}

/* Homa */

struct homa {
	int fd;
	char *region;
	struct homa_recvmsg_args args;
	struct sockaddr_in from;
};

static void homa_open(struct homa *h, const char *port)
{
	struct homa_rcvbuf_args region;
	struct sockaddr_in any;

	memset(h, 0, sizeof(*h));
	h->fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_HOMA);
	if (h->fd < 0)
		die("socket");
	h->region = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h->region == MAP_FAILED)
		die("mmap");
	region.start = (uintptr_t)h->region;
	region.length = REGION;
	if (setsockopt(h->fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region)))
		die("SO_HOMA_RCVBUF");
	if (!port)
		return;
	any = address(NULL, port);
	if (bind(h->fd, (struct sockaddr *)&any, sizeof(any)))
		die("bind");
}

static void homa_send(struct homa *h, const struct sockaddr_in *to, uint64_t id, struct iovec *iov,
		      int parts)
{
	struct homa_sendmsg_args args = { .id = id };
	struct msghdr m = {
		.msg_name = (void *)to,
		.msg_namelen = sizeof(*to),
		.msg_iov = iov,
		.msg_iovlen = parts,
		.msg_control = &args,
	};

	if (sendmsg(h->fd, &m, 0))
		die("sendmsg");
}

static size_t homa_receive(struct homa *h)
{
	struct msghdr m = {
		.msg_name = &h->from,
		.msg_namelen = sizeof(h->from),
		.msg_control = &h->args,
		.msg_controllen = sizeof(h->args),
	};
	ssize_t n;

	h->args.id = 0;
	n = recvmsg(h->fd, &m, 0);
	if (n < 0)
		die("recvmsg");
	return n;
}

static void homa_serve(const char *port)
{
	struct iovec iov[HOMA_MAX_BPAGES];
	struct homa h;
	uint32_t i;

	homa_open(&h, port);
	/* Processes that share the socket, so that requests do not wait for each other. */
	for (i = 0; i < SERVERS - 1 && fork(); i++)
		;
	for (;;) {
		size_t n = homa_receive(&h);

		for (i = 0; i < h.args.num_bpages; i++) {
			iov[i].iov_base = h.region + h.args.bpage_offsets[i];
			iov[i].iov_len = n > HOMA_BPAGE_SIZE ? HOMA_BPAGE_SIZE : n;
			n -= iov[i].iov_len;
		}
		homa_send(&h, &h.from, h.args.id, iov, i);
	}
}

/* TCP */

struct tcp {
	int fd, epoll;
	size_t size;
	char *buffer;
};

static void tcp_attach(struct tcp *t, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int one = 1;

	t->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	t->epoll = epoll_create1(0);
	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

static void tcp_wait(struct tcp *t, uint32_t events)
{
	struct epoll_event event = { .events = events };

	if (events != EPOLLIN && epoll_ctl(t->epoll, EPOLL_CTL_MOD, t->fd, &event))
		die("epoll_ctl");
	if (epoll_wait(t->epoll, &event, 1, -1) < 0 && errno != EINTR)
		die("epoll_wait");
	event.events = EPOLLIN;
	if (events != EPOLLIN && epoll_ctl(t->epoll, EPOLL_CTL_MOD, t->fd, &event))
		die("epoll_ctl");
}

static void tcp_send(struct tcp *t, const char *from, size_t left)
{
	while (left) {
		ssize_t n = send(t->fd, from, left, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			tcp_wait(t, EPOLLOUT);
			continue;
		}
		if (n < 0)
			die("send");
		from += n;
		left -= n;
	}
}

/* Return: false at the end of the connection. */
static int tcp_receive(struct tcp *t, char *to, size_t left)
{
	while (left) {
		ssize_t n;

		tcp_wait(t, EPOLLIN);
		n = recv(t->fd, to, left, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			return 0;
		to += n;
		left -= n;
	}
	return 1;
}

static void tcp_serve(const char *port)
{
	struct sockaddr_in any = address(NULL, port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, MOST))
		die("bind");
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		struct tcp t;
		uint32_t size;

		if (connection < 0)
			die("accept");
		/* A process for each client, so that they do not wait for each other. */
		if (fork()) {
			close(connection);
			continue;
		}
		tcp_attach(&t, connection);
		/* The size is agreed on once, so that messages are of that size on the wire. */
		if (!tcp_receive(&t, (char *)&size, sizeof(size)))
			die("receive");
		t.buffer = malloc(size);
		while (tcp_receive(&t, t.buffer, size))
			tcp_send(&t, t.buffer, size);
		exit(0);
	}
}

/* The client's side */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void run_client(int use_homa, const char *host, const char *port, uint32_t size, int count,
		       const char *name)
{
	struct sockaddr_in to = address(host, port);
	uint64_t *took = calloc(count, sizeof(*took)), sum = 0, from;
	char *data = malloc(size);
	struct iovec iov = { data, size };
	struct homa h;
	struct tcp t;
	int i;

	memset(data, 7, size);
	if (use_homa) {
		homa_open(&h, NULL);
	} else {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			die("connect");
		tcp_attach(&t, fd);
		tcp_send(&t, (char *)&size, sizeof(size));
	}
	for (i = -WARM_UP; i < count; i++) {
		from = now();
		if (use_homa) {
			homa_send(&h, &to, 0, &iov, 1);
			if (homa_receive(&h) != size)
				die("wrong size");
		} else {
			tcp_send(&t, data, size);
			if (!tcp_receive(&t, data, size))
				die("receive");
		}
		if (i >= 0)
			took[i] = now() - from;
	}
	for (i = 0; i < count; i++)
		sum += took[i];
	qsort(took, count, sizeof(*took), compare);
	printf("%s\t%u\t%d\t%llu\t%llu\t%llu\n", name, size, count,
	       (unsigned long long)took[count / 2],
	       (unsigned long long)took[(int)(count * 0.99)],
	       (unsigned long long)(sum / count));
}

/* Comparing: a round is COUNT messages, after as many as can be under way to warm up. */

static uint64_t homa_round(struct homa *h, const struct sockaddr_in *to, char *data, uint32_t size,
			   int count, int outstanding)
{
	struct iovec iov = { data, size };
	int sent = 0, done = 0;
	uint64_t from = 0;

	while (done < outstanding + count) {
		while (sent < outstanding + count && sent - done < outstanding) {
			homa_send(h, to, 0, &iov, 1);
			sent++;
		}
		if (homa_receive(h) != size)
			die("wrong size");
		if (++done == outstanding)
			from = now();
	}
	return now() - from;
}

struct connection {
	int fd;
	size_t sent, got;	/* bytes of the message under way; size: none is */
};

/* As far as it goes. Return: whether the message's echo is complete. */
static int advance(struct connection *c, char *data, char *to, size_t size)
{
	ssize_t n;

	while (c->sent < size) {
		n = send(c->fd, data + c->sent, size - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			die("send");
		c->sent += n;
	}
	while (c->got < size) {
		n = recv(c->fd, to + c->got, size - c->got, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			die("receive");
		c->got += n;
	}
	return c->sent == size;
}

static uint64_t tcp_round(int epoll, struct connection *c, char *data, char *to, uint32_t size,
			  int count, int outstanding)
{
	struct epoll_event events[MOST];
	int sent = outstanding, done = 0, i, n = outstanding;
	uint64_t from = 0;

	for (i = 0; i < outstanding; i++) {
		c[i].sent = 0;
		c[i].got = 0;
		events[i].data.u32 = i;
	}
	for (;;) {
		for (i = 0; i < n; i++) {
			struct connection *at = &c[events[i].data.u32];

			while (at->got < size && advance(at, data, to, size)) {
				if (++done == outstanding)
					from = now();
				if (sent == outstanding + count)
					break;
				at->sent = 0;
				at->got = 0;
				sent++;
			}
		}
		if (done == outstanding + count)
			return now() - from;
		n = epoll_wait(epoll, events, MOST, -1);
		if (n < 0)
			die("epoll_wait");
	}
}

static void run_compare(const char *host, const char *port, uint32_t size, int count,
			int outstanding, int rounds, const char *name)
{
	static const char *const what[] = { "tcp", "homa", "ratio" };
	struct sockaddr_in to = address(host, port);
	char *data = malloc(size), *back = malloc(size);
	struct connection c[MOST];
	uint64_t took[3][ROUNDS];
	int epoll = epoll_create1(0), one = 1, i;
	struct homa h;

	memset(data, 7, size);
	homa_open(&h, NULL);
	for (i = 0; i < outstanding; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			die("connect");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (send(fd, &size, sizeof(size), 0) != sizeof(size))
			die("send");
		event.data.u32 = i;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			die("epoll_ctl");
		c[i] = (struct connection){ fd, size, size };
	}
	for (i = 0; i < rounds; i++) {
		took[0][i] = tcp_round(epoll, c, data, back, size, count, outstanding) / count;
		took[1][i] = homa_round(&h, &to, data, size, count, outstanding) / count;
		took[2][i] = took[1][i] * 1000 / took[0][i];
	}
	for (i = 0; i < 3; i++) {
		qsort(took[i], rounds, sizeof(took[i][0]), compare);
		printf("%s\t%s\t%u\t%d", name, what[i], size, outstanding);
		if (i == 2)
			printf("\t%llu", (unsigned long long)took[i][rounds / 4]);
		printf("\t%llu", (unsigned long long)took[i][rounds / 2]);
		if (i == 2)
			printf("\t%llu", (unsigned long long)took[i][rounds * 3 / 4]);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	int use_homa;

	if (argc >= 8 && !strcmp(argv[1], "compare")) {
		int size = atoi(argv[4]), count = atoi(argv[5]), outstanding = atoi(argv[6]);
		int rounds = atoi(argv[7]);

		if (size >= 1 && count >= 1 && outstanding >= 1 && outstanding <= MOST &&
		    rounds >= 1 && rounds <= ROUNDS) {
			run_compare(argv[2], argv[3], size, count, outstanding, rounds,
				    argc > 8 ? argv[8] : "");
			return 0;
		}
		fputs(usage, stderr);
		return 2;
	}

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < 4 || (strcmp(argv[2], "homa") && strcmp(argv[2], "tcp"))) {
		fputs(usage, stderr);
		return 2;
	}
	use_homa = !strcmp(argv[2], "homa");
	if (!strcmp(argv[1], "server") && argc == 4) {
		if (use_homa)
			homa_serve(argv[3]);
		else
			tcp_serve(argv[3]);
	}
	if (strcmp(argv[1], "client") || argc < 7 || atoi(argv[5]) < 1 || atoi(argv[6]) < 1) {
		fputs(usage, stderr);
		return 2;
	}
	run_client(use_homa, argv[3], argv[4], atoi(argv[5]), atoi(argv[6]),
		   argc > 7 ? argv[7] : argv[2]);
	return 0;
}
