/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HomaTransport as an ns-3 object: attributes and trace sources.
 */
#include "apart.h"
#include "homa-test-net.h"

#include "ns3/homa-fabric-output.h"
#include "ns3/homa-rpc-helper.h"

#include <cctype>
#include <map>
#include <string>
#include <tuple>

using namespace ns3;

namespace
{

/**
 * \param name Of a parameter of the core.
 * \return The attribute that stands for it.
 */
std::string
Camel(const std::string& name)
{
    std::string camel;
    bool upper = true;
    for (char c : name)
    {
        if (c != '_')
        {
            camel += upper ? std::toupper(c) : c;
        }
        upper = c == '_';
    }
    return camel;
}

/** One attribute per parameter. */
class AttributeTest : public HomaTestCase
{
  public:
    AttributeTest()
        : HomaTestCase(
              "every parameter of the core is an attribute with its default, range and meaning")
    {
    }

  private:
    void DoRun() override
    {
        for (uint32_t i = 0; i < homa_param_count; i++)
        {
            const homa_param_info& info = homa_param_table[i];
            std::string name = Camel(info.name);
            TypeId::AttributeInformation attribute;
            NS_TEST_ASSERT_MSG_EQ(
                HomaTransport::GetTypeId().LookupAttributeByName(name, &attribute),
                true,
                "no attribute " << name);
            NS_TEST_EXPECT_MSG_EQ(attribute.help.find(info.meaning), 0, name << ": meaning");
            Ptr<HomaTransport> transport = CreateObject<HomaTransport>();
            uint32_t* value = homa_params_at(&transport->GetParameters(), &info);
            NS_TEST_EXPECT_MSG_EQ(*value, info.initial, name << ": default");
            for (uint32_t edge : {info.min, info.max})
            {
                transport->SetAttribute(name, UintegerValue(edge));
                UintegerValue read;
                transport->GetAttribute(name, read);
                NS_TEST_EXPECT_MSG_EQ(*value, edge, name << ": not set");
                NS_TEST_EXPECT_MSG_EQ(read.Get(), edge, name << ": not read");
            }
            for (uint64_t beyond : {uint64_t(info.min) - 1, uint64_t(info.max) + 1})
            {
                NS_TEST_EXPECT_MSG_EQ(transport->SetAttributeFailSafe(name, UintegerValue(beyond)),
                                      false,
                                      name << ": " << beyond << " is out of range");
            }
        }
        Finish();
    }
};

/** What attributes do. */
class EffectTest : public HomaTestCase
{
  public:
    EffectTest()
        : HomaTestCase("attributes take effect, before the start and while running")
    {
    }

  private:
    /**
     * Send a message of 200,000 bytes.
     * \param homa With attributes.
     * \param change Called just before.
     * \return Unscheduled bytes, as the first packet says, and the number of levels used.
     */
    std::pair<uint32_t, std::size_t> First(const HomaHelper& homa,
                                           std::function<void(Ptr<HomaTransport>)> change)
    {
        TestPair net(homa);
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<HomaSocket> client = net.Open(0);
        Ptr<HomaTransport> transport = net.nodes.Get(0)->GetObject<HomaTransport>();
        uint32_t incoming = 0;
        std::map<uint8_t, uint32_t> levels;
        auto sent = [&](const homa_packet& p, Ipv6Address, uint8_t priority) {
            if (p.type == HOMA_DATA)
            {
                incoming = incoming ? incoming : p.data.incoming;
                levels[priority]++;
            }
        };
        transport->TraceConnectWithoutContext(
            "PacketSent",
            Callback<void, const homa_packet&, Ipv6Address, uint8_t>(sent));
        TestAt(1000, [&]() {
            change(transport);
            client->SendRequest(Create<Packet>(200000), net.At(false, 7));
        });
        Simulator::Stop(MilliSeconds(10));
        Simulator::Run();
        Simulator::Destroy();
        return {incoming, levels.size()};
    }

