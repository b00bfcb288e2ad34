/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa over IP: content, losses, refusals, dead hosts, priorities on the wire, addresses.
 */
#include "homa-test-net.h"

#include "ns3/error-model.h"
#include "ns3/homa-l4-protocol.h"
#include "ns3/icmpv4.h"
#include "ns3/icmpv6-header.h"
#include "ns3/ipv4-header.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6-header.h"
#include "ns3/pcap-file.h"
#include "ns3/pointer.h"
#include "ns3/simple-net-device-helper.h"

#include <map>
#include <set>
#include <sstream>

using namespace ns3;

namespace
{

/**
 * Echo with a change: the response to a request is the message of the same length and another seed.
 * \param server The server's socket.
 * \param seen Called with each request.
 */
void
Answer(Ptr<HomaSocket> server, std::function<void(const HomaMessage&)> seen)
{
    TestCollect(server, [seen](HomaSocket& socket, const HomaMessage& m) {
        seen(m);
        socket.SendReply(m.id, m.from, TestMessage(m.packet->GetSize(), 1000));
    });
}

/**
 * \param socket A client's socket.
 * \param take Called with each response and failure.
 */
void
Collect(Ptr<HomaSocket> socket, std::function<void(const HomaMessage&)> take)
{
    TestCollect(socket, [take](HomaSocket&, const HomaMessage& m) { take(m); });
}

/** Bytes. */
class ContentTest : public HomaTestCase
{
  public:
    ContentTest()
        : HomaTestCase("requests and responses arrive byte for byte, over IPv4 and IPv6")
    {
    }

  private:
    void DoRun() override
    {
        const uint32_t sizes[] =
            {1, 2, 1403, 1404, 1405, 1423, 1424, 1425, 2848, 9968, 9969, 100000, 1000000};
        for (bool v6 : {false, true})
        {
            TestPair net;
            Ptr<HomaSocket> server = net.Server(1, 7);
            Ptr<HomaSocket> client = net.Open(0);
            uint32_t requests = 0;
            uint32_t responses = 0;
            Answer(server, [&](const HomaMessage& m) {
                requests++;
                NS_TEST_EXPECT_MSG_EQ(m.isRequest, true, "not marked as request");
                NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(m.packet->GetSize(), 5)),
                                      true,
                                      "a request of " << m.packet->GetSize() << " bytes changed");
            });
            Collect(client, [&](const HomaMessage& m) {
                responses++;
                NS_TEST_EXPECT_MSG_EQ(m.error, Socket::ERROR_NOTERROR, "an RPC failed");
                if (m.error)
                {
                    return;
                }
                NS_TEST_EXPECT_MSG_EQ(m.packet->GetSize(), m.cookie, "wrong length");
                NS_TEST_EXPECT_MSG_EQ((m.from == net.At(v6, 7)), true, "from somebody else");
                NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(m.cookie, 1000)),
                                      true,
                                      "a response of " << m.cookie << " bytes changed");
            });
            /* One after the other, then all at once. */
            uint64_t at = 1000;
            for (uint32_t round = 0; round < 2; round++)
            {
                for (uint32_t size : sizes)
                {
                    TestAt(at, [&, size]() {
                        client->SendRequest(TestMessage(size, 5), net.At(v6, 7), size);
                    });
                    at += round ? 0 : 10000000;
                }
            }
            Simulator::Stop(Seconds(2));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_EQ(requests,
                                  2 * std::size(sizes),
                                  "requests are missing, v6 " << v6);
            NS_TEST_EXPECT_MSG_EQ(responses, 2 * std::size(sizes), "responses, v6 " << v6);
            Simulator::Destroy();
        }
        Finish();
    }
};

/** Losses. */
class LossTest : public HomaTestCase
{
  public:
    LossTest()
        : HomaTestCase(
              "a link that loses a tenth of all packets delivers each message once, unchanged")
    {
    }

