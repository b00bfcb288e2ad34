/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small networks with Homa for the test suites, and recording users.
 */
#ifndef HOMA_TEST_NET_H
#define HOMA_TEST_NET_H

#include "compat.h"

#include "ns3/boolean.h"
#include "ns3/fabric.h"
#include "ns3/homa-address.h"
#include "ns3/homa-header.h"
#include "ns3/homa-helper.h"
#include "ns3/homa-rpc-application.h"
#include "ns3/homa-socket-factory.h"
#include "ns3/homa-socket.h"
#include "ns3/homa-transport.h"
#include "ns3/icmpv6-l4-protocol.h"
#include "ns3/inet-socket-address.h"
#include "ns3/inet6-socket-address.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv6-address-helper.h"
#include "ns3/leaf-spine-helper.h"
#include "ns3/node-container.h"
#include "ns3/packet.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/point-to-point-net-device.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <functional>
#include <memory>
#include <vector>

namespace ns3
{

/** \return Simulator::Now() in ns. */
inline uint64_t
TestNow()
{
    return Simulator::Now().GetNanoSeconds();
}

/**
 * Call something at a time.
 * \param ns When.
 * \param what What.
 */
inline void
TestAt(uint64_t ns, std::function<void()> what)
{
    Simulator::Schedule(NanoSeconds(ns) - Simulator::Now(), [what]() { what(); });
}

/**
 * \param length Bytes.
 * \param seed Different seeds, different bytes.
 * \return A packet with a content of its own.
 */
inline Ptr<Packet>
TestMessage(uint32_t length, uint32_t seed)
{
    std::vector<uint8_t> bytes(length);
    uint32_t x = seed * 2654435761U + 1;
    for (uint8_t& b : bytes)
    {
        x = x * 1664525U + 1013904223U;
        b = x >> 24;
    }
    return Create<Packet>(bytes.data(), length);
}

/**
 * \param a A packet.
 * \param b Another.
 * \return Whether their bytes are the same.
 */
inline bool
TestSame(Ptr<const Packet> a, Ptr<const Packet> b)
{
    std::vector<uint8_t> x(a->GetSize());
    std::vector<uint8_t> y(b->GetSize());
    a->CopyData(x.data(), x.size());
    b->CopyData(y.data(), y.size());
    return x == y;
}

/**
 * \param node A node with Homa.
 * \return A new socket on it.
 */
inline Ptr<HomaSocket>
TestOpen(Ptr<Node> node)
{
    return DynamicCast<HomaSocket>(Socket::CreateSocket(node, HomaSocketFactory::GetTypeId()));
}

/**
 * \param socket A socket.
 * \param take Called with it and each message and failure.
 */
inline void
TestCollect(Ptr<HomaSocket> socket, std::function<void(HomaSocket&, const HomaMessage&)> take)
{
    socket->SetRecvCallback(Callback<void, Ptr<Socket>>([take](Ptr<Socket> at) {
        Ptr<HomaSocket> homa = DynamicCast<HomaSocket>(at);
        while (auto message = homa->RecvMessage())
        {
            take(*homa, *message);
        }
    }));
}

/** A user of a transport that calls what a test gives it. */
class TestUser : public HomaUser
{
  public:
    void HandleRequest(HomaRpc* rpc) override
    {
        if (onRequest)
        {
            onRequest(rpc);
        }
    }

    void HandleResponse(HomaRpc* rpc) override
    {
        if (onResponse)
        {
            onResponse(rpc);
        }
    }

    void HandleFailure(HomaRpc* rpc, HomaError error) override
    {
        if (onFailure)
        {
            onFailure(rpc, error);
        }
    }

    void HandleFreed(HomaRpc* rpc) override
    {
        freed++;
    }