    void DoRun() override
    {
        const uint32_t packet = 1500 - HOMA_IPV4_HEADER - HOMA_DATA_HEADER;
        auto nothing = [](Ptr<HomaTransport>) {};
        auto whole = [](uint32_t bytes) { return (bytes + packet - 1) / packet * packet; };
        HomaHelper homa;
        auto [incoming, levels] = First(homa, nothing);
        NS_TEST_EXPECT_MSG_EQ(incoming, whole(40000), "default");
        NS_TEST_EXPECT_MSG_GT(levels, 1, "default levels");
        homa.SetAttribute("UnschedBytes", UintegerValue(20000));
        homa.SetAttribute("NumPriorities", UintegerValue(1));
        std::tie(incoming, levels) = First(homa, nothing);
        NS_TEST_EXPECT_MSG_EQ(incoming, whole(20000), "UnschedBytes");
        NS_TEST_EXPECT_MSG_EQ(levels, 1, "NumPriorities");
        auto refused = [](Ptr<HomaTransport> t) {
            t->SetAttribute("MaxMessage", UintegerValue(199999));
        };
        std::tie(incoming, levels) = First(homa, refused);
        NS_TEST_EXPECT_MSG_EQ(incoming, 0, "MaxMessage while running");
        auto running = [](Ptr<HomaTransport> t) {
            t->SetAttribute("UnschedBytes", UintegerValue(5000));
        };
        std::tie(incoming, levels) = First(homa, running);
        NS_TEST_EXPECT_MSG_EQ(incoming, whole(5000), "UnschedBytes while running");
        Finish();
    }
};

/** Fabrics and HomaHelper. */
class InstallTest : public HomaTestCase
{
  public:
    InstallTest()
        : HomaTestCase("HomaHelper's attributes go to a fabric's transports, one for each host")
    {
    }

  private:
    void DoRun() override
    {
        FabricParameters shape;
        shape.hostsPerRack = 3;
        for (bool ip : {false, true})
        {
            LeafSpineHelper builder;
            builder.Parameters() = shape;
            Ptr<Fabric> fabric = builder.Build();
            HomaHelper homa;
            homa.SetAttribute("UnschedBytes", UintegerValue(20000));
            std::vector<Ptr<HomaTransport>> transports =
                ip ? homa.InstallIp(fabric) : homa.InstallLean(fabric);
            NS_TEST_ASSERT_MSG_EQ(transports.size(), 3, "transports");
            Ptr<HomaFabricOutput> lean = fabric->GetNode(0)->GetObject<HomaFabricOutput>();
            NS_TEST_EXPECT_MSG_EQ(bool(lean), !ip, "road");
            NS_TEST_EXPECT_MSG_EQ(
                lean && lean->SetAttributeFailSafe("FreeResponses", BooleanValue(true)),
                false,
                "set too late to have an effect");
            for (uint32_t i = 0; i < 3; i++)
            {
                NS_TEST_EXPECT_MSG_EQ(fabric->GetNode(i)->GetObject<HomaTransport>(),
                                      transports[i],
                                      "another transport");
                NS_TEST_EXPECT_MSG_EQ(transports[i]->GetHost().cx.params->unsched_bytes,
                                      20000,
                                      "UnschedBytes");
            }
            Simulator::Destroy();
            for (uint32_t number : {2, 4})
            {
                const std::string said = TestRefusal([=]() {
                    LeafSpineHelper again;
                    again.Parameters() = shape;
                    Ptr<Fabric> fabric = again.Build();
                    std::vector<Ptr<HomaTransport>> made;
                    for (uint32_t i = 0; i < number; i++)
                    {
                        made.push_back(CreateObject<HomaTransport>());
                    }
                    ip ? HomaHelper().InstallIp(fabric, made)
                       : HomaHelper().InstallLean(fabric, made);
                });
                NS_TEST_EXPECT_MSG_NE(said.find(std::to_string(number) + " transports"),
                                      std::string::npos,
                                      "said: " << said);
            }
        }
        Finish();
    }
};

/** One copy of parameters for many hosts. */
class OwnTest : public HomaTestCase
{
  public:
    OwnTest()
        : HomaTestCase("a host's parameters, changed while it runs, are no other host's")
    {
    }

