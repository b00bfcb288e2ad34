/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic: HomaRpcClient, HomaRpcServer and their helpers.
 */
#include "apart.h"
#include "homa-test-net.h"

#include "ns3/homa-rpc-helper.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <tuple>

using namespace ns3;

namespace
{

/** Requests of a node's clients, by their ports: when, where to, bytes. */
using Requests = std::map<uint16_t, std::vector<std::tuple<uint64_t, Ipv6Address, uint32_t>>>;

/**
 * \param transport Whose requests to note.
 * \param requests Where to.
 */
void
Note(Ptr<HomaTransport> transport, Requests& requests)
{
    transport->TraceConnectWithoutContext(
        "MessageSent",
        Callback<void, const HomaRpc*, uint32_t>([&](const HomaRpc* rpc, uint32_t length) {
            if (rpc->IsClient())
            {
                requests[rpc->GetLocalPort()].emplace_back(TestNow(), rpc->GetPeer(), length);
            }
        }));
}

/**
 * \param hosts Their number.
 * \return One rack of them.
 */
FabricParameters
Rack(uint32_t hosts)
{
    FabricParameters p;
    p.hostsPerRack = hosts;
    return p;
}

/** Random numbers. */
class StreamTest : public HomaTestCase
{
  public:
    StreamTest()
        : HomaTestCase("each client has random numbers of its own, which follow the seed and run")
    {
    }

  private:
    /** How a run gets its random numbers. */
    struct Setup
    {
        uint32_t seed{1};   //!< RngSeedManager's.
        uint64_t run{1};    //!< Likewise.
        bool helpers{true}; //!< Clients of two helpers, or made without.
        int64_t first{-1};  //!< For AssignStreams(); negative: not called.
        uint64_t fixed{0};  //!< For SetSeed(); 0: not called.
        uint64_t skip{0};   //!< Streams that others have taken before.
    };

    /**
     * Run two clients on one node, and say on std::cerr what each has sent, in a line.
     * \param setup Their random numbers.
     */
    static void Say(const Setup& setup)
    {
        RngSeedManager::SetSeed(setup.seed);
        RngSeedManager::SetRun(setup.run);
        for (uint64_t i = 0; i < setup.skip; i++)
        {
            RngSeedManager::GetNextStreamIndex();
        }
        TestFabric net(Rack(4), false);
        Ptr<Node> node = net.fabric->GetNode(0);
        Requests requests;
        Note(net.transports[0], requests);
        HomaRpcClientHelper helpers[2];
        for (HomaRpcClientHelper& helper : helpers)
        {
            helper.SetAttribute("Workload", StringValue("w1"));
            for (uint32_t i = 1; i < 4; i++)
            {
                helper.AddServer(net.fabric->GetIpv4Address(i));
            }
            if (setup.fixed)
            {
                helper.SetSeed(setup.fixed);
            }
            if (setup.helpers)
            {
                helper.Install(node);
                continue;
            }
            Ptr<HomaRpcClient> client = CreateObject<HomaRpcClient>();
            client->SetAttribute("Workload", StringValue("w1"));
            for (uint32_t i = 1; i < 4; i++)
            {
                client->AddServer(net.Address(i));
            }
            node->AddApplication(client);
        }
        if (setup.first >= 0 && helpers[0].AssignStreams(node, setup.first) != 2)
        {
            return;
        }
        Simulator::Stop(MilliSeconds(5));
        Simulator::Run();
        for (const auto& [port, sent] : requests)
        {
            for (const auto& [at, to, bytes] : sent)
            {
                std::cerr << at << " " << to << " " << bytes << ", ";
            }
            std::cerr << std::endl;
        }
        Simulator::Destroy();
    }

    /**
     * \param setup Random numbers.
     * \return What Say() says: every process begins with the same streams.
     */
    std::string Run(const Setup& setup)
    {
        bool aborted;
        const std::string said = TestApart([&]() { Say(setup); }, aborted);
        const std::size_t half = said.find('\n') + 1;
        NS_TEST_EXPECT_MSG_EQ(aborted, false, "said: " << said);
        NS_TEST_EXPECT_MSG_EQ(std::count(said.begin(), said.end(), '\n'), 2, "said: " << said);
        NS_TEST_EXPECT_MSG_GT(std::count(said.begin(), said.begin() + half, ','), 20, "requests");
        NS_TEST_EXPECT_MSG_EQ((said.substr(0, half) == said.substr(half)),
                              false,
                              "two clients draw the same");
        return said;
    }

    void DoRun() override
    {
        Setup setup;
        const std::string usual = Run(setup);
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == usual), true, "the same again is another");
        setup.run = 2;
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == usual), false, "another run is the same");
        setup.run = 1;
        setup.seed = 2;
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == usual), false, "another seed is the same");
        setup.seed = 1;
        setup.helpers = false;
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == usual), true, "helpers make a difference");

        setup.helpers = true;
        setup.first = 100;
        const std::string assigned = Run(setup);
        NS_TEST_EXPECT_MSG_EQ((assigned == usual), false, "streams were not assigned");
        setup.skip = 5;
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == assigned), true, "assigned streams are others");
        setup.first = -1;
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == usual), false, "streams that others have are taken");

        setup.fixed = 7;
        const std::string fixed = Run(setup);
        setup.run = 2;
        setup.seed = 3;
        setup.skip = 0;
        NS_TEST_EXPECT_MSG_EQ((Run(setup) == fixed), true, "a fixed seed follows the run");
        Finish();
    }
};

