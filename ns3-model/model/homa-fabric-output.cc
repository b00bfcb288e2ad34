/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lean road; see homa-fabric-output.h.
 */
#include "homa-fabric-output.h"

#include "fabric-ahead.h"
#include "fabric.h"
#include "homa-address.h"
#include "homa-host.h"

#include "ns3/boolean.h"
#include "ns3/ipv4-header.h"
#include "ns3/log.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <vector>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("HomaFabricOutput");
NS_OBJECT_ENSURE_REGISTERED(HomaFabricOutput);

/** Offsets in an IPv4 header without options. */
enum Ipv4Offset
{
    IPV4_TTL = 8,
    IPV4_SOURCE = 12,
    IPV4_DESTINATION = 16,
};

constexpr uint8_t PROTOCOL_ICMP = 1;                   //!< IP protocol number.
constexpr uint32_t ICMP_PORT_UNREACHABLE = 0x03030000; //!< Type, code, no checksum.

/**
 * Write a number, highest byte first.
 * \param at Where to.
 * \param value The number.
 */
static void
Put32(uint8_t* at, uint32_t value)
{
    at[0] = static_cast<uint8_t>(value >> 24);
    at[1] = static_cast<uint8_t>(value >> 16);
    at[2] = static_cast<uint8_t>(value >> 8);
    at[3] = static_cast<uint8_t>(value);
}

/**
 * Read a number, highest byte first.
 * \param at Where it is.
 * \return The number.
 */
