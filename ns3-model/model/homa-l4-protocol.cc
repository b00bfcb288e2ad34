/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ordinary road; see homa-l4-protocol.h.
 */
#include "homa-l4-protocol.h"

#include "homa-address.h"
#include "homa-header.h"

#include "ns3/channel.h"
#include "ns3/data-rate.h"
#include "ns3/fabric-net-device.h"
#include "ns3/icmpv4.h"
#include "ns3/icmpv6-header.h"
#include "ns3/ipv4-route.h"
#include "ns3/ipv4-routing-protocol.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6-route.h"
#include "ns3/ipv6-routing-protocol.h"
#include "ns3/ipv6.h"
#include "ns3/log.h"
#include "ns3/loopback-net-device.h"
#include "ns3/node.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"

#include <algorithm>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("HomaL4Protocol");
NS_OBJECT_ENSURE_REGISTERED(HomaL4Protocol);

namespace
{

constexpr uint32_t PRIORITY_SHIFT = 5;       //!< Of the priority in TOS and traffic class.
constexpr uint32_t POINT_TO_POINT_FRAME = 2; //!< Bytes around a datagram: PPP's protocol.
constexpr uint32_t ETHERNET_FRAME = 18;      //!< Header and CRC; ns-3's CSMA has no gap.

/** Codes of ICMP's "destination unreachable" (RFC 792, RFC 1122). */
enum IcmpCode : uint8_t
{
    ICMP_PROTOCOL_UNREACHABLE = 2,
    ICMP_PORT_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4,
};

constexpr uint32_t ICMP_QUOTED = 8; //!< Bytes behind the IP header that ns-3 hands on.

} // namespace

TypeId
HomaL4Protocol::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::HomaL4Protocol")
            .SetParent<IpL4Protocol>()
            .SetGroupName("Homa")
            .AddConstructor<HomaL4Protocol>()
            .AddAttribute("RouteLifetime",
                          "How long a route to a peer is used before it is looked up again. Routes "
                          "through interfaces that go down are looked up at once.",
                          TimeValue(MilliSeconds(10)),
                          MakeTimeAccessor(&HomaL4Protocol::m_routeLifetime),
                          MakeTimeChecker(Time(0)));
    return tid;
}

HomaL4Protocol::HomaL4Protocol() = default;
HomaL4Protocol::~HomaL4Protocol() = default;

void
HomaL4Protocol::NotifyNewAggregate()
{
    m_node = m_node ? m_node : GetObject<Node>();
    if (m_node)
    {
        m_transport = m_transport ? m_transport : m_node->GetObject<HomaTransport>();
        Ptr<Ipv4> ipv4 = m_node->GetObject<Ipv4>();
        Ptr<Ipv6> ipv6 = m_node->GetObject<Ipv6>();
        if (ipv4 && !m_ipv4)
        {
            m_ipv4 = ipv4;
            m_ipv4->Insert(this);
            m_downTarget = MakeCallback(&Ipv4::Send, m_ipv4);
        }
        if (ipv6 && !m_ipv6)
        {
            m_ipv6 = ipv6;
            m_ipv6->Insert(this);
            m_downTarget6 = MakeCallback(&Ipv6::Send, m_ipv6);
        }
    }
    IpL4Protocol::NotifyNewAggregate();
}

void
HomaL4Protocol::DoInitialize()
{
    Start();
    IpL4Protocol::DoInitialize();
}

void
HomaL4Protocol::DoDispose()
{
    m_node = nullptr;
    m_ipv4 = nullptr;
    m_ipv6 = nullptr;
    m_transport = nullptr;
    m_downTarget.Nullify();
    m_downTarget6.Nullify();
    m_ways.clear();
    IpL4Protocol::DoDispose();
}