/** Lists of servers. */
class ServersTest : public HomaTestCase
{
  public:
    ServersTest()
        : HomaTestCase("a shared list of servers gives the same requests as servers added")
    {
    }

  private:
    /**
     * Run a client on each host.
     * \param shared Clients share one list of all hosts, and leave out their own.
     * \return The requests of each host.
     */
    std::vector<Requests> Run(bool shared)
    {
        const uint32_t hosts = 5;
        TestFabric net(Rack(hosts), false);
        std::vector<Requests> requests(hosts);
        auto all = std::make_shared<std::vector<Ipv6Address>>();
        for (uint32_t i = 0; i < hosts; i++)
        {
            all->push_back(net.Address(i));
        }
        for (uint32_t i = 0; i < hosts; i++)
        {
            Note(net.transports[i], requests[i]);
            Ptr<HomaRpcClient> client = CreateObject<HomaRpcClient>();
            client->SetStream(1, i);
            if (shared)
            {
                client->ShareServers(all, i);
            }
            for (uint32_t k = 0; k < hosts && !shared; k++)
            {
                if (k != i)
                {
                    client->AddServer(net.Address(k));
                }
            }
            if (i == 2)
            {
                /* One more, which is nobody else's. */
                client->AddServer(net.Address(0));
            }
            net.fabric->GetNode(i)->AddApplication(client);
        }
        Simulator::Stop(MilliSeconds(5));
        Simulator::Run();
        Simulator::Destroy();
        NS_TEST_EXPECT_MSG_EQ(all->size(), hosts, "the shared list has changed");
        return requests;
    }

    void DoRun() override
    {
        const std::vector<Requests> added = Run(false);
        NS_TEST_EXPECT_MSG_EQ((Run(true) == added), true, "they differ");
        NS_TEST_EXPECT_MSG_EQ(added.back().empty(), false, "nothing was sent");
        const std::string said = TestRefusal([]() {
            TestFabric net(Rack(2), false);
            Ptr<HomaRpcClient> client = CreateObject<HomaRpcClient>();
            client->ShareServers(
                std::make_shared<const std::vector<Ipv6Address>>(1, net.Address(0)),
                0);
            net.fabric->GetNode(0)->AddApplication(client);
            Simulator::Run();
        });
        NS_TEST_EXPECT_MSG_NE(said.find("AddServer"), std::string::npos, "said: " << said);
        Finish();
    }
};

/** Ports of clients. */
class PortTest : public HomaTestCase
{
  public:
    PortTest()
        : HomaTestCase("a stopped client gives its port back, when its last RPC has ended")
    {
    }

  private:
    void DoRun() override
    {
        constexpr uint16_t port = 0x8000;
        TestFabric net(Rack(2), false);
        HomaRpcServerHelper server;
        server.SetAttribute("ServiceTime", TimeValue(MicroSeconds(100)));
        server.Install(net.fabric->GetNode(1));
        HomaRpcClientHelper helper;
        helper.AddServer(net.fabric->GetIpv4Address(1));
        helper.SetAttribute("Outstanding", UintegerValue(3));
        ApplicationContainer clients = helper.Install(net.fabric->GetNode(0));
        clients.Start(MicroSeconds(10));
        clients.Stop(MilliSeconds(1));
        uint32_t done = 0;
        clients.Get(0)->TraceConnectWithoutContext(
            "Done",
            Callback<void, const HomaRpc*, bool>([&](const HomaRpc*, bool failed) {
                NS_TEST_EXPECT_MSG_EQ(failed, false, "failed");
                done++;
            }));
        auto isFree = [&]() {
            const bool free = net.transports[0]->Bind(port, nullptr);
            if (free)
            {
                net.transports[0]->ReleasePort(port);
            }
            return free;
        };
        uint32_t before = 0;
        TestAt(500000, [&]() { NS_TEST_EXPECT_MSG_EQ(isFree(), false, "while it runs"); });
        TestAt(1001000, [&]() {
            NS_TEST_EXPECT_MSG_EQ(isFree(), false, "while RPCs are in progress");
            before = done;
        });
        TestAt(2000000, [&]() {
            NS_TEST_EXPECT_MSG_EQ(isFree(), true, "after the last RPC");
            NS_TEST_EXPECT_MSG_EQ(done, before + 3, "RPCs in progress");
        });
        /* A client without RPCs in progress. */
        HomaRpcClientHelper idle;
        idle.AddServer(net.fabric->GetIpv4Address(1));
        idle.SetAttribute("Interval", TimeValue(Seconds(100)));
        ApplicationContainer others = idle.Install(net.fabric->GetNode(1));
        others.Stop(MicroSeconds(10));
        TestAt(20000, [&]() {
            NS_TEST_EXPECT_MSG_EQ(net.transports[1]->Bind(port, nullptr), true, "of an idle one");
        });
        Simulator::Stop(MilliSeconds(3));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_GT(before, 3, "RPCs");
        Finish();
    }
};