  private:
    void DoRun() override
    {
        for (bool v6 : {false, true})
        {
            RngSeedManager::SetSeed(3);
            TestPair net;
            uint32_t lost = 0;
            for (uint32_t i = 0; i < 2; i++)
            {
                Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
                errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
                errors->SetRate(0.1);
                errors->AssignStreams(7 + i);
                net.devices.Get(i)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
                net.devices.Get(i)->TraceConnectWithoutContext(
                    "PhyRxDrop",
                    Callback<void, Ptr<const Packet>>([&lost](Ptr<const Packet>) { lost++; }));
            }
            Ptr<HomaSocket> server = net.Server(1, 7);
            Ptr<HomaSocket> client = net.Open(0);
            std::map<uint64_t, uint32_t> ran;
            uint32_t responses = 0;
            Answer(server, [&](const HomaMessage& m) {
                ran[m.id]++;
                NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(m.packet->GetSize(), 5)),
                                      true,
                                      "a request changed");
            });
            Collect(client, [&](const HomaMessage& m) {
                responses++;
                NS_TEST_EXPECT_MSG_EQ(m.error, Socket::ERROR_NOTERROR, "an RPC failed");
                if (m.error)
                {
                    return;
                }
                NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(m.cookie, 1000)),
                                      true,
                                      "a response changed");
            });
            for (uint32_t i = 0; i < 60; i++)
            {
                TestAt(1000 + 100000 * i, [&, i]() {
                    uint32_t size = i % 3 ? 1 + 997 * i : 200000;
                    client->SendRequest(TestMessage(size, 5), net.At(v6, 7), size);
                });
            }
            Simulator::Stop(Seconds(20));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_GT(lost, 500, "the test must exercise losses");
            NS_TEST_EXPECT_MSG_EQ(responses, 60, "RPCs are missing, v6 " << v6);
            NS_TEST_EXPECT_MSG_EQ(ran.size(), 60, "requests are missing, v6 " << v6);
            for (const auto& [id, times] : ran)
            {
                NS_TEST_EXPECT_MSG_EQ(times, 1, "a request ran more than once");
            }
            Simulator::Destroy();
        }
        Finish();
    }
};

/** Ports and hosts that do not answer. */
class FailureTest : public HomaTestCase
{
  public:
    FailureTest()
        : HomaTestCase(
              "unserved ports refuse at once, dead hosts time out, unroutable ones are unreachable")
    {
    }

  private:
    /**
     * Send one request and see how it fails.
     * \param net The nodes.
     * \param to Where to.
     * \param error How it must fail.
     * \param latestNs When at the latest.
     * \param what For messages.
     */
    void Expect(TestPair& net,
                const Address& to,
                Socket::SocketErrno error,
                uint64_t latestNs,
                const std::string& what)
    {
        Ptr<HomaSocket> client = net.Open(0);
        uint64_t when = 0;
        Collect(client, [&](const HomaMessage& m) {
            NS_TEST_EXPECT_MSG_EQ(m.error, error, what << ": wrong error");
            NS_TEST_EXPECT_MSG_EQ(m.cookie, 77, what << ": wrong cookie");
            NS_TEST_EXPECT_MSG_EQ(bool(m.packet), false, what << ": a message");
            NS_TEST_EXPECT_MSG_EQ((m.from == to), true, what << ": wrong peer");
            when = TestNow();
        });
        TestAt(1000, [&]() {
            NS_TEST_EXPECT_MSG_NE(client->SendRequest(Create<Packet>(20000), to, 77),
                                  0,
                                  what << ": not even sent");
        });
        Simulator::Stop(Seconds(2));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_GT(when, 0, what << ": did not fail");
        NS_TEST_EXPECT_MSG_LT(when, latestNs, what << ": failed late");
        client->Close();
        Simulator::Destroy();
    }