  private:
    /**
     * \param transport A transport.
     * \return Its attribute Window.
     */
    static uint64_t Window(Ptr<HomaTransport> transport)
    {
        UintegerValue value;
        transport->GetAttribute("Window", value);
        return value.Get();
    }

    void DoRun() override
    {
        FabricParameters shape;
        shape.hostsPerRack = 4;
        TestFabric net(shape, false, [](homa_params& p) { HomaHelper::UsePublished(p); });
        const auto& t = net.transports;
        const homa_params* shared = t[1]->GetHost().cx.params;
        const uint64_t window = shared->window;
        NS_TEST_EXPECT_MSG_EQ(t[2]->GetHost().cx.params, shared, "equal ones are kept twice");
        t[1]->SetAttribute("Window", UintegerValue(20000));
        t[3]->GetParameters().window = 30000;
        t[3]->UpdateParameters();
        NS_TEST_EXPECT_MSG_EQ(Window(t[0]), window, "changed with another");
        NS_TEST_EXPECT_MSG_EQ(Window(t[1]), 20000, "not changed");
        NS_TEST_EXPECT_MSG_EQ(Window(t[2]), window, "changed with another");
        NS_TEST_EXPECT_MSG_EQ(Window(t[3]), 30000, "not changed");
        for (uint32_t i = 0; i < 4; i++)
        {
            NS_TEST_EXPECT_MSG_EQ(t[i]->GetHost().cx.params->window,
                                  Window(t[i]),
                                  "the protocol uses others");
        }
        Finish();
    }
};

/** Trace sources. */
class TraceTest : public HomaTestCase
{
  public:
    TraceTest()
        : HomaTestCase("trace sources fire once for each event, with its figures")
    {
    }

  private:
    /** What the traces of one node said. */
    struct Log
    {
        std::vector<uint32_t> sent;     //!< Lengths of messages.
        std::vector<uint32_t> received; //!< Lengths of messages.
        std::vector<uint32_t> aborted;  //!< Lengths of messages.
        uint32_t out[HOMA_TYPES]{};     //!< Packets by type.
        uint32_t in[HOMA_TYPES]{};      //!< Packets by type.
        std::vector<uint32_t> grants;   //!< Offsets.
    };

    /**
     * \param transport Whose traces.
     * \param log Where to.
     */
    void Connect(Ptr<HomaTransport> transport, Log& log)
    {
        using Message = Callback<void, const HomaRpc*, uint32_t>;
        using Wire = Callback<void, const homa_packet&, Ipv6Address, uint8_t>;
        using Granted = Callback<void, const HomaRpc*, uint32_t, uint8_t>;
        auto into = [](std::vector<uint32_t>& list) {
            return Message([&list](const HomaRpc*, uint32_t length) { list.push_back(length); });
        };
        auto count = [](uint32_t* packets) {
            return Wire([packets](const homa_packet& p, Ipv6Address, uint8_t) {
                packets[p.type - HOMA_DATA]++;
            });
        };
        bool all = transport->TraceConnectWithoutContext("MessageSent", into(log.sent)) &&
                   transport->TraceConnectWithoutContext("MessageReceived", into(log.received)) &&
                   transport->TraceConnectWithoutContext("MessageAborted", into(log.aborted)) &&
                   transport->TraceConnectWithoutContext("PacketSent", count(log.out)) &&
                   transport->TraceConnectWithoutContext("PacketReceived", count(log.in)) &&
                   transport->TraceConnectWithoutContext(
                       "Grant",
                       Granted([&log](const HomaRpc* rpc, uint32_t offset, uint8_t priority) {
                           log.grants.push_back(offset);
                       }));
        NS_TEST_ASSERT_MSG_EQ(all, true, "a trace source is missing");
    }

