/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line for every packet; see packet-log.h.
 */
#include "packet-log.h"

#include "ns3/homa-host.h"
#include "ns3/simulator.h"

#include <cerrno>
#include <cstring>
#include <iomanip>
#include <stdexcept>

namespace ns3
{

PacketLog::PacketLog(const std::string& path)
    : m_file(path)
{
    if (!m_file)
    {
        throw std::runtime_error(path + ": " + strerror(errno));
    }
    m_file << "# seconds, host, direction, RPC (low 32 bits, client's side), peer, type, fields"
           << std::endl;
}

void
PacketLog::Follow(Ptr<HomaTransport> transport, const std::string& name)
{
    using Sink = Callback<void, const homa_packet&, Ipv6Address, uint8_t>;
    transport->TraceConnectWithoutContext(
        "PacketSent",
        Sink([this, name](const homa_packet& packet, Ipv6Address peer, uint8_t) {
            Write(name, "->", packet, peer);
        }));
    transport->TraceConnectWithoutContext(
        "PacketReceived",
        Sink([this, name](const homa_packet& packet, Ipv6Address peer, uint8_t) {
            Write(name, "<-", packet, peer);
        }));
}

void
PacketLog::Write(const std::string& name,
                 const char* direction,
                 const homa_packet& packet,
                 Ipv6Address peer)
{
    m_file << std::fixed << std::setprecision(6) << Simulator::Now().GetSeconds() << " " << name
           << " " << direction << " " << (packet.sender_id & 0xfffffffe)
           << (homa_id_is_client(packet.sender_id) ? "c " : "s ") << peer;
    switch (packet.type)
    {
    case HOMA_DATA:
        m_file << " DATA " << packet.data.offset << "+" << packet.data.length << " of "
               << packet.data.message_length << " incoming " << packet.data.incoming
               << (packet.data.retransmit ? " again" : "");
        break;
    case HOMA_GRANT:
        m_file << " GRANT " << packet.grant.offset << " at " << +packet.grant.priority;
        break;
    case HOMA_RESEND:
        m_file << " RESEND " << packet.resend.offset << "+" << packet.resend.length;
        break;
    case HOMA_ACK:
        m_file << " ACK and " << packet.ack.count << " more";
        break;
    default:
        m_file << " " << homa_wire_type_name(packet.type);
    }
    m_file << "\n";
}

} // namespace ns3