/** Responses that cannot be sent. */
class ResponseTest : public HomaTestCase
{
  public:
    ResponseTest()
        : HomaTestCase("a response that is too long is fatal, one that nobody waits for is not")
    {
    }

  private:
    /**
     * Send a request to a server whose responses are too long.
     * \param service Time the server takes.
     * \param cancelled The server forgets the request before it answers.
     * \return Requests.
     */
    uint32_t Serve(Time service, bool cancelled)
    {
        TestFabric net(Rack(2), false);
        HomaRpcServerHelper server;
        server.SetAttribute("ResponseBytes", UintegerValue(HOMA_MAX_MESSAGE + 1));
        server.SetAttribute("ServiceTime", TimeValue(service));
        uint32_t requests = 0;
        server.Install(net.fabric->GetNode(1))
            .Get(0)
            ->TraceConnectWithoutContext("Request",
                                         Callback<void, const HomaRpc*>([&](const HomaRpc* rpc) {
                                             requests++;
                                             if (cancelled)
                                             {
                                                 Simulator::ScheduleNow(&HomaTransport::Abort,
                                                                        net.transports[1],
                                                                        const_cast<HomaRpc*>(rpc));
                                             }
                                         }));
        TestUser client;
        TestAt(1000, [&]() {
            uint16_t port = net.transports[0]->AllocatePort();
            net.transports[0]->Call(&client, net.Address(1), port, 1, 100);
        });
        Simulator::Stop(MilliSeconds(1));
        Simulator::Run();
        Simulator::Destroy();
        return requests;
    }

    void DoRun() override
    {
        for (Time service : {Time(0), MicroSeconds(100)})
        {
            const std::string said = TestRefusal([&]() { Serve(service, false); });
            NS_TEST_EXPECT_MSG_NE(said.find("HomaRpcServer: refused: a response of 1000001 bytes"),
                                  std::string::npos,
                                  "said: " << said);
        }
        NS_TEST_EXPECT_MSG_EQ(Serve(MicroSeconds(100), true), 1, "request");

        /* A request that a trace sink has answered. */
        TestFabric net(Rack(2), false);
        HomaRpcServerHelper()
            .Install(net.fabric->GetNode(1))
            .Get(0)
            ->TraceConnectWithoutContext("Request",
                                         Callback<void, const HomaRpc*>([&](const HomaRpc* rpc) {
                                             net.transports[1]->Reply(const_cast<HomaRpc*>(rpc), 7);
                                         }));
        TestUser client;
        uint32_t length = 0;
        client.onResponse = [&](HomaRpc* rpc) { length = rpc->GetReceivedLength(); };
        TestAt(1000, [&]() {
            uint16_t port = net.transports[0]->AllocatePort();
            net.transports[0]->Call(&client, net.Address(1), port, 1, 100);
        });
        Simulator::Stop(MilliSeconds(1));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(length, 7, "response");
        Finish();
    }
};

/** A closed loop without a way. */
class LoopTest : public HomaTestCase
{
  public:
    LoopTest()
        : HomaTestCase("a closed loop goes on after failures, Interval later, on both roads")
    {
    }

  private:
    void DoRun() override
    {
        for (bool ip : {false, true})
        {
            TestFabric net(Rack(2), ip);
            HomaRpcClientHelper helper;
            helper.AddServer(Ipv4Address("192.168.9.9"));
            helper.SetAttribute("Outstanding", UintegerValue(2));
            helper.SetAttribute("MaxRpcs", UintegerValue(1000));
            ApplicationContainer clients = helper.Install(net.fabric->GetNode(0));
            clients.Stop(MilliSeconds(1));
            uint32_t failures = 0;
            clients.Get(0)->TraceConnectWithoutContext(
                "Done",
                Callback<void, const HomaRpc*, bool>([&](const HomaRpc*, bool failed) {
                    failures += failed;
                    NS_TEST_EXPECT_MSG_EQ(TestNow() % 100000, 0, "when");
                }));
            Simulator::Stop(MilliSeconds(2));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_EQ(failures, 20, "failures, ip " << ip);
            Simulator::Destroy();
        }
        Finish();
    }
};

/** All of the above. */
class HomaRpcTestSuite : public TestSuite
{
  public:
    HomaRpcTestSuite()
        : TestSuite("homa-rpc", HOMA_TEST_UNIT)
    {
        AddTestCase(new StreamTest());
        AddTestCase(new ServersTest());
        AddTestCase(new PortTest());
        AddTestCase(new ResponseTest());
        AddTestCase(new LoopTest());
    }
};

HomaRpcTestSuite g_homaRpcTestSuite; //!< Registers itself.

} // namespace
