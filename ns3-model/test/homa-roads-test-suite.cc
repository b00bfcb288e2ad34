/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa on fabrics: both roads give the same results, an empty fabric gives the computed minimum,
 * equal seeds give equal results, and nothing is lost for good.
 */
#include "homa-test-net.h"
#include "workloads/random.h"
#include "workloads/sampler.h"

#include "ns3/fabric-ahead.h"

#include <algorithm>
#include <cstring>
#include <tuple>

using namespace ns3;

namespace
{

constexpr uint64_t NS_PER_SECOND = 1000000000; //!< ns.

/** What a run of RPCs looked like. */
struct Outcome
{
    /** Host, id, start, end, failed. */
    std::vector<std::tuple<uint32_t, uint64_t, uint64_t, uint64_t, bool>> rpcs;
    std::vector<homa_counters> counters;   //!< By host.
    std::vector<FabricPortCounters> ports; //!< By port.
    uint64_t drops{0};                     //!< Of the fabric.
    uint64_t failed{0};                    //!< RPCs.
    uint64_t resent{0};                    //!< Packets.
    uint64_t grants{0};                    //!< Packets.
};

/** A run of RPCs. */
struct Traffic
{
    FabricParameters parameters;     //!< Of the fabric.
    std::string workload{"w4"};      //!< Sizes.
    uint32_t response{1};            //!< Bytes; 0: as the request.
    uint32_t rpcs{60};               //!< Of each host.
    uint64_t intervalNs{100000};     //!< Mean time between two of a host.
    uint64_t seed{1};                //!< Of sizes, times and destinations.
    bool incast{false};              //!< All to host 0.
    bool defaults{false};            //!< Default parameters instead of the published ones.
    uint64_t untilNs{NS_PER_SECOND}; //!< End of the simulation.
    bool ahead{false};               //!< With FabricScheduler, which asks for memory ahead.

    /**
     * \param ip Road.
     * \return What happened.
     */
    Outcome Run(bool ip) const
    {
        Outcome outcome;
        RngSeedManager::SetSeed(seed);
        struct sampler sizes;
        char error[SAMPLER_ERROR_LEN];
        NS_ABORT_MSG_IF(sampler_open(&sizes, workload.c_str(), nullptr, error, sizeof(error)),
                        error);
        if (ahead)
        {
            ObjectFactory factory;
            factory.SetTypeId("ns3::FabricScheduler");
            Simulator::SetScheduler(factory);
            FabricAhead::Begin();
        }
        {
            TestFabric net(parameters, ip, [this](homa_params& p) {
                if (!defaults)
                {
                    HomaHelper::UsePublished(p);
                }
                p.max_message = HOMA_MESSAGE_CEILING;
            });
            uint32_t hosts = net.fabric->GetNHosts();
            for (uint32_t i = 0; i < hosts; i++)
            {
                Ptr<HomaRpcServer> server = CreateObject<HomaRpcServer>();
                server->SetAttribute("ResponseBytes", UintegerValue(response));
                net.fabric->GetNode(i)->AddApplication(server);
                if (incast && !i)
                {
                    continue;
                }
                Ptr<HomaRpcClient> client = CreateObject<HomaRpcClient>();
                client->SetSampler(&sizes);
                client->SetStream(seed, i);
                client->SetAttribute("Interval", TimeValue(NanoSeconds(intervalNs)));
                client->SetAttribute("MaxRpcs", UintegerValue(rpcs));
                for (uint32_t k = 0; k < (incast ? 1 : hosts); k++)
                {
                    if (k != i)
                    {
                        client->AddServer(net.Address(k));
                    }
                }
                auto done = [&outcome, i](const HomaRpc* rpc, bool failed) {
                    outcome.rpcs.emplace_back(i,
                                              rpc->GetId(),
                                              rpc->GetStartNs(),
                                              TestNow(),
                                              failed);
                    outcome.failed += failed;
                };
                client->TraceConnectWithoutContext("Done",
                                                   Callback<void, const HomaRpc*, bool>(done));
                net.fabric->GetNode(i)->AddApplication(client);
            }
            Simulator::Stop(NanoSeconds(untilNs));
            Simulator::Run();
            for (const auto& transport : net.transports)
            {
                outcome.counters.push_back(transport->GetCounters());
                outcome.resent += transport->GetCounters().resent_packets;
                outcome.grants += transport->GetCounters().packets[HOMA_GRANT - HOMA_DATA].sent;
            }
            for (const auto& port : net.fabric->GetPorts())
            {
                outcome.ports.push_back(port->GetCounters());
            }
            outcome.drops = net.fabric->GetDrops();
        }
        Simulator::Destroy();
        sampler_close(&sizes);
        return outcome;
    }
};

/** \return Three racks of four hosts, two spines. */
FabricParameters
SmallFabric()
{
    FabricParameters p;
    p.racks = 3;
    p.hostsPerRack = 4;
    p.spines = 2;
    return p;
}

/** \return Whether two runs are the same to the nanosecond and the last counter. */
bool
Same(const Outcome& a, const Outcome& b)
{
    if (a.rpcs != b.rpcs || a.drops != b.drops || a.counters.size() != b.counters.size())
    {
        return false;
    }
    for (std::size_t i = 0; i < a.counters.size(); i++)
    {
        if (std::memcmp(&a.counters[i], &b.counters[i], sizeof(homa_counters)))
        {
            return false;
        }
    }
    for (std::size_t i = 0; i < a.ports.size(); i++)
    {
        if (a.ports[i].TotalBytes() != b.ports[i].TotalBytes() ||
            a.ports[i].TotalPackets() != b.ports[i].TotalPackets())
        {
            return false;
        }
    }
    return true;
}

/** The two roads. */
class RoadsTest : public HomaTestCase
{
  public:
    RoadsTest()
        : HomaTestCase("lean and IP road give identical times and counters")
    {
    }