    /**
     * Give an ICMP message to the client of a request to a dead host.
     * \param v6 IPv6.
     * \param type Of the message.
     * \param code Of the message.
     * \param error How the RPC must fail.
     */
    void Told(bool v6, uint8_t type, uint8_t code, Socket::SocketErrno error)
    {
        TestPair net;
        Ptr<RateErrorModel> all = CreateObject<RateErrorModel>();
        all->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        all->SetRate(1);
        net.devices.Get(1)->SetAttribute("ReceiveErrorModel", PointerValue(all));
        TestAt(50000, [&]() {
            const uint8_t quote[8] = {0x80, 0, 0, 7, 0, 0, 0, 0};
            Ptr<HomaL4Protocol> l4 = net.nodes.Get(0)->GetObject<HomaL4Protocol>();
            if (v6)
            {
                Ipv6Address to = net.ipv6.GetAddress(1, 1);
                l4->ReceiveIcmp(to, 60, type, code, 0, net.ipv6.GetAddress(0, 1), to, quote);
            }
            else
            {
                Ipv4Address to = net.ipv4.GetAddress(1);
                l4->ReceiveIcmp(to, 60, type, code, 0, net.ipv4.GetAddress(0), to, quote);
            }
        });
        Expect(net, net.At(v6, 7), error, 60000, "ICMP");
    }

    void DoRun() override
    {
        for (bool v6 : {false, true})
        {
            std::string ip = v6 ? ", IPv6" : ", IPv4";
            {
                TestPair net;
                Ptr<HomaSocket> server = net.Server(1, 7);
                Expect(net, net.At(v6, 8), Socket::ERROR_NOTCONN, 100000, "unserved port" + ip);
            }
            {
                /* A client's port serves nothing either. */
                TestPair net;
                net.Open(1)->Bind();
                Expect(net, net.At(v6, 0x8000), Socket::ERROR_NOTCONN, 100000, "client port" + ip);
            }
            {
                TestPair net;
                Ptr<RateErrorModel> all = CreateObject<RateErrorModel>();
                all->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
                all->SetRate(1);
                net.devices.Get(1)->SetAttribute("ReceiveErrorModel", PointerValue(all));
                Expect(net, net.At(v6, 7), Socket::ERROR_AGAIN, 1600000000, "dead host" + ip);
            }
            {
                TestPair net;
                Address nowhere = v6 ? Address(Inet6SocketAddress("fd09::1", 7))
                                     : Address(InetSocketAddress("192.168.9.9", 7));
                Expect(net, nowhere, Socket::ERROR_NOROUTETOHOST, 100000, "no route" + ip);
            }
        }
        /* What routers on the way, and a host without Homa, would say. */
        Told(false, Icmpv4Header::ICMPV4_DEST_UNREACH, 1, Socket::ERROR_NOROUTETOHOST);
        Told(false, Icmpv4Header::ICMPV4_DEST_UNREACH, 2, Socket::ERROR_NOTCONN);
        Told(true,
             Icmpv6Header::ICMPV6_ERROR_DESTINATION_UNREACHABLE,
             Icmpv6Header::ICMPV6_ADDR_UNREACHABLE,
             Socket::ERROR_NOROUTETOHOST);
        Told(true,
             Icmpv6Header::ICMPV6_ERROR_PARAMETER_ERROR,
             Icmpv6Header::ICMPV6_UNKNOWN_NEXT_HEADER,
             Socket::ERROR_NOTCONN);
        Finish();
    }
};

/** One refusal must not touch other RPCs. */
class OthersTest : public HomaTestCase
{
  public:
    OthersTest()
        : HomaTestCase("a refused port leaves RPCs to other ports of the host alone")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<HomaSocket> client = net.Open(0);
        uint32_t failed = 0;
        uint32_t done = 0;
        Answer(server, [](const HomaMessage&) {});
        Collect(client, [&](const HomaMessage& m) {
            (m.error ? failed : done)++;
            NS_TEST_EXPECT_MSG_EQ((m.cookie == 8), (m.error == Socket::ERROR_NOTCONN), "wrong one");
        });
        TestAt(1000, [&]() {
            client->SendRequest(Create<Packet>(500000), net.At(false, 7), 7);
            client->SendRequest(Create<Packet>(500), net.At(false, 8), 8);
            client->SendRequest(Create<Packet>(300), net.At(false, 7), 7);
        });
        Simulator::Stop(Seconds(1));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(failed, 1, "refused");
        NS_TEST_EXPECT_MSG_EQ(done, 2, "not refused");
        Finish();
    }
};