    std::function<void(HomaRpc*)> onRequest;            //!< For HandleRequest().
    std::function<void(HomaRpc*)> onResponse;           //!< For HandleResponse().
    std::function<void(HomaRpc*, HomaError)> onFailure; //!< For HandleFailure().
    uint32_t freed{0};                                  //!< Calls of HandleFreed().
};

/** A fabric with a Homa transport on each host, on either road. */
struct TestFabric
{
    /**
     * \param parameters Of the fabric.
     * \param ip On IP stacks instead of the lean road.
     * \param configure Called for each transport before its start, if given.
     */
    TestFabric(const FabricParameters& parameters,
               bool ip,
               std::function<void(homa_params&)> configure = nullptr)
    {
        LeafSpineHelper builder;
        builder.Parameters() = parameters;
        fabric = builder.Build();
        for (uint32_t i = 0; i < fabric->GetNHosts(); i++)
        {
            transports.push_back(CreateObject<HomaTransport>());
            if (configure)
            {
                configure(transports[i]->GetParameters());
            }
        }
        if (ip)
        {
            HomaHelper().InstallIp(fabric, transports);
        }
        else
        {
            HomaHelper().InstallLean(fabric, transports);
        }
    }

    /**
     * \param host A host.
     * \return Its address for HomaTransport.
     */
    Ipv6Address Address(uint32_t host) const
    {
        return Ipv6Address::MakeIpv4MappedAddress(fabric->GetIpv4Address(host));
    }

    Ptr<Fabric> fabric;                         //!< The network.
    std::vector<Ptr<HomaTransport>> transports; //!< By host.
};

/** Two nodes with IPv4 and IPv6 stacks, Homa, and a point-to-point link. */
struct TestPair
{
    /**
     * \param homa Puts Homa on the first of them and, unless alone, on the second.
     * \param alone Only the first node has Homa.
     */
    explicit TestPair(const HomaHelper& homa = HomaHelper(), bool alone = false)
    {
        nodes.Create(2);
        PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", StringValue("10Gbps"));
        link.SetChannelAttribute("Delay", StringValue("1us"));
        devices = link.Install(nodes);
        InternetStackHelper().Install(nodes);
        for (uint32_t i = 0; i < 2; i++)
        {
            nodes.Get(i)->GetObject<Icmpv6L4Protocol>()->SetAttribute("DAD", BooleanValue(false));
        }
        Ipv4AddressHelper v4("10.1.0.0", "255.255.255.0");
        Ipv6AddressHelper v6("fd01::", 64);
        ipv4 = v4.Assign(devices);
        ipv6 = v6.Assign(devices);
        homa.Install(alone ? NodeContainer(nodes.Get(0)) : nodes);
    }

    /**
     * \param v6 IPv6 instead of IPv4.
     * \param port Port.
     * \param node Node.
     * \return A socket address of it.
     */
    Address At(bool v6, uint16_t port, uint32_t node = 1) const
    {
        return v6 ? ns3::Address(Inet6SocketAddress(ipv6.GetAddress(node, 1), port))
                  : ns3::Address(InetSocketAddress(ipv4.GetAddress(node), port));
    }

    /**
     * \param node Node.
     * \return A new socket on it.
     */
    Ptr<HomaSocket> Open(uint32_t node) const
    {
        return TestOpen(nodes.Get(node));
    }

    /**
     * \param node Node.
     * \param port Port.
     * \return A new server socket on it, for both IP versions.
     */
    Ptr<HomaSocket> Server(uint32_t node, uint16_t port) const
    {
        Ptr<HomaSocket> socket = Open(node);
        socket->Bind(Inet6SocketAddress(Ipv6Address::GetAny(), port));
        return socket;
    }

    /** \return RPCs that the two know of, together. */
    uint32_t CountRpcs() const
    {
        uint32_t count = 0;
        for (uint32_t i = 0; i < 2; i++)
        {
            count += nodes.Get(i)->GetObject<HomaTransport>()->GetHost().rpc_count;
        }
        return count;
    }

    NodeContainer nodes;         //!< The two.
    NetDeviceContainer devices;  //!< Their ends of the link.
    Ipv4InterfaceContainer ipv4; //!< Their IPv4 addresses.
    Ipv6InterfaceContainer ipv6; //!< Their IPv6 addresses.
};

/** A test case that cleans up after itself. */
class HomaTestCase : public TestCase
{
  public:
    using TestCase::TestCase;

  protected:
    /** End a simulation. */
    void Finish()
    {
        Simulator::Destroy();
        NS_TEST_EXPECT_MSG_EQ(FabricPacket::GetOutstanding(), 0, "packets were not given back");
    }
};

} // namespace ns3

#endif /* HOMA_TEST_NET_H */