void
HomaL4Protocol::AddDevice(Ptr<NetDevice> device, HomaTransport::Link& link)
{
    if (!device || DynamicCast<LoopbackNetDevice>(device))
    {
        return;
    }
    link.mtu = std::min<uint32_t>(link.mtu, device->GetMtu());
    DataRateValue value;
    Ptr<FabricNetDevice> fabric = DynamicCast<FabricNetDevice>(device);
    Ptr<Channel> channel = device->GetChannel();
    uint64_t rate = 0;
    if (fabric)
    {
        rate = fabric->GetPort()->GetRate();
    }
    else if (device->GetAttributeFailSafe("DataRate", value) ||
             (channel && channel->GetAttributeFailSafe("DataRate", value)))
    {
        rate = value.Get().GetBitRate();
    }
    if (rate < link.rate || (!rate && link.framing))
    {
        return;
    }
    link.rate = rate;
    link.framing = fabric                     ? uint32_t(FABRIC_OVERHEAD_BYTES)
                   : device->IsPointToPoint() ? POINT_TO_POINT_FRAME
                                              : ETHERNET_FRAME;
    link.minFrame = fabric                     ? uint32_t(FABRIC_MIN_DATAGRAM_BYTES)
                    : device->IsPointToPoint() ? 0
                                               : uint32_t(FABRIC_MIN_DATAGRAM_BYTES);
}

void
HomaL4Protocol::Start()
{
    if (!m_transport || m_transport->IsStarted())
    {
        return;
    }
    HomaTransport::Link link{UINT16_MAX, 0, 0, 0};
    for (uint32_t i = 0; i < m_node->GetNDevices(); i++)
    {
        Ptr<NetDevice> device = m_node->GetDevice(i);
        if ((m_ipv4 && m_ipv4->GetInterfaceForDevice(device) >= 0) ||
            (m_ipv6 && m_ipv6->GetInterfaceForDevice(device) >= 0))
        {
            AddDevice(device, link);
        }
    }
    m_transport->Start(this, link);
}

void
HomaL4Protocol::Send(struct homa_host_peer* peer,
                     const homa_packet& packet,
                     Ptr<Packet> content,
                     uint8_t priority)
{
    Ipv6Address to = HomaAddress::ToIpv6(peer->address);
    Way& way = m_ways[to];
    HomaHeader header;
    header.Set(packet);
    uint32_t payload = packet.type == HOMA_DATA ? packet.data.length : 0;
    Ptr<Packet> datagram = content ? content : Create<Packet>(payload);
    datagram->AddHeader(header);
    bool sent;
    if (HomaAddress::IsIpv4(peer->address))
    {
        SocketIpTosTag tag;
        tag.SetTos(priority << PRIORITY_SHIFT);
        datagram->ReplacePacketTag(tag);
        sent = SendIpv4(way, HomaAddress::ToIpv4(peer->address), datagram);
    }
    else
    {
        SocketIpv6TclassTag tag;
        tag.SetTclass(priority << PRIORITY_SHIFT);
        datagram->ReplacePacketTag(tag);
        sent = SendIpv6(way, to, datagram);
    }
    if (!sent && !way.told)
    {
        way.told = true;
        /* Not now: the transport is sending. */
        Simulator::ScheduleNow(&HomaL4Protocol::NoWay, Ptr<HomaL4Protocol>(this), to);
    }
}

void
HomaL4Protocol::NoWay(Ipv6Address peer)
{
    if (m_transport && m_transport->IsStarted())
    {
        m_ways[peer].told = false;
        m_transport->Unreachable(peer, nullptr, HomaError::UNREACHABLE);
    }
}

bool
HomaL4Protocol::IsStale(const Way& way)
{
    return !way.known || way.until < Simulator::Now();
}