/** TOS and traffic class. */
class PriorityTest : public HomaTestCase
{
  public:
    PriorityTest()
        : HomaTestCase("every packet on the wire is protocol 146 and carries its priority in the "
                       "upper three bits of TOS or traffic class")
    {
    }

  private:
    void DoRun() override
    {
        for (bool v6 : {false, true})
        {
            TestPair net;
            Ptr<HomaSocket> server = net.Server(1, 7);
            Ptr<HomaSocket> client = net.Open(0);
            std::vector<std::pair<uint32_t, uint32_t>> meant;
            std::vector<std::pair<uint32_t, uint32_t>> sent;
            std::set<uint32_t> levels;
            auto packet = [&](const homa_packet& p, Ipv6Address peer, uint8_t priority) {
                meant.emplace_back(p.type, priority);
                levels.insert(priority);
            };
            auto onWire = [&](Ptr<const Packet> p, uint32_t) {
                Ptr<Packet> copy = p->Copy();
                uint32_t priority;
                uint32_t protocol;
                if (v6)
                {
                    Ipv6Header ip;
                    copy->RemoveHeader(ip);
                    priority = ip.GetTrafficClass() >> 5;
                    protocol = ip.GetNextHeader();
                }
                else
                {
                    Ipv4Header ip;
                    copy->RemoveHeader(ip);
                    priority = ip.GetTos() >> 5;
                    protocol = ip.GetProtocol();
                }
                if (v6 && protocol == 58)
                {
                    return; // ICMPv6 of the stack's own
                }
                HomaHeader header;
                homa_packet decoded;
                uint32_t length = copy->GetSize();
                copy->PeekHeader(header);
                NS_TEST_ASSERT_MSG_EQ(protocol, 146, "wrong protocol");
                NS_TEST_ASSERT_MSG_EQ(header.Decode(decoded, length), true, "not valid");
                std::ostringstream text;
                header.Print(text);
                NS_TEST_EXPECT_MSG_EQ(text.str().find(homa_wire_type_name(decoded.type)),
                                      0,
                                      "printed as " << text.str());
                sent.emplace_back(decoded.type, priority);
            };
            net.nodes.Get(0)->GetObject<HomaTransport>()->TraceConnectWithoutContext(
                "PacketSent",
                Callback<void, const homa_packet&, Ipv6Address, uint8_t>(packet));
            auto onTx4 = [&](Ptr<const Packet> p, Ptr<Ipv4>, uint32_t i) { onWire(p, i); };
            auto onTx6 = [&](Ptr<const Packet> p, Ptr<Ipv6>, uint32_t i) { onWire(p, i); };
            if (v6)
            {
                net.nodes.Get(0)->GetObject<Ipv6>()->TraceConnectWithoutContext(
                    "Tx",
                    Callback<void, Ptr<const Packet>, Ptr<Ipv6>, uint32_t>(onTx6));
            }
            else
            {
                net.nodes.Get(0)->GetObject<Ipv4>()->TraceConnectWithoutContext(
                    "Tx",
                    Callback<void, Ptr<const Packet>, Ptr<Ipv4>, uint32_t>(onTx4));
            }
            Answer(server, [](const HomaMessage&) {});
            Collect(client, [](const HomaMessage&) {});
            for (uint32_t size : {100, 1000, 10000, 100000, 500000})
            {
                TestAt(1000,
                       [&, size]() { client->SendRequest(Create<Packet>(size), net.At(v6, 7)); });
            }
            Simulator::Stop(Seconds(1));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_GT(sent.size(), 400, "too few packets");
            NS_TEST_EXPECT_MSG_GT(levels.size(), 3, "too few levels");
            NS_TEST_EXPECT_MSG_EQ((meant == sent), true, "wire and intention differ, v6 " << v6);
            for (const auto& [type, priority] : sent)
            {
                NS_TEST_EXPECT_MSG_EQ((type == HOMA_DATA || priority == 7), true, "control packet");
            }
            Simulator::Destroy();
        }
        Finish();
    }
};

