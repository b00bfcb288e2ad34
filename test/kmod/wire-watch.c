// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * What comes in at an interface: counts Homa packets by the form they have, for tests of offloads
 * and of the TCP disguise. Batches are counted as they come, as one.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOMA 146
#define TCP 6

static const char usage[] =
	"Usage: wire-watch INTERFACE\n"
	"Counts packets that come in at INTERFACE until SIGTERM; then prints lines NAME VALUE:\n"
	"  plain         Homa packets             disguised     Homa packets that look like TCP\n"
	"  tcp           other TCP packets        longest       bytes of the longest IP packet of Homa\n"
	"  interleaved   batches with headers between the data\n"
	"  in_sequence   DATA with its offset in the sequence number only\n"
	"  unfinished    disguised ones whose checksum is left to the device\n"
	"  bad_checksum  disguised ones whose checksum is wrong\n"
	"  least_ttl     of Homa packets (255: none)\n";

static struct {
	unsigned long plain, disguised, tcp, longest, interleaved, in_sequence, unfinished,
		bad_checksum, least_ttl;
} seen = { .least_ttl = 255 };

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint32_t sum(uint32_t so_far, const uint8_t *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		so_far += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return so_far;
}

static bool checksum_is_right(const uint8_t *addresses, size_t addresses_length,
			      const uint8_t *tcp, size_t length)
{
	uint32_t s = sum((uint32_t)length + TCP, addresses, addresses_length);

	s = sum(s, tcp, length);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s == 0xffff;
}

static void look(const uint8_t *ip, size_t length, bool unfinished)
{
	bool four = ip[0] >> 4 == 4;
	size_t header = four ? 20 : 40, total;
	const uint8_t *homa = ip + header;
	uint8_t protocol, ttl;

	if (length < header + 28)
		return;
	protocol = four ? ip[9] : ip[6];
	ttl = four ? ip[8] : ip[7];
	total = four ? (size_t)ip[2] << 8 | ip[3] : header + ((size_t)ip[4] << 8 | ip[5]);
	if (total < length)
		length = total;
	if (protocol == TCP && (homa[13] != 6 || homa[18] != 0xb9 || homa[19] != 0x7d)) {
		seen.tcp++;
		return;
	}
	if (protocol != TCP && protocol != HOMA)
		return;
	if (ttl < seen.least_ttl)
		seen.least_ttl = ttl;
	if (length > seen.longest)
		seen.longest = length;
	seen.interleaved += homa[11] == 0x10 && homa[12] >> 4 == 13;
	seen.in_sequence += homa[11] == 0x10 && length >= header + 56 &&
			    !memcmp(homa + 52, "\xff\xff\xff\xff", 4);
	if (protocol == HOMA) {
		seen.plain++;
		return;
	}
	seen.disguised++;
	if (unfinished)
		seen.unfinished++;
	else
		seen.bad_checksum += !checksum_is_right(four ? ip + 12 : ip + 8, four ? 8 : 32,
							homa, length - header);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct sigaction action = { .sa_handler = stop };
	int fd, on = 1, room = 16 << 20;
	static uint8_t bytes[70000];

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc != 2)
		return fputs(usage, stderr), 2;
	link.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (!link.sll_ifindex)
		errx(2, "%s: no such interface", argv[1]);
	fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&link, sizeof(link)))
		err(1, "cannot listen at %s", argv[1]);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	sigaction(SIGTERM, &action, NULL);
	printf("# serving\n");
	fflush(stdout);
	while (!stopped) {
		struct iovec piece = { bytes, sizeof(bytes) };
		char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct msghdr msg = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
				      .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(fd, &msg, 0);
		struct cmsghdr *about = length > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
		struct tpacket_auxdata aux = { 0 };

		if (about)
			memcpy(&aux, CMSG_DATA(about), sizeof(aux));
		if (length > 0)
			look(bytes, (size_t)length, aux.tp_status & TP_STATUS_CSUMNOTREADY);
	}
	printf("plain %lu\ndisguised %lu\ntcp %lu\nlongest %lu\ninterleaved %lu\nin_sequence %lu\n"
	       "unfinished %lu\nbad_checksum %lu\nleast_ttl %lu\n", seen.plain, seen.disguised,
	       seen.tcp, seen.longest, seen.interleaved, seen.in_sequence, seen.unfinished,
	       seen.bad_checksum, seen.least_ttl);
	return 0;
}