  private:
    /**
     * \param traffic To run on both roads.
     * \param what For messages.
     * \param lean What happened.
     */
    void Compare(const Traffic& traffic, const std::string& what, Outcome& lean)
    {
        lean = traffic.Run(false);
        Outcome ip = traffic.Run(true);
        uint32_t hosts = traffic.parameters.racks * traffic.parameters.hostsPerRack;
        NS_TEST_EXPECT_MSG_EQ(lean.rpcs.size(),
                              traffic.rpcs * (hosts - traffic.incast),
                              what << ": RPCs are missing");
        NS_TEST_EXPECT_MSG_EQ(lean.failed, 0, what << ": RPCs failed");
        NS_TEST_EXPECT_MSG_EQ(lean.rpcs.size(), ip.rpcs.size(), what << ": numbers differ");
        for (std::size_t i = 0; i < std::min(lean.rpcs.size(), ip.rpcs.size()); i++)
        {
            NS_TEST_ASSERT_MSG_EQ((lean.rpcs[i] == ip.rpcs[i]),
                                  true,
                                  what << ": the roads part at RPC " << i);
        }
        NS_TEST_EXPECT_MSG_EQ(Same(lean, ip), true, what << ": counters differ");
    }

    void DoRun() override
    {
        Traffic traffic;
        traffic.parameters = SmallFabric();
        Outcome outcome;
        Compare(traffic, "w4, one-way", outcome);
        NS_TEST_EXPECT_MSG_GT(outcome.grants, 10000, "the test must exercise grants");
        NS_TEST_EXPECT_MSG_EQ(outcome.drops, 0, "nothing may be dropped without limits");

        traffic.workload = "w3";
        traffic.response = 0;
        traffic.intervalNs = 10000;
        traffic.parameters.routing = FabricRouting::ECMP;
        Compare(traffic, "w3, echo, ECMP", outcome);

        traffic.parameters.switchBufferBytes = 60000;
        traffic.workload = "100000";
        traffic.rpcs = 10;
        traffic.defaults = true;
        Compare(traffic, "shared buffers", outcome);
        NS_TEST_EXPECT_MSG_GT(outcome.drops, 100, "the test must exercise losses");
        NS_TEST_EXPECT_MSG_GT(outcome.resent, 100, "losses must be mended");
        Finish();
    }
};

/** Refusal on both roads. */
class RefusalTest : public HomaTestCase
{
  public:
    RefusalTest()
        : HomaTestCase("a port nobody serves refuses at the same time on both roads")
    {
    }

  private:
    void DoRun() override
    {
        uint64_t when[2] = {0, 0};
        for (bool ip : {false, true})
        {
            TestFabric net(SmallFabric(), ip);
            TestUser client;
            uint32_t refused = 0;
            client.onFailure = [&](HomaRpc* rpc, HomaError error) {
                NS_TEST_EXPECT_MSG_EQ((error == HomaError::REFUSED), true, "wrong error");
                NS_TEST_EXPECT_MSG_EQ(rpc->GetRemotePort(), 99, "the wrong RPC was refused");
                when[ip] = TestNow();
                refused++;
            };
            TestAt(1000, [&]() {
                uint16_t port = net.transports[0]->AllocatePort();
                net.transports[0]->Call(&client, net.Address(11), port, 99, 5000);
            });
            Simulator::Stop(MilliSeconds(50));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_EQ(refused, 1, "not refused, ip " << ip);
            NS_TEST_EXPECT_MSG_LT(when[ip], 50000, "refused late, ip " << ip);
            Simulator::Destroy();
        }
        NS_TEST_EXPECT_MSG_EQ(when[0], when[1], "the roads differ");
        Finish();
    }
};

/** Addresses that nobody has. */
class NowhereTest : public HomaTestCase
{
  public:
    NowhereTest()
        : HomaTestCase("hosts without a way are unreachable at once on both roads")
    {
    }