/** Other networks than point-to-point links. */
class LanTest : public HomaTestCase
{
  public:
    LanTest()
        : HomaTestCase("RPCs work on a LAN with ARP, with jumbo datagrams, to second addresses and "
                       "to oneself")
    {
    }

  private:
    void DoRun() override
    {
        NodeContainer nodes(4);
        SimpleNetDeviceHelper lan;
        lan.SetDeviceAttribute("DataRate", StringValue("1Gbps"));
        NetDeviceContainer devices = lan.Install(nodes);
        InternetStackHelper().Install(nodes);
        Ipv4AddressHelper addresses("10.2.0.0", "255.255.255.0");
        Ipv4InterfaceContainer interfaces = addresses.Assign(devices);
        HomaHelper().Install(nodes);
        Ptr<Ipv4> ipv4 = nodes.Get(3)->GetObject<Ipv4>();
        ipv4->AddAddress(1, Ipv4InterfaceAddress("10.2.0.99", "255.255.255.0"));
        uint32_t done = 0;
        std::vector<Ptr<HomaSocket>> sockets;
        for (uint32_t i = 0; i < 4; i++)
        {
            Ptr<HomaSocket> socket = TestOpen(nodes.Get(i));
            socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), 7));
            TestCollect(socket, [&](HomaSocket& at, const HomaMessage& m) {
                NS_TEST_EXPECT_MSG_EQ(m.error,
                                      Socket::ERROR_NOTERROR,
                                      "RPC " << m.id << " of node " << at.GetNode()->GetId()
                                             << " failed");
                if (m.error)
                {
                    return;
                }
                NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(m.packet->GetSize(), 4)),
                                      true,
                                      "content changed");
                if (m.isRequest)
                {
                    at.SendReply(m.id, m.from, m.packet);
                    return;
                }
                done++;
            });
            sockets.push_back(socket);
        }
        TestAt(1000, [&]() {
            for (uint32_t i = 0; i < 4; i++)
            {
                for (uint32_t k = 0; k < 4; k++)
                {
                    /* k == i: to itself. */
                    Ipv4Address to =
                        k == 3 && i % 2 ? Ipv4Address("10.2.0.99") : interfaces.GetAddress(k);
                    sockets[i]->SendRequest(TestMessage(150000 + k, 4), InetSocketAddress(to, 7));
                }
                sockets[i]->SendRequest(TestMessage(70000, 4), InetSocketAddress("127.0.0.1", 7));
            }
        });
        Simulator::Stop(Seconds(2));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(done, 20, "RPCs are missing");
        NS_TEST_EXPECT_MSG_EQ(nodes.Get(0)->GetObject<HomaTransport>()->GetParameters().link_mbps,
                              1000,
                              "the link's rate was not read from the device");
        Finish();
    }
};

/** Interfaces that go down. */
class InterfaceTest : public HomaTestCase
{
  public:
    InterfaceTest()
        : HomaTestCase("a cached route is given up when its interface goes down")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<HomaSocket> client = net.Open(0);
        std::vector<Socket::SocketErrno> ends;
        Answer(server, [](const HomaMessage&) {});
        Collect(client, [&](const HomaMessage& m) { ends.push_back(m.error); });
        Ptr<Ipv4> ipv4 = net.nodes.Get(0)->GetObject<Ipv4>();
        auto send = [&]() { client->SendRequest(Create<Packet>(2000), net.At(false, 7)); };
        TestAt(1000, send);
        TestAt(1000000, [&]() { ipv4->SetDown(1); });
        TestAt(1000001, send);
        TestAt(3000000, [&]() { ipv4->SetUp(1); });
        TestAt(3000001, send);
        Simulator::Stop(MilliSeconds(500));
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(ends.size(), 3, "RPCs are missing");
        NS_TEST_EXPECT_MSG_EQ(ends[0], Socket::ERROR_NOTERROR, "before");
        NS_TEST_EXPECT_MSG_EQ(ends[1], Socket::ERROR_NOROUTETOHOST, "while down");
        NS_TEST_EXPECT_MSG_EQ(ends[2], Socket::ERROR_NOTERROR, "after");
        Finish();
    }
};