bool
HomaL4Protocol::SendIpv4(Way& way, Ipv4Address to, Ptr<Packet> datagram)
{
    if (!m_ipv4 || !m_ipv4->GetRoutingProtocol() || to.IsMulticast())
    {
        return false;
    }
    if (IsStale(way) || !m_ipv4->IsUp(way.interface))
    {
        Socket::SocketErrno error;
        Ipv4Header header;
        header.SetDestination(to);
        header.SetProtocol(PROT_NUMBER);
        way.route = m_ipv4->GetRoutingProtocol()->RouteOutput(datagram, header, nullptr, error);
        way.known = false;
        if (!way.route)
        {
            NS_LOG_LOGIC("no route to " << to);
            return false;
        }
        way.interface = m_ipv4->GetInterfaceForDevice(way.route->GetOutputDevice());
        way.local = m_ipv4->GetInterfaceForAddress(to) >= 0;
        way.source = Ipv6Address::MakeIpv4MappedAddress(way.route->GetSource());
        if (!way.heardAt.IsAny() &&
            m_ipv4->GetInterfaceForAddress(way.heardAt.GetIpv4MappedAddress()) >= 0)
        {
            way.source = way.heardAt;
        }
        /* A routing protocol that is still looking gives the loopback device: it wants to see every
         * packet. */
        way.known = way.local || !DynamicCast<LoopbackNetDevice>(way.route->GetOutputDevice());
        way.until = Simulator::Now() + m_routeLifetime;
    }
    if (way.local)
    {
        /* IP would deliver it within this call, while the transport is sending. */
        Simulator::ScheduleNow([down = m_downTarget, datagram, way, to]() {
            down(datagram, way.source.GetIpv4MappedAddress(), to, PROT_NUMBER, way.route);
        });
        return true;
    }
    m_downTarget(datagram, way.source.GetIpv4MappedAddress(), to, PROT_NUMBER, way.route);
    return true;
}

bool
HomaL4Protocol::SendIpv6(Way& way, Ipv6Address to, Ptr<Packet> datagram)
{
    if (!m_ipv6 || !m_ipv6->GetRoutingProtocol() || to.IsMulticast())
    {
        return false;
    }
    if (IsStale(way) || !m_ipv6->IsUp(way.interface))
    {
        Socket::SocketErrno error;
        Ipv6Header header;
        header.SetDestination(to);
        header.SetNextHeader(PROT_NUMBER);
        way.route6 = m_ipv6->GetRoutingProtocol()->RouteOutput(datagram, header, nullptr, error);
        way.known = false;
        if (!way.route6)
        {
            NS_LOG_LOGIC("no route to " << to);
            return false;
        }
        way.interface = m_ipv6->GetInterfaceForDevice(way.route6->GetOutputDevice());
        way.local = m_ipv6->GetInterfaceForAddress(to) >= 0;
        way.source = way.route6->GetSource();
        if (!way.heardAt.IsAny() && m_ipv6->GetInterfaceForAddress(way.heardAt) >= 0)
        {
            way.source = way.heardAt;
        }
        way.known = way.local || !DynamicCast<LoopbackNetDevice>(way.route6->GetOutputDevice());
        way.until = Simulator::Now() + m_routeLifetime;
    }
    if (way.local)
    {
        Simulator::ScheduleNow([down = m_downTarget6, datagram, way, to]() {
            down(datagram, way.source, to, PROT_NUMBER, way.route6);
        });
        return true;
    }
    m_downTarget6(datagram, way.source, to, PROT_NUMBER, way.route6);
    return true;
}

int
HomaL4Protocol::GetProtocolNumber() const
{
    return PROT_NUMBER;
}

IpL4Protocol::RxStatus
HomaL4Protocol::ReceiveFrom(Ipv6Address from, Ipv6Address at, Ptr<Packet> packet)
{
    if (!m_transport || !m_transport->IsStarted())
    {
        return RX_ENDPOINT_CLOSED;
    }
    Way& way = m_ways[from];
    if (!(way.heardAt == at))
    {
        way.heardAt = at;
        way.known = false;
    }
    uint8_t bytes[HOMA_MAX_HEADER];
    uint32_t length = packet->GetSize();
    uint32_t readable = packet->CopyData(bytes, sizeof(bytes));
    Ptr<Packet> payload;
    if (length > HOMA_DATA_HEADER)
    {
        packet->RemoveAtStart(HOMA_DATA_HEADER);
        payload = packet;
    }
    bool served =
        m_transport->Receive(HomaAddress::FromIpv6(from), bytes, readable, length, payload);
    return served ? RX_OK : RX_ENDPOINT_UNREACH;
}