  private:
    void DoRun() override
    {
        for (bool ip : {false, true})
        {
            for (const char* where : {"::ffff:192.168.9.9", "fd09::1"})
            {
                TestFabric net(SmallFabric(), ip);
                const std::string what = where + std::string(ip ? ", IP road" : ", lean road");
                TestUser client;
                uint32_t failed = 0;
                client.onFailure = [&](HomaRpc* rpc, HomaError error) {
                    NS_TEST_EXPECT_MSG_EQ((error == HomaError::UNREACHABLE), true, what);
                    NS_TEST_EXPECT_MSG_EQ(TestNow(), (failed < 2 ? 1000 : 500000), what);
                    failed++;
                };
                for (uint64_t at : {1000, 1000, 500000})
                {
                    TestAt(at, [&]() {
                        uint16_t port = net.transports[0]->AllocatePort();
                        net.transports[0]->Call(&client, Ipv6Address(where), port, 99, 50000);
                    });
                }
                Simulator::Stop(MilliSeconds(1));
                Simulator::Run();
                NS_TEST_EXPECT_MSG_EQ(failed, 3, what);
                Simulator::Destroy();
            }
        }
        Finish();
    }
};

/** The divisor of every slowdown. */
class UnloadedTest : public HomaTestCase
{
  public:
    UnloadedTest()
        : HomaTestCase("on an empty fabric a message takes Fabric::GetUnloadedNs(), and never less")
    {
    }

  private:
    /**
     * Send messages of many sizes, one after the other, to a host in the same rack and to the last
     * one. \param name Preset of the fabric. \param window Granted at a time and sent unasked,
     * bytes: enough for the fabric's round trip. \param ip On IP stacks. \param v6 Over IPv6.
     */
    void Measure(const std::string& name, uint32_t window, bool ip, bool v6)
    {
        LeafSpineHelper preset;
        preset.SetPreset(name);
        FabricParameters parameters = preset.Parameters();
        parameters.racks = std::min(parameters.racks, 2U);
        TestFabric net(parameters, ip, [window](homa_params& p) {
            HomaHelper::UsePublished(p);
            p.window = window;
            p.unsched_bytes = window > 10000 ? window : p.unsched_bytes;
        });
        const std::string where =
            name + (ip ? " on IP stacks" : " on the lean road") + (v6 ? ", IPv6" : ", IPv4");
        const uint32_t header = (v6 ? HOMA_IPV6_HEADER : HOMA_IPV4_HEADER) + HOMA_DATA_HEADER;
        const uint32_t packet = parameters.mtu - header;
        std::vector<uint32_t> sizes = {1,     2,     10,    100,   500,    1000,   9328,   9329,
                                       9967,  9968,  9969,  10000, 11391,  11392,  11393,  12816,
                                       14240, 19936, 20000, 50000, 100000, 333333, 999999, 1000000};
        for (uint32_t k = 1; k <= 8; k++)
        {
            sizes.insert(sizes.end(), {k * packet - 1, k * packet, k * packet + 1});
        }
        struct rng rng;
        rng_seed(&rng, 1, 0);
        for (uint32_t i = 0; i < 200; i++)
        {
            sizes.push_back(1 + rng_below(&rng, i % 2 ? 30000 : 1000000));
        }
        TestUser server;
        TestUser client;
        uint64_t arrived = 0;
        server.onRequest = [&](HomaRpc* rpc) {
            arrived = TestNow();
            /* The server's port is its host's index. */
            net.transports[rpc->GetLocalPort()]->Reply(rpc, 1);
        };
        const uint32_t last = net.fabric->GetNHosts() - 1;
        net.transports[1]->Bind(1, &server);
        net.transports[last]->Bind(last, &server);
        uint16_t port = net.transports[0]->AllocatePort();
        uint32_t checked = 0;
        uint32_t exact = 0;
        for (uint32_t host : {1U, last})
        {
            Ipv6Address to = v6 ? net.fabric->GetIpv6Address(host) : net.Address(host);
            for (uint32_t size : sizes)
            {
                arrived = 0;
                uint64_t start = 0;
                /* Long enough that the exchange before is over, its acks included. */
                Simulator::Schedule(MilliSeconds(20), [&]() {
                    start = TestNow();
                    net.transports[0]->Call(&client, to, port, host, size);
                });
                Simulator::Stop(MilliSeconds(40));
                Simulator::Run();
                uint32_t rest = size % packet;
                uint64_t least =
                    net.fabric->GetUnloadedNs(0,
                                              host,
                                              size / packet,
                                              FabricPacket::WireBytes(header + packet),
                                              rest ? FabricPacket::WireBytes(header + rest) : 0);
                NS_TEST_ASSERT_MSG_GT(arrived, 0, where << ": " << size << " bytes did not arrive");
                NS_TEST_EXPECT_MSG_GT_OR_EQ(arrived - start,
                                            least,
                                            where << ": " << size << " bytes to host " << host
                                                  << " came too early");
                /*
                 * A short last packet overtakes the one before it on another uplink, unless the
                 * spraying puts both on the same: then it is sent last over the receiver's link.
                 */
                uint64_t luck = host == last && parameters.racks > 1 && rest
                                    ? FabricPacket::WireBytes(header + rest) * 8 * NS_PER_SECOND /
                                              parameters.hostRate +
                                          1
                                    : 0;
                NS_TEST_EXPECT_MSG_LT_OR_EQ(arrived - start,
                                            least + luck,
                                            where << ": " << size << " bytes to host " << host
                                                  << " came late");
                exact += arrived - start == least;
                checked++;
            }
        }
        NS_TEST_EXPECT_MSG_EQ(checked, 2 * sizes.size(), "messages were left out");
        NS_TEST_EXPECT_MSG_GT(exact, checked - checked / 50, where << ": too few at the minimum");
        Simulator::Destroy();
    }