    void DoRun() override
    {
        using List = std::vector<uint32_t>;
        HomaHelper homa;
        homa.SetAttribute("Window", UintegerValue(20000));
        TestPair net(homa);
        Log logs[2];
        Ptr<HomaTransport> transports[2];
        for (uint32_t i = 0; i < 2; i++)
        {
            transports[i] = net.nodes.Get(i)->GetObject<HomaTransport>();
            Connect(transports[i], logs[i]);
        }
        HomaRpcServerHelper serverHelper(3);
        serverHelper.SetAttribute("ResponseBytes", UintegerValue(70));
        ApplicationContainer servers = serverHelper.Install(net.nodes.Get(1));
        HomaRpcClientHelper clientHelper(3);
        clientHelper.AddServer(net.ipv6.GetAddress(1, 1));
        clientHelper.SetAttribute("Workload", StringValue("150000"));
        clientHelper.SetAttribute("Outstanding", UintegerValue(1));
        clientHelper.SetAttribute("MaxRpcs", UintegerValue(2));
        ApplicationContainer clients = clientHelper.Install(net.nodes.Get(0));
        clients.Start(MilliSeconds(1));
        uint32_t requests = 0;
        uint32_t done = 0;
        servers.Get(0)->TraceConnectWithoutContext(
            "Request",
            Callback<void, const HomaRpc*>([&](const HomaRpc* rpc) {
                requests++;
                NS_TEST_EXPECT_MSG_EQ(rpc->GetReceivedLength(), 150000, "request's length");
                NS_TEST_EXPECT_MSG_EQ(rpc->GetLocalPort(), 3, "server's port");
                NS_TEST_EXPECT_MSG_EQ(rpc->IsClient(), false, "side");
            }));
        clients.Get(0)->TraceConnectWithoutContext(
            "Done",
            Callback<void, const HomaRpc*, bool>([&](const HomaRpc* rpc, bool failed) {
                done++;
                NS_TEST_EXPECT_MSG_EQ(failed, false, "failed");
                NS_TEST_EXPECT_MSG_EQ(rpc->GetReceivedLength(), 70, "response's length");
                NS_TEST_EXPECT_MSG_EQ(rpc->GetPeer(), net.ipv6.GetAddress(1, 1), "peer");
            }));
        Ptr<HomaSocket> socket = net.Open(0);
        TestAt(50000000, [&]() {
            socket->SendRequest(Create<Packet>(123), net.At(true, 9));
            socket->Abort(socket->SendRequest(Create<Packet>(456), net.At(true, 9)));
        });
        Simulator::Stop(MilliSeconds(100));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(requests, 2, "Request");
        NS_TEST_EXPECT_MSG_EQ(done, 2, "Done");
        NS_TEST_EXPECT_MSG_EQ((logs[0].sent == List{150000, 150000, 123, 456}), true, "sent");
        NS_TEST_EXPECT_MSG_EQ((logs[1].sent == List{70, 70}), true, "replies sent");
        NS_TEST_EXPECT_MSG_EQ((logs[0].received == List{70, 70}), true, "replies received");
        NS_TEST_EXPECT_MSG_EQ((logs[1].received == List{150000, 150000}), true, "received");
        NS_TEST_EXPECT_MSG_EQ((logs[0].aborted == List{456, 123}), true, "aborted");
        NS_TEST_EXPECT_MSG_EQ(logs[1].aborted.size(), 0, "aborted at the server");
        NS_TEST_EXPECT_MSG_EQ(logs[1].grants.size(),
                              logs[1].out[HOMA_GRANT - HOMA_DATA],
                              "grants and GRANT packets");
        NS_TEST_EXPECT_MSG_GT(logs[1].grants.size(), 10, "grants");
        NS_TEST_EXPECT_MSG_EQ(logs[1].grants.back(), 150000, "last grant");
        for (uint32_t i = 0; i < 2; i++)
        {
            const homa_counters& counters = transports[i]->GetCounters();
            for (uint32_t type = 0; type < HOMA_TYPES; type++)
            {
                NS_TEST_EXPECT_MSG_EQ(logs[i].out[type], counters.packets[type].sent, "sent");
                NS_TEST_EXPECT_MSG_EQ(logs[i].in[type], counters.packets[type].rcvd, "received");
                NS_TEST_EXPECT_MSG_EQ(logs[i].out[type], logs[1 - i].in[type], "on the way");
            }
        }
        Finish();
    }
};

/** The end of a simulation. */
class DisposeTest : public HomaTestCase
{
  public:
    DisposeTest()
        : HomaTestCase("RPCs in progress at the end of a simulation go without a word")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        auto client = std::make_unique<TestUser>();
        TestUser server;
        uint32_t aborted = 0;
        uint32_t requests = 0;
        server.onRequest = [&](HomaRpc*) { requests++; };
        net.nodes.Get(1)->GetObject<HomaTransport>()->Bind(3, &server);
        for (uint32_t i = 0; i < 2; i++)
        {
            net.nodes.Get(i)->GetObject<HomaTransport>()->TraceConnectWithoutContext(
                "MessageAborted",
                Callback<void, const HomaRpc*, uint32_t>(
                    [&](const HomaRpc*, uint32_t) { aborted++; }));
        }
        TestAt(1000, [&]() {
            Ptr<HomaTransport> transport = net.nodes.Get(0)->GetObject<HomaTransport>();
            Ipv6Address to = Ipv6Address::MakeIpv4MappedAddress(net.ipv4.GetAddress(1));
            transport->Call(client.get(), to, transport->AllocatePort(), 3, 100);
        });
        Simulator::Stop(MilliSeconds(1));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(requests, 1, "requests");
        NS_TEST_EXPECT_MSG_EQ(net.CountRpcs(), 2, "in progress");
        client.reset();
        Simulator::Destroy();
        NS_TEST_EXPECT_MSG_EQ(aborted, 0, "trace sinks were told of an RPC whose user is gone");
        NS_TEST_EXPECT_MSG_EQ(server.freed, 0, "the server was");
        Finish();
    }
};

