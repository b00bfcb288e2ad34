/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
#ifndef HOMA_TRACE_STUB
#define HOMA_TRACE_STUB
#define trace_homa_control_out(peer, pkt)
#define trace_homa_data_out(rpc, pkt, priority)
#define trace_homa_packet_in(peer, pkt)
#endif