    void DoRun() override
    {
        Measure("sigcomm18", 10000, false, false);
        Measure("sigcomm18", 10000, true, false);
        Measure("sigcomm18", 10000, true, true);
        Measure("atc21", 80000, false, false);
        Measure("c6620", 300000, false, false);
        Finish();
    }
};

/** Seeds. */
class SeedTest : public HomaTestCase
{
  public:
    SeedTest()
        : HomaTestCase("equal seeds give equal results, different seeds different ones")
    {
    }

  private:
    void DoRun() override
    {
        Traffic traffic;
        traffic.parameters = SmallFabric();
        traffic.rpcs = 20;
        Outcome first = traffic.Run(false);
        Outcome again = traffic.Run(false);
        traffic.ahead = true;
        Outcome ahead = traffic.Run(false);
        traffic.ahead = false;
        traffic.seed = 2;
        Outcome other = traffic.Run(false);
        NS_TEST_EXPECT_MSG_EQ(Same(first, again), true, "the same seed gave other results");
        NS_TEST_EXPECT_MSG_EQ(Same(first, ahead), true, "memory asked for ahead made a difference");
        NS_TEST_EXPECT_MSG_EQ(Same(first, other), false, "another seed gave the same results");
        Finish();
    }
};

/** Incast into little memory. */
class IncastTest : public HomaTestCase
{
  public:
    IncastTest()
        : HomaTestCase("an incast that overflows a shared buffer completes every RPC")
    {
    }

  private:
    void DoRun() override
    {
        Traffic traffic;
        traffic.parameters.racks = 4;
        traffic.parameters.hostsPerRack = 16;
        traffic.parameters.spines = 2;
        traffic.parameters.switchBufferBytes = 100000;
        traffic.workload = "30000";
        traffic.rpcs = 20;
        traffic.intervalNs = 5000;
        traffic.incast = true;
        traffic.defaults = true;
        traffic.untilNs = 4 * NS_PER_SECOND;
        Outcome outcome = traffic.Run(false);
        NS_TEST_EXPECT_MSG_EQ(outcome.rpcs.size(), 63 * 20, "RPCs are missing");
        NS_TEST_EXPECT_MSG_EQ(outcome.failed, 0, "RPCs failed");
        NS_TEST_EXPECT_MSG_GT(outcome.drops, 1000, "the test must exercise losses");
        Finish();
    }
};

/** All of the above. */
class HomaRoadsTestSuite : public TestSuite
{
  public:
    HomaRoadsTestSuite()
        : TestSuite("homa-roads", HOMA_TEST_SYSTEM)
    {
        AddTestCase(new RoadsTest());
        AddTestCase(new RefusalTest());
        AddTestCase(new NowhereTest());
        AddTestCase(new UnloadedTest());
        AddTestCase(new SeedTest());
        AddTestCase(new IncastTest());
    }
};

HomaRoadsTestSuite g_homaRoadsTestSuite; //!< Registers itself.

} // namespace
