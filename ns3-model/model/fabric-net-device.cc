/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host's network card on the fabric.
 */
#include "fabric-net-device.h"

#include "fabric.h"

#include "ns3/channel.h"
#include "ns3/log.h"
#include "ns3/node.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("FabricNetDevice");

NS_OBJECT_ENSURE_REGISTERED(FabricNetDevice);

namespace
{

constexpr uint16_t ETHERTYPE_IPV4 = 0x0800; //!< IPv4.
constexpr uint16_t ETHERTYPE_IPV6 = 0x86DD; //!< IPv6.
constexpr uint8_t IPV6_FRAGMENT = 44;       //!< Next header: a fragment.
constexpr uint32_t PEEK_BYTES = 64;         //!< The longest IPv4 header and four bytes more.

/**
 * \param bytes Four bytes.
 * \return Their value, first byte highest.
 */
uint32_t
ReadU32(const uint8_t* bytes)
{
    return uint32_t(bytes[0]) << 24 | uint32_t(bytes[1]) << 16 | uint32_t(bytes[2]) << 8 | bytes[3];
}

/**
 * \param host Index of a host.
 * \return The address of its card: locally administered, ending in the index.
 */
Mac48Address
MakeMac(uint32_t host)
{
    const uint8_t bytes[6] =
        {0x02, 0x00, uint8_t(host >> 24), uint8_t(host >> 16), uint8_t(host >> 8), uint8_t(host)};
    Mac48Address address;
    address.CopyFrom(bytes);
    return address;
}

} // namespace