/** Links too small. */
class MtuTest : public HomaTestCase
{
  public:
    MtuTest()
        : HomaTestCase("an MTU without room for Homa is refused; with the least, RPCs are done")
    {
    }

  private:
    /**
     * Exchange messages of 5,000 bytes over IPv4 and IPv6.
     * \param mtu Of the link.
     * \return Responses.
     */
    static uint32_t Exchange(uint16_t mtu)
    {
        TestPair net;
        net.devices.Get(0)->SetMtu(mtu);
        net.devices.Get(1)->SetMtu(mtu);
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<HomaSocket> client = net.Open(0);
        uint32_t done = 0;
        TestCollect(server, [](HomaSocket& at, const HomaMessage& m) {
            at.SendReply(m.id, m.from, m.packet);
        });
        TestCollect(client, [&](HomaSocket&, const HomaMessage& m) {
            done += !m.error && m.packet->GetSize() == 5000;
        });
        for (bool v6 : {false, true})
        {
            TestAt(1000, [&net, client, v6]() {
                client->SendRequest(Create<Packet>(5000), net.At(v6, 7));
            });
        }
        client->Bind6();
        Simulator::Stop(MilliSeconds(500));
        Simulator::Run();
        Simulator::Destroy();
        return done;
    }

    void DoRun() override
    {
        for (uint16_t mtu : {68, 77, 119})
        {
            const std::string said = TestRefusal([mtu]() { Exchange(mtu); });
            NS_TEST_EXPECT_MSG_NE(said.find("an MTU of " + std::to_string(mtu)),
                                  std::string::npos,
                                  "said: " << said);
        }
        NS_TEST_EXPECT_MSG_EQ(Exchange(120), 2, "the least MTU");
        Finish();
    }
};

/** All of the above. */
class HomaTransportTestSuite : public TestSuite
{
  public:
    HomaTransportTestSuite()
        : TestSuite("homa-transport", HOMA_TEST_UNIT)
    {
        AddTestCase(new AttributeTest());
        AddTestCase(new EffectTest());
        AddTestCase(new InstallTest());
        AddTestCase(new OwnTest());
        AddTestCase(new TraceTest());
        AddTestCase(new DisposeTest());
        AddTestCase(new MtuTest());
    }
};

HomaTransportTestSuite g_homaTransportTestSuite; //!< Registers itself.

} // namespace