static uint32_t
Get32(const uint8_t* at)
{
    return static_cast<uint32_t>(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

TypeId
HomaFabricOutput::GetTypeId()
{
    static TypeId tid = TypeId("ns3::HomaFabricOutput")
                            .SetParent<Object>()
                            .SetGroupName("Homa")
                            .AddConstructor<HomaFabricOutput>()
                            .AddAttribute("FreeResponses",
                                          "Responses take no time on links: for measuring what "
                                          "they cost. Config::SetDefault() sets it, before Homa "
                                          "is installed.",
                                          TypeId::ATTR_GET | TypeId::ATTR_CONSTRUCT,
                                          BooleanValue(false),
                                          MakeBooleanAccessor(&HomaFabricOutput::m_freeResponses),
                                          MakeBooleanChecker());
    return tid;
}

HomaFabricOutput::HomaFabricOutput() = default;
HomaFabricOutput::~HomaFabricOutput() = default;

void
HomaFabricOutput::DoDispose()
{
    if (m_device)
    {
        m_device->SetFabricReceiver(nullptr);
    }
    m_transport = nullptr;
    m_device = nullptr;
    Object::DoDispose();
}

void
HomaFabricOutput::Install(Ptr<HomaTransport> transport, Ptr<FabricNetDevice> device)
{
    m_transport = transport;
    m_device = device;
    m_addresses = device->GetFabric()->GetIpv4Addresses();
    device->SetFabricReceiver(this);
    HomaTransport::Link link;
    link.mtu = device->GetMtu();
    link.framing = FABRIC_OVERHEAD_BYTES;
    link.minFrame = FABRIC_MIN_DATAGRAM_BYTES;
    link.rate = device->GetPort()->GetRate();
    link.freeResponses = m_freeResponses;
    transport->Start(this, link);
    std::vector<const void*> lines(HOMA_HOST_LINES);
    homa_host_lines(&transport->GetHost(), lines.data());
    lines.push_back(device->GetSink());
    lines.push_back(static_cast<FabricHostSink*>(this));
    lines.push_back(transport->GetLine());
    lines.push_back(device->GetPort()->GetLine());
    FabricAhead::Add(device->GetNode()->GetId(), lines);
}

uint32_t
HomaFabricOutput::HostOf(struct homa_host_peer* peer) const
{
    /* Its place is the index and 1; that of "no such host" and 1 is 0, and found out every time. */
    if (!peer->place && HomaAddress::IsIpv4(peer->address))
    {
        peer->place = m_device->GetFabric()->FindHost(HomaAddress::ToIpv4(peer->address)) + 1;
    }
    return peer->place - 1;
}

void
HomaFabricOutput::NoWay(Ipv6Address peer)
{
    m_lost.erase(peer);
    if (m_transport && m_transport->IsStarted())
    {
        m_transport->Unreachable(peer, nullptr, HomaError::UNREACHABLE);
    }
}

void
HomaFabricOutput::PutIpv4(uint8_t* ip, const FabricPacket* packet) const
{
    const uint32_t length = HOMA_IPV4_HEADER + packet->headerBytes + packet->payloadBytes;
    Put32(ip, 0x45000000u | static_cast<uint32_t>(packet->priority) << 21 | length);
    Put32(ip + 4, 0);
    Put32(ip + IPV4_TTL, 64u << 24 | static_cast<uint32_t>(packet->user) << 16);
    Put32(ip + IPV4_SOURCE, m_addresses[packet->src]);
    Put32(ip + IPV4_DESTINATION, m_addresses[packet->dst]);
}

void
HomaFabricOutput::Send(struct homa_host_peer* peer,
                       const homa_packet& packet,
                       Ptr<Packet> content,
                       uint8_t priority)
{
    uint32_t host = HostOf(peer);
    if (host == FABRIC_NO_HOST)
    {
        const Ipv6Address to = HomaAddress::ToIpv6(peer->address);
        NS_LOG_LOGIC("no host has the address " << to);
        if (m_lost.insert(to).second)
        {
            /* Not now: the transport is sending. */
            Simulator::ScheduleNow(&HomaFabricOutput::NoWay, Ptr<HomaFabricOutput>(this), to);
        }
        return;
    }
    FabricPacket* out = FabricPacket::Create();
    uint32_t header = homa_wire_encode(out->header, &packet);
    uint32_t payload = packet.type == HOMA_DATA ? packet.data.length : 0;

    out->user = HOMA_IPPROTO;
    out->headerBytes = static_cast<uint8_t>(header);
    out->payloadBytes = payload;
    out->packet = content;
    out->priority = priority;
    out->dst = host;
    // As Get32(out->header), but without waiting for what has just been written there.
    const uint32_t ports = static_cast<uint32_t>(packet.sport) << 16 | packet.dport;
    out->hash = FabricPacket::FlowHash(m_device->GetHost(), host, HOMA_IPPROTO, ports);
    out->wireBytes = FabricPacket::WireBytes(HOMA_IPV4_HEADER + header + payload);
    if (m_freeResponses && packet.type == HOMA_DATA && !homa_id_is_client(packet.sender_id))
    {
        out->wireBytes = 1; /* A nanosecond, so that nothing downstream divides or waits by zero. */
    }
    m_device->SendFabric(out, Simulator::Now().GetTimeStep());
}

void
HomaFabricOutput::SendPortUnreachable(const FabricPacket* refused)
{
    FabricPacket* out = FabricPacket::Create();
    uint8_t* icmp = out->header;
    Put32(icmp, ICMP_PORT_UNREACHABLE);
    Put32(icmp + 4, 0);
    PutIpv4(icmp + ICMP_HEADER, refused);
    std::copy_n(refused->header,
                ICMP_QUOTE - HOMA_IPV4_HEADER,
                icmp + ICMP_HEADER + HOMA_IPV4_HEADER);
    out->user = PROTOCOL_ICMP;
    out->headerBytes = ICMP_BYTES;
    out->dst = refused->src;
    out->hash = FabricPacket::FlowHash(m_device->GetHost(),
                                       refused->src,
                                       PROTOCOL_ICMP,
                                       ICMP_PORT_UNREACHABLE);
    out->wireBytes = FabricPacket::WireBytes(HOMA_IPV4_HEADER + ICMP_BYTES);
    m_device->SendFabric(out, Simulator::Now().GetTimeStep());
}

void
HomaFabricOutput::ReceivePortUnreachable(const FabricPacket* packet)
{
    const uint8_t* quote = packet->header + ICMP_HEADER;
    struct homa_address peer = {0, HOMA_IPV4_MAPPED | Get32(quote + IPV4_DESTINATION)};
    struct homa_quote about;
    if (homa_wire_quote(&about, quote + HOMA_IPV4_HEADER, ICMP_QUOTE - HOMA_IPV4_HEADER, true))
    {
        m_transport->Unreachable(HomaAddress::ToIpv6(peer), &about, HomaError::REFUSED);
    }
}

void
HomaFabricOutput::ExpectFabric(const FabricPacket* packet) const
{
    if (m_transport)
    {
        const struct homa_address from = {0, HOMA_IPV4_MAPPED | m_addresses[packet->src]};
        homa_host_expect(&m_transport->GetHost(), from, packet->header);
    }
}

void
HomaFabricOutput::ReceiveFabric(FabricPacket* packet, uint64_t now)
{
    if (m_transport && packet->user == HOMA_IPPROTO)
    {
        struct homa_address from = {0, HOMA_IPV4_MAPPED | m_addresses[packet->src]};
        bool served = m_transport->Receive(from,
                                           packet->header,
                                           packet->headerBytes,
                                           packet->headerBytes + packet->payloadBytes,
                                           packet->packet);
        if (!served)
        {
            SendPortUnreachable(packet);
        }
    }
    else if (m_transport && packet->user == PROTOCOL_ICMP)
    {
        ReceivePortUnreachable(packet);
    }
    packet->Release();
}

Ptr<Packet>
HomaFabricOutput::MakeDatagram(const FabricPacket* packet)
{
    uint8_t head[HOMA_IPV4_HEADER];
    PutIpv4(head, packet);
    Ipv4Header ip;
    Create<Packet>(head, sizeof(head))->RemoveHeader(ip);
    ip.EnableChecksum();
    Ptr<Packet> datagram = JoinDatagram(packet);
    datagram->AddHeader(ip);
    return datagram;
}

} // namespace ns3