IpL4Protocol::RxStatus
HomaL4Protocol::Receive(Ptr<Packet> packet, const Ipv4Header& header, Ptr<Ipv4Interface> incoming)
{
    Ipv4Address at = header.GetDestination();
    Ipv6Address from = Ipv6Address::MakeIpv4MappedAddress(header.GetSource());
    if (!m_ipv4 || m_ipv4->GetInterfaceForAddress(at) < 0)
    {
        return RX_ENDPOINT_CLOSED;
    }
    return ReceiveFrom(from, Ipv6Address::MakeIpv4MappedAddress(at), packet);
}

IpL4Protocol::RxStatus
HomaL4Protocol::Receive(Ptr<Packet> packet, const Ipv6Header& header, Ptr<Ipv6Interface> incoming)
{
    if (header.GetDestination().IsMulticast())
    {
        return RX_ENDPOINT_CLOSED;
    }
    return ReceiveFrom(header.GetSource(), header.GetDestination(), packet);
}

void
HomaL4Protocol::ReceiveIcmp(Ipv4Address icmpSource,
                            uint8_t icmpTtl,
                            uint8_t icmpType,
                            uint8_t icmpCode,
                            uint32_t icmpInfo,
                            Ipv4Address payloadSource,
                            Ipv4Address payloadDestination,
                            const uint8_t payload[8])
{
    if (!m_transport || icmpType != Icmpv4Header::ICMPV4_DEST_UNREACH ||
        icmpCode == ICMP_FRAGMENTATION_NEEDED)
    {
        return;
    }
    const bool port = icmpCode == ICMP_PORT_UNREACHABLE;
    struct homa_quote quote;
    if (homa_wire_quote(&quote, payload, ICMP_QUOTED, port))
    {
        m_transport->Unreachable(Ipv6Address::MakeIpv4MappedAddress(payloadDestination),
                                 &quote,
                                 port || icmpCode == ICMP_PROTOCOL_UNREACHABLE
                                     ? HomaError::REFUSED
                                     : HomaError::UNREACHABLE);
    }
}

void
HomaL4Protocol::ReceiveIcmp(Ipv6Address icmpSource,
                            uint8_t icmpTtl,
                            uint8_t icmpType,
                            uint8_t icmpCode,
                            uint32_t icmpInfo,
                            Ipv6Address payloadSource,
                            Ipv6Address payloadDestination,
                            const uint8_t payload[8])
{
    const bool unreachable = icmpType == Icmpv6Header::ICMPV6_ERROR_DESTINATION_UNREACHABLE;
    const bool port = unreachable && icmpCode == Icmpv6Header::ICMPV6_PORT_UNREACHABLE;
    const bool unknown = icmpType == Icmpv6Header::ICMPV6_ERROR_PARAMETER_ERROR &&
                         icmpCode == Icmpv6Header::ICMPV6_UNKNOWN_NEXT_HEADER;
    struct homa_quote quote;
    if (m_transport && (unreachable || unknown) &&
        homa_wire_quote(&quote, payload, ICMP_QUOTED, port))
    {
        m_transport->Unreachable(payloadDestination,
                                 &quote,
                                 port || unknown ? HomaError::REFUSED : HomaError::UNREACHABLE);
    }
}

void
HomaL4Protocol::SetDownTarget(DownTargetCallback cb)
{
    m_downTarget = cb;
}

void
HomaL4Protocol::SetDownTarget6(DownTargetCallback6 cb)
{
    m_downTarget6 = cb;
}

IpL4Protocol::DownTargetCallback
HomaL4Protocol::GetDownTarget() const
{
    return m_downTarget;
}

IpL4Protocol::DownTargetCallback6
HomaL4Protocol::GetDownTarget6() const
{
    return m_downTarget6;
}

} // namespace ns3