TypeId
FabricNetDevice::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::FabricNetDevice")
            .SetParent<NetDevice>()
            .SetGroupName("Homa")
            .AddConstructor<FabricNetDevice>()
            .AddAttribute("Mtu",
                          "Largest IP datagram, bytes. A fabric sets it when it is built "
                          "(FabricParameters::mtu), and Homa reads it when it starts.",
                          UintegerValue(1500),
                          MakeUintegerAccessor(&FabricNetDevice::SetMtu, &FabricNetDevice::GetMtu),
                          MakeUintegerChecker<uint16_t>(68))
            .AddAttribute("SoftwareTxDelay",
                          "Delay of the host's software between sending and its card: "
                          "FabricParameters::softwareTxNs.",
                          TypeId::ATTR_GET,
                          TimeValue(),
                          MakeTimeAccessor(&FabricNetDevice::GetSoftwareTxDelay),
                          MakeTimeChecker(NanoSeconds(0)))
            .AddAttribute("NicTxDelay",
                          "Delay of the card before a packet is in its queue: "
                          "FabricParameters::nicTxNs.",
                          TypeId::ATTR_GET,
                          TimeValue(),
                          MakeTimeAccessor(&FabricNetDevice::GetNicTxDelay),
                          MakeTimeChecker(NanoSeconds(0)))
            .AddAttribute("SoftwareRxDelay",
                          "Delay of the host's software between a packet's last bit and its "
                          "delivery: FabricParameters::softwareRxNs.",
                          TypeId::ATTR_GET,
                          TimeValue(),
                          MakeTimeAccessor(&FabricNetDevice::GetSoftwareRxDelay),
                          MakeTimeChecker(NanoSeconds(0)))
            .AddAttribute("Port",
                          "The sending side of the link.",
                          TypeId::ATTR_GET,
                          PointerValue(),
                          MakePointerAccessor(&FabricNetDevice::m_port),
                          MakePointerChecker<FabricPort>())
            .AddTraceSource("MacTx",
                            "A datagram was handed to the device for sending.",
                            MakeTraceSourceAccessor(&FabricNetDevice::m_macTxTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("MacTxDrop",
                            "A datagram was not sent: multicast, or no host has its destination.",
                            MakeTraceSourceAccessor(&FabricNetDevice::m_macTxDropTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("MacRx",
                            "A datagram was received and goes up.",
                            MakeTraceSourceAccessor(&FabricNetDevice::m_macRxTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("Sniffer",
                            "A datagram was sent or received, from its IP header on.",
                            MakeTraceSourceAccessor(&FabricNetDevice::m_snifferTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("PromiscSniffer",
                            "A datagram was sent or received, from its IP header on.",
                            MakeTraceSourceAccessor(&FabricNetDevice::m_promiscSnifferTrace),
                            "ns3::Packet::TracedCallback");
    return tid;
}

FabricNetDevice::FabricNetDevice()
    : m_port(CreateObject<FabricPort>())
{
    m_txPort = PeekPointer(m_port);
}

FabricNetDevice::~FabricNetDevice()
{
}

void
FabricNetDevice::DoDispose()
{
    m_fabric = nullptr;
    m_node = nullptr;
    m_fabricSink = nullptr;
    m_rxCallback = NetDevice::ReceiveCallback();
    m_promiscCallback = NetDevice::PromiscReceiveCallback();
    NetDevice::DoDispose();
}

void
FabricNetDevice::Attach(Ptr<Fabric> fabric, uint32_t host)
{
    m_fabric = fabric;
    m_host = host;
    m_address = MakeMac(host);
    const FabricParameters& p = fabric->GetParameters();
    SetMtu(p.mtu);
    m_port->SetLead(p.softwareTxNs + p.nicTxNs);
}

Ptr<Fabric>
FabricNetDevice::GetFabric() const
{
    return m_fabric;
}

uint32_t
FabricNetDevice::GetHost() const
{
    return m_host;
}

Ptr<FabricPort>
FabricNetDevice::GetPort() const
{
    return m_port;
}

FabricSink*
FabricNetDevice::GetSink()
{
    return this;
}

uint64_t
FabricNetDevice::GetTxDelayNs() const
{
    return m_port->GetLeadNs();
}

Time
FabricNetDevice::GetSoftwareTxDelay() const
{
    return m_fabric ? NanoSeconds(m_fabric->GetParameters().softwareTxNs) : Time();
}

Time
FabricNetDevice::GetNicTxDelay() const
{
    return m_fabric ? NanoSeconds(m_fabric->GetParameters().nicTxNs) : Time();
}

Time
FabricNetDevice::GetSoftwareRxDelay() const
{
    return m_fabric ? NanoSeconds(m_fabric->GetParameters().softwareRxNs) : Time();
}

void
FabricNetDevice::SetFabricReceiver(FabricHostSink* sink)
{
    m_fabricSink = sink;
}

uint64_t
FabricNetDevice::GetUnroutable() const
{
    return m_unroutable;
}

uint64_t
FabricNetDevice::GetMulticastDrops() const
{
    return m_multicastDrops;
}

void
FabricNetDevice::Sniff(const FabricPacket* packet, bool sent)
{
    Ptr<Packet> datagram = packet->packet;
    if (packet->lean)
    {
        datagram = m_fabricSink ? m_fabricSink->MakeDatagram(packet)
                                : FabricHostSink::JoinDatagram(packet);
    }
    if (sent)
    {
        m_macTxTrace(datagram);
    }
    else
    {
        m_macRxTrace(datagram);
    }
    m_snifferTrace(datagram);
    m_promiscSnifferTrace(datagram);
}

bool
FabricNetDevice::Send(Ptr<Packet> packet, const Address& dest, uint16_t protocolNumber)
{
    NS_LOG_FUNCTION(this << packet << dest << protocolNumber);
    uint8_t head[PEEK_BYTES];
    const uint32_t seen = packet->CopyData(head, PEEK_BYTES);
    uint32_t host = FABRIC_NO_HOST;
    uint32_t ports = 0;
    uint8_t priority = 0;
    uint8_t protocol = 0;
    bool multicast = false;
    if (protocolNumber == ETHERTYPE_IPV4 && seen >= 20)
    {
        const uint32_t dst = ReadU32(head + 16);
        multicast = (dst >> 28) == 0xe || dst == UINT32_MAX;
        if (!multicast)
        {
            host = m_fabric->FindHost(Ipv4Address(dst));
        }
        priority = head[1] >> 5;
        protocol = head[9];
        const uint32_t headerBytes = (head[0] & 0xf) * 4;
        const bool fragment = (head[6] & 0x3f) || head[7];
        if (!fragment && seen >= headerBytes + 4)
        {
            ports = ReadU32(head + headerBytes);
        }
    }
    else if (protocolNumber == ETHERTYPE_IPV6 && seen >= 40)
    {
        multicast = head[24] == 0xff;
        if (!multicast)
        {
            host = m_fabric->FindHost(Ipv6Address::Deserialize(head + 24));
        }
        priority = (head[0] & 0xf) >> 1;
        protocol = head[6];
        if (protocol != IPV6_FRAGMENT && seen >= 44)
        {
            ports = ReadU32(head + 40);
        }
    }
    if (host == FABRIC_NO_HOST)
    {
        (multicast ? m_multicastDrops : m_unroutable)++;
        m_macTxDropTrace(packet);
        return multicast;
    }

    FabricPacket* flying = FabricPacket::Create();
    flying->wireBytes = FabricPacket::WireBytes(packet->GetSize());
    flying->src = m_host;
    flying->dst = host;
    flying->hash = FabricPacket::FlowHash(m_host, host, protocol, ports);
    flying->priority = priority;
    flying->user = protocolNumber == ETHERTYPE_IPV6 ? 6 : 4;
    flying->packet = packet->Copy();
    if (!m_macTxTrace.IsEmpty() || !m_snifferTrace.IsEmpty() || !m_promiscSnifferTrace.IsEmpty())
    {
        Sniff(flying, true);
    }
    m_txPort->Enqueue(flying, static_cast<uint64_t>(Simulator::Now().GetTimeStep()));
    return true;
}

void
FabricNetDevice::Expect(const FabricPacket* packet) const
{
    if (packet->lean && m_fabricSink)
    {
        m_fabricSink->ExpectFabric(packet);
    }
}

void
FabricNetDevice::Receive(FabricPacket* packet, uint64_t now)
{
    if (!m_macRxTrace.IsEmpty() || !m_snifferTrace.IsEmpty() || !m_promiscSnifferTrace.IsEmpty())
    {
        Sniff(packet, false);
    }
    if (packet->lean)
    {
        if (m_fabricSink)
        {
            // What arrives is answered: with a grant, or with the data that a grant allows.
            m_txPort->Prefetch();
            m_fabricSink->ReceiveFabric(packet, now);
            return;
        }
        m_unroutable++;
        packet->Release();
        return;
    }
    Ptr<Packet> datagram = packet->packet;
    const uint16_t protocol = packet->user == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    const Mac48Address from = MakeMac(packet->src);
    packet->packet = nullptr;
    packet->Release();
    if (!m_promiscCallback.IsNull())
    {
        m_promiscCallback(this, datagram->Copy(), protocol, from, m_address, PACKET_HOST);
    }
    if (m_rxCallback.IsNull() || !m_rxCallback(this, datagram, protocol, from))
    {
        m_unroutable++;
    }
}

void
FabricNetDevice::SetIfIndex(const uint32_t index)
{
    m_ifIndex = index;
}

uint32_t
FabricNetDevice::GetIfIndex() const
{
    return m_ifIndex;
}

Ptr<Channel>
FabricNetDevice::GetChannel() const
{
    return nullptr;
}

void
FabricNetDevice::SetAddress(Address address)
{
    m_address = Mac48Address::ConvertFrom(address);
}

Address
FabricNetDevice::GetAddress() const
{
    return m_address;
}

bool
FabricNetDevice::SetMtu(const uint16_t mtu)
{
    m_mtu = mtu;
    return true;
}

uint16_t
FabricNetDevice::GetMtu() const
{
    return m_mtu;
}

bool
FabricNetDevice::IsLinkUp() const
{
    return bool(m_fabric);
}

void
FabricNetDevice::AddLinkChangeCallback(Callback<void> callback)
{
    // The link is up from the moment the device joins the fabric, and stays so.
}

bool
FabricNetDevice::IsBroadcast() const
{
    return true;
}

Address
FabricNetDevice::GetBroadcast() const
{
    return Mac48Address::GetBroadcast();
}

bool
FabricNetDevice::IsMulticast() const
{
    return true;
}

Address
FabricNetDevice::GetMulticast(Ipv4Address multicastGroup) const
{
    return Mac48Address::GetMulticast(multicastGroup);
}

Address
FabricNetDevice::GetMulticast(Ipv6Address addr) const
{
    return Mac48Address::GetMulticast(addr);
}

bool
FabricNetDevice::IsBridge() const
{
    return false;
}

bool
FabricNetDevice::IsPointToPoint() const
{
    return false;
}

bool
FabricNetDevice::SendFrom(Ptr<Packet> packet,
                          const Address& source,
                          const Address& dest,
                          uint16_t protocolNumber)
{
    return Send(packet, dest, protocolNumber);
}

Ptr<Node>
FabricNetDevice::GetNode() const
{
    return m_node;
}

void
FabricNetDevice::SetNode(Ptr<Node> node)
{
    m_node = node;
}

bool
FabricNetDevice::NeedsArp() const
{
    return false;
}

void
FabricNetDevice::SetReceiveCallback(NetDevice::ReceiveCallback cb)
{
    m_rxCallback = cb;
}

void
FabricNetDevice::SetPromiscReceiveCallback(NetDevice::PromiscReceiveCallback cb)
{
    m_promiscCallback = cb;
}

bool
FabricNetDevice::SupportsSendFrom() const
{
    return false;
}

} // namespace ns3