/** Captures. */
class PcapTest : public HomaTestCase
{
  public:
    PcapTest()
        : HomaTestCase("captures of both roads hold the same valid IP datagrams at the same times")
    {
    }

  private:
    void DoRun() override
    {
        /** A captured datagram: seconds, fraction, bytes less the checksum and identification. */
        using Capture = std::vector<std::tuple<uint32_t, uint32_t, std::vector<uint8_t>>>;
        Capture captures[2];
        for (bool ip : {false, true})
        {
            FabricParameters parameters;
            parameters.hostsPerRack = 2;
            std::string prefix = CreateTempDirFilename(ip ? "ip" : "lean");
            {
                TestFabric net(parameters, ip);
                HomaHelper().EnablePcap(prefix, net.fabric);
                TestUser client;
                TestUser server;
                server.onRequest = [&](HomaRpc* rpc) { net.transports[1]->Reply(rpc, 5000); };
                net.transports[1]->Bind(7, &server);
                TestAt(1000, [&]() {
                    net.transports[0]->Call(&client, net.Address(1), 0x8000, 7, 100000);
                    net.transports[0]->Call(&client, net.Address(1), 0x8000, 8, 100);
                });
                Simulator::Stop(MilliSeconds(20));
                Simulator::Run();
                Simulator::Destroy();
            }
            PcapFile file;
            file.Open(prefix + "-0.pcap", std::ios::in);
            NS_TEST_ASSERT_MSG_EQ(file.Fail(), false, "no file");
            NS_TEST_EXPECT_MSG_EQ(file.GetDataLinkType(), 101, "not raw IP");
            std::vector<uint8_t> bytes(65536);
            uint32_t sec;
            uint32_t fraction;
            uint32_t original;
            uint32_t included;
            uint32_t read;
            while (true)
            {
                file.Read(bytes.data(), bytes.size(), sec, fraction, included, original, read);
                if (file.Fail() || file.Eof())
                {
                    break;
                }
                Ptr<Packet> packet = Create<Packet>(bytes.data(), read);
                Ipv4Header header;
                header.EnableChecksum();
                packet->RemoveHeader(header);
                NS_TEST_EXPECT_MSG_EQ(header.IsChecksumOk(), true, "bad checksum, ip " << ip);
                NS_TEST_EXPECT_MSG_EQ(read, packet->GetSize() + 20, "wrong length");
                bytes[4] = bytes[5] = bytes[10] = bytes[11] = 0;
                if (header.GetProtocol() == 1)
                {
                    /* The road without a stack leaves these zero, and does not quote them. */
                    std::fill(bytes.begin() + 20, bytes.begin() + read, 0);
                }
                captures[ip].emplace_back(
                    sec,
                    fraction,
                    std::vector<uint8_t>(bytes.begin(), bytes.begin() + read));
            }
        }
        NS_TEST_EXPECT_MSG_GT(captures[0].size(), 70, "too few packets");
        NS_TEST_EXPECT_MSG_EQ(captures[0].size(), captures[1].size(), "numbers differ");
        NS_TEST_EXPECT_MSG_EQ((captures[0] == captures[1]), true, "the roads differ");
        Finish();
    }
};

/** All of the above. */
class HomaL4TestSuite : public TestSuite
{
  public:
    HomaL4TestSuite()
        : TestSuite("homa-l4", HOMA_TEST_UNIT)
    {
        AddTestCase(new ContentTest());
        AddTestCase(new LossTest());
        AddTestCase(new FailureTest());
        AddTestCase(new OthersTest());
        AddTestCase(new PriorityTest());
        AddTestCase(new LanTest());
        AddTestCase(new InterfaceTest());
        AddTestCase(new PcapTest());
    }
};

HomaL4TestSuite g_homaL4TestSuite; //!< Registers itself.

} // namespace
