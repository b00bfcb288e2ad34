/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the lean switching fabric must hold: times to the nanosecond, priorities, limits, paths,
 * counters, unloaded delays, and that both roads through it are one.
 */
#include "apart.h"
#include "compat.h"

#include "ns3/config.h"
#include "ns3/data-rate.h"
#include "ns3/fabric-ahead.h"
#include "ns3/fabric-scheduler.h"
#include "ns3/fabric.h"
#include "ns3/inet-socket-address.h"
#include "ns3/inet6-socket-address.h"
#include "ns3/ipv4-header.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6-header.h"
#include "ns3/ipv6.h"
#include "ns3/leaf-spine-helper.h"
#include "ns3/map-scheduler.h"
#include "ns3/node.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/udp-header.h"
#include "ns3/udp-socket-factory.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

using namespace ns3;

namespace
{

constexpr uint64_t GBPS = 1000000000; //!< One Gbit/s.

/** A small random generator, so that the tests do not depend on ns-3's streams. */
class Dice
{
  public:
    /** \param seed Start. */
    explicit Dice(uint64_t seed)
        : m_state(seed)
    {
    }

    /**
     * \param n Above 0.
     * \return 0 to n - 1.
     */
    uint32_t Roll(uint32_t n)
    {
        uint64_t x = m_state += 0x9e3779b97f4a7c15ULL;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return (uint64_t(uint32_t(x ^ (x >> 31))) * n) >> 32;
    }

  private:
    uint64_t m_state; //!< State.
};

/** One packet's arrival somewhere. */
struct Arrival
{
    uint64_t at;      //!< When, ns.
    uint32_t id;      //!< The number in its header.
    uint32_t host;    //!< Where.
    uint32_t src;     //!< Where from.
    uint8_t priority; //!< Its level.

    /**
     * \param o Another.
     * \return True if all is equal.
     */
    bool operator==(const Arrival& o) const
    {
        return std::tie(at, id, host, src, priority) ==
               std::tie(o.at, o.id, o.host, o.src, o.priority);
    }
};

/** Takes packets at the end of a link or at a host, and notes them. */
class Recorder : public FabricSink, public FabricHostSink
{
  public:
    void Receive(FabricPacket* packet, uint64_t now) override
    {
        uint32_t id;
        std::memcpy(&id, packet->header, sizeof(id));
        arrivals.push_back({now, id, packet->dst, packet->src, packet->priority});
        packet->Release();
    }

    void ReceiveFabric(FabricPacket* packet, uint64_t now) override
    {
        Receive(packet, now);
    }

    std::vector<Arrival> arrivals; //!< In order.
};

/**
 * \param id Written to the header.
 * \param dst Destination.
 * \param wireBytes Length.
 * \param priority Level.
 * \return A lean packet.
 */
FabricPacket*
MakePacket(uint32_t id, uint32_t dst, uint32_t wireBytes, uint8_t priority = 0)
{
    FabricPacket* packet = FabricPacket::Create();
    packet->dst = dst;
    packet->wireBytes = wireBytes;
    packet->priority = priority;
    packet->headerBytes = sizeof(id);
    std::memcpy(packet->header, &id, sizeof(id));
    return packet;
}

/** \return Simulator::Now() in ns. */
uint64_t
Now()
{
    return Simulator::Now().GetNanoSeconds();
}

/**
 * Call something at a time.
 * \param at When, ns.
 * \param what What.
 */
void
At(uint64_t at, std::function<void()> what)
{
    Simulator::Schedule(NanoSeconds(at) - Simulator::Now(), [what]() { what(); });
}

/**
 * \param racks Number of racks.
 * \param hostsPerRack Hosts in each.
 * \param spines Switches that connect them.
 * \return What builds such a fabric, with the figures of sigcomm18.
 */
LeafSpineHelper
Shape(uint32_t racks, uint32_t hostsPerRack, uint32_t spines)
{
    LeafSpineHelper helper;
    helper.Parameters().racks = racks;
    helper.Parameters().hostsPerRack = hostsPerRack;
    helper.Parameters().spines = spines;
    return helper;
}

/**
 * \param recorder Becomes the lean receiver of all hosts.
 * \param fabric The fabric.
 */
void
Listen(Recorder& recorder, Ptr<Fabric> fabric)
{
    for (uint32_t h = 0; h < fabric->GetNHosts(); h++)
    {
        fabric->GetDevice(h)->SetFabricReceiver(&recorder);
    }
}

/**
 * Load a fabric with random lean packets.
 * \param fabric The fabric.
 * \param seed Of the traffic.
 * \param packets Their number.
 * \param gap Mean time between two, ns.
 */
void
SendRandom(Ptr<Fabric> fabric, uint64_t seed, uint32_t packets, uint32_t gap)
{
    Dice dice(seed);
    uint64_t at = 0;
    for (uint32_t i = 0; i < packets; i++)
    {
        at += dice.Roll(2 * gap + 1);
        const uint32_t src = dice.Roll(fabric->GetNHosts());
        const uint32_t dst = dice.Roll(fabric->GetNHosts());
        const uint32_t bytes = 84 + dice.Roll(1455);
        const uint8_t priority = dice.Roll(8);
        const uint32_t hash = dice.Roll(UINT32_MAX);
        At(at, [=]() {
            FabricPacket* packet = MakePacket(i, dst, bytes, priority);
            packet->hash = hash;
            fabric->GetDevice(src)->SendFabric(packet, Now());
        });
    }
}

/** Base of all cases: checks that no packet is lost from the books. */
class FabricTestCase : public TestCase
{
  public:
    /** \param name What must hold. */
    explicit FabricTestCase(const std::string& name)
        : TestCase(name)
    {
    }

  protected:
    /** End a simulation; every packet must have been given back. */
    void Finish()
    {
        Simulator::Destroy();
        NS_TEST_EXPECT_MSG_EQ(FabricPacket::GetOutstanding(), 0, "packets were not given back");
    }
};

/** Transmission times are the exact ones, rounded to the nearest ns. */
class TxTimeTest : public FabricTestCase
{
  public:
    TxTimeTest()
        : FabricTestCase("transmission times are exact to the nanosecond")
    {
    }

  private:
    void DoRun() override
    {
        const uint64_t rates[] = {1000000,
                                  3000000,
                                  1000 * 1000000ULL,
                                  1001 * 1000000ULL,
                                  10 * GBPS,
                                  16 * GBPS,
                                  25 * GBPS,
                                  40 * GBPS,
                                  48 * GBPS,
                                  56 * GBPS,
                                  99999 * 1000000ULL,
                                  100 * GBPS,
                                  400 * GBPS,
                                  1600 * GBPS};
        Ptr<FabricPort> port = CreateObject<FabricPort>();
        for (uint64_t rate : rates)
        {
            port->SetRate(rate);
            for (uint64_t bytes = 1; bytes < 131072; bytes += bytes < 10000 ? 1 : 37)
            {
                const uint64_t exact = (bytes * 16 * GBPS + rate) / (2 * rate);
                NS_TEST_ASSERT_MSG_EQ(port->TxNs(bytes), exact, bytes << " bytes at " << rate);
            }
        }
        Finish();
    }
};

/** One packet takes the sum of its delays and transmissions. */
class OnePacketTest : public FabricTestCase
{
  public:
    OnePacketTest()
        : FabricTestCase("one packet on the empty fabric arrives at the computed nanosecond")
    {
    }

  private:
    /**
     * \param helper What to build.
     * \param src Sender.
     * \param dst Receiver.
     * \param bytes Wire bytes.
     * \param expected When it must arrive.
     */
    void Check(LeafSpineHelper& helper,
               uint32_t src,
               uint32_t dst,
               uint32_t bytes,
               uint64_t expected)
    {
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        At(77, [=]() { fabric->GetDevice(src)->SendFabric(MakePacket(5, dst, bytes), Now()); });
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(recorder.arrivals.size(), 1, "not exactly one arrival");
        NS_TEST_EXPECT_MSG_EQ(recorder.arrivals[0].at, 77 + expected, "wrong time");
        NS_TEST_EXPECT_MSG_EQ(recorder.arrivals[0].host, dst, "wrong host");
        NS_TEST_EXPECT_MSG_EQ(recorder.arrivals[0].src, src, "wrong sender");
        Finish();
    }

    void DoRun() override
    {
        LeafSpineHelper helper;
        NS_TEST_ASSERT_MSG_EQ(helper.SetPreset("sigcomm18"), "", "no such preset");
        // Host out, 10 Gbit/s, switch, 10 Gbit/s, host in.
        Check(helper, 0, 15, 1538, 1000 + 1230 + 250 + 1230 + 500);
        Check(helper, 0, 15, 84, 1000 + 67 + 250 + 67 + 500);
        // With two uplinks at 40 Gbit/s and two switches more.
        Check(helper, 3, 143, 1538, 1000 + 1230 + 250 + 308 + 250 + 308 + 250 + 1230 + 500);
        helper.Parameters().hostPropagationNs = 7;
        helper.Parameters().uplinkPropagationNs = 30;
        Check(helper, 3, 143, 84, 1000 + 67 + 257 + 17 + 280 + 17 + 280 + 67 + 507);
        // Without any fixed delay only the transmissions remain.
        FabricParameters& p = helper.Parameters();
        p.hostPropagationNs = p.uplinkPropagationNs = p.switchDelayNs = 0;
        p.softwareTxNs = p.nicTxNs = p.softwareRxNs = 0;
        Check(helper, 3, 143, 1538, 1230 + 308 + 308 + 1230);
    }
};

/** Strict priority without preemption, FIFO within a level, as hand-made examples show it. */
class PriorityTest : public FabricTestCase
{
  public:
    PriorityTest()
        : FabricTestCase("the highest priority goes first, without preemption, in order of arrival")
    {
    }

  private:
    void DoRun() override
    {
        Recorder sink;
        Ptr<FabricPort> port = CreateObject<FabricPort>();
        port->SetRate(8 * GBPS); // one ns per byte
        port->Connect(&sink, 250, Simulator::NO_CONTEXT);

        const struct
        {
            uint64_t at;
            uint32_t id;
            uint32_t bytes;
            uint8_t priority;
        } sent[] = {
            {0, 1, 1000, 0},   // starts at once, 0 to 1000
            {1, 2, 500, 3},    // last but one
            {2, 3, 500, 7},    // 1000 to 1500
            {3, 4, 500, 3},    // behind 2
            {4, 5, 500, 5},    // 1700 to 2200: after 6, which is higher
            {1400, 6, 200, 6}, // while 3 is sent: 1500 to 1700
            {1700, 7, 100, 7}, // at the moment 6 ends: too late for this choice
        };

        for (const auto& s : sent)
        {
            At(s.at, [=]() { port->Enqueue(MakePacket(s.id, 0, s.bytes, s.priority), Now()); });
        }
        Simulator::Run();
        const std::pair<uint32_t, uint64_t> expected[] =
            {{1, 1000}, {3, 1500}, {6, 1700}, {5, 2200}, {7, 2300}, {2, 2800}, {4, 3300}};
        NS_TEST_ASSERT_MSG_EQ(sink.arrivals.size(), 7, "packets were lost");
        for (uint32_t i = 0; i < 7; i++)
        {
            NS_TEST_EXPECT_MSG_EQ(sink.arrivals[i].id, expected[i].first, "wrong order");
            NS_TEST_EXPECT_MSG_EQ(sink.arrivals[i].at, expected[i].second + 250, "wrong time");
        }
        Finish();
    }
};

/**
 * A port does exactly what a plain model of it does: one that steps from the end of one
 * transmission to the next.
 */
class PlainModelTest : public FabricTestCase
{
  public:
    PlainModelTest()
        : FabricTestCase("a port matches a model that looks at every end of transmission")
    {
    }

  private:
    /** A packet of the plain model. */
    struct Offered
    {
        uint64_t at;      //!< Arrival.
        uint32_t id;      //!< Number.
        uint32_t bytes;   //!< Length.
        uint8_t priority; //!< Level.
    };

    /**
     * \param seed Of the arrivals.
     * \param delay After the link, ns.
     * \param lead Before the queue, ns.
     * \param gap Mean time between arrivals, ns.
     * \param limit Of the queue, bytes; 0 for none.
     */
    void Compare(uint64_t seed, uint64_t delay, uint64_t lead, uint32_t gap, uint64_t limit)
    {
        Dice dice(seed);
        std::vector<Offered> offered;
        uint64_t at = 0;
        for (uint32_t i = 0; i < 3000; i++)
        {
            at += dice.Roll(2 * gap + 1);
            offered.push_back({at, i, 64 + dice.Roll(300), uint8_t(dice.Roll(8))});
        }
        // As many bytes in as few packets as there can be.
        for (uint32_t i = 0; i < 100; i++)
        {
            at += 1500;
            offered.push_back({at, 3000 + i, 1500, 7});
        }

        Recorder sink;
        Ptr<FabricPort> port = CreateObject<FabricPort>();
        port->SetRate(8 * GBPS);
        port->SetLead(lead);
        port->SetLimit(limit);
        port->Connect(&sink, delay, Simulator::NO_CONTEXT);
        for (const auto& o : offered)
        {
            At(o.at, [=]() { port->Enqueue(MakePacket(o.id, 0, o.bytes, o.priority), Now()); });
        }
        Simulator::Run();
        const FabricPortCounters counters = port->GetCounters();

        std::deque<Offered> queues[8];
        std::vector<Arrival> expected;
        uint64_t packets[8]{};
        uint64_t bytes[8]{};
        uint64_t freeAt = 0;
        uint64_t held = 0;
        uint64_t most = 0;
        uint64_t drops = 0;
        uint64_t byteNs = 0;
        uint64_t busy = 0;
        auto choose = [&](uint64_t until) {
            while (held && freeAt <= until)
            {
                int p = 7;
                while (queues[p].empty())
                {
                    p--;
                }
                const Offered o = queues[p].front();
                queues[p].pop_front();
                held -= o.bytes;
                byteNs += o.bytes * (freeAt - o.at);
                freeAt += o.bytes;
                busy += o.bytes;
                packets[p]++;
                bytes[p] += o.bytes;
                expected.push_back({freeAt + delay, o.id, 0, 0, o.priority});
            }
        };
        for (Offered o : offered)
        {
            o.at += lead;
            choose(o.at);
            if (freeAt > o.at && limit && held + o.bytes > limit)
            {
                drops++;
                continue;
            }
            queues[o.priority].push_back(o);
            held += o.bytes;
            if (freeAt <= o.at)
            {
                freeAt = o.at;
                choose(o.at);
            }
            most = std::max(most, held);
        }
        choose(UINT64_MAX);
        NS_TEST_EXPECT_MSG_EQ((sink.arrivals == expected), true, "packets or times differ");
        NS_TEST_EXPECT_MSG_EQ(counters.dropPackets, drops, "drops differ");
        NS_TEST_EXPECT_MSG_EQ(counters.maxQueueBytes, most, "largest queues differ");
        NS_TEST_EXPECT_MSG_EQ(counters.queueByteNs, byteNs, "mean queues differ");
        NS_TEST_EXPECT_MSG_EQ(counters.busyNs, busy, "busy times differ");
        for (uint32_t p = 0; p < 8; p++)
        {
            NS_TEST_EXPECT_MSG_EQ(counters.packets[p], packets[p], "counts differ");
            NS_TEST_EXPECT_MSG_EQ(counters.bytes[p], bytes[p], "bytes differ");
        }
        if (limit)
        {
            NS_TEST_EXPECT_MSG_GT(drops, 0, "the limit was never reached");
            NS_TEST_EXPECT_MSG_LT_OR_EQ(counters.maxQueueBytes, limit, "limit exceeded");
        }
        Finish();
    }

    void DoRun() override
    {
        for (uint64_t seed = 1; seed <= 5; seed++)
        {
            Compare(seed, 250, 0, 215, 0);
            Compare(seed, 0, 0, 200, 0);
            Compare(seed, 1, 0, 230, 0);
            Compare(seed, 5000, 0, 214, 0);
            Compare(seed, 250, 1000, 215, 0);
            Compare(seed, 250, 0, 150, 5000);
            Compare(seed, 250, 1000, 150, 5000);
        }
    }
};

/** A port's limit. */
class DropTailTest : public FabricTestCase
{
  public:
    DropTailTest()
        : FabricTestCase("a full port drops the arriving packet, counts it and fires its trace")
    {
    }

  private:
    void DoRun() override
    {
        LeafSpineHelper helper = Shape(1, 4, 0);
        helper.Parameters().portBufferBytes = 3 * 1538;
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        Ptr<FabricPort> port = fabric->GetPort(FabricRole::RACK_DOWN, 0);
        std::vector<uint64_t> traced;
        auto onDrop = [&](const FabricPacket* packet, Time) { traced.push_back(packet->src); };
        port->TraceConnectWithoutContext("Drop", Callback<void, const FabricPacket*, Time>(onDrop));
        // Three senders at twelve packets each: 24 too many for the link; of the first three one is
        // sent at once, and three fit into the queue.
        for (uint32_t i = 0; i < 36; i++)
        {
            fabric->GetDevice(1 + i % 3)->SendFabric(MakePacket(i, 0, 1538), 0);
        }
        Simulator::Run();
        const FabricPortCounters counters = port->GetCounters();
        // The link takes one of every three after the first round of 1230 ns has filled the queue.
        NS_TEST_EXPECT_MSG_EQ(counters.maxQueueBytes, 3 * 1538, "the queue was not used up");
        NS_TEST_EXPECT_MSG_EQ(counters.dropPackets, 36 - 12 - 3, "wrong number of drops");
        NS_TEST_EXPECT_MSG_EQ(counters.dropBytes, counters.dropPackets * 1538, "wrong bytes");
        NS_TEST_EXPECT_MSG_EQ(recorder.arrivals.size(), 12 + 3, "wrong number of arrivals");
        NS_TEST_EXPECT_MSG_EQ(traced.size(), counters.dropPackets, "wrong number of traces");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetDrops(), counters.dropPackets, "drops elsewhere");
        Finish();
    }
};

/** A switch's shared memory. */
class DynamicThresholdTest : public FabricTestCase
{
  public:
    DynamicThresholdTest()
        : FabricTestCase("a shared buffer gives a port at most alpha times what is free")
    {
    }

  private:
    /**
     * Fill the queues of some hosts' ports from the other hosts.
     * \param alpha Factor of the threshold.
     * \param victims Ports to fill.
     * \return The largest queue of any port.
     */
    uint64_t Fill(double alpha, uint32_t victims)
    {
        LeafSpineHelper helper = Shape(1, 12, 0);
        helper.Parameters().switchBufferBytes = 100000;
        helper.Parameters().alpha = alpha;
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        for (uint32_t i = 0; i < 200; i++)
        {
            for (uint32_t src = victims; src < 12; src++)
            {
                fabric->GetDevice(src)->SendFabric(MakePacket(i, (i + src) % victims, 1000), 0);
            }
        }
        Simulator::Run();
        const FabricPortCounters counters = fabric->GetCounters(FabricRole::RACK_DOWN);
        NS_TEST_EXPECT_MSG_GT(counters.dropPackets, 0, "nothing was dropped");
        NS_TEST_EXPECT_MSG_EQ(counters.dropPackets + recorder.arrivals.size(),
                              200 * (12 - victims),
                              "packets got lost");
        FabricBuffer* buffer = fabric->GetSwitches()[0]->GetBuffer();
        NS_TEST_EXPECT_MSG_LT_OR_EQ(buffer->GetMaxUsed(), 100000, "more held than there is");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(buffer->GetMaxUsed(),
                                    victims * counters.maxQueueBytes,
                                    "buffer holds more than the queues");
        NS_TEST_EXPECT_MSG_EQ(buffer->GetUsed(), 0, "the buffer is not empty at the end");
        Finish();
        return counters.maxQueueBytes;
    }

    /** What a port has begun to send is free for another, though the port has not looked yet. */
    void Release()
    {
        Recorder sink;
        FabricBuffer buffer(1000, 1000.0);
        Ptr<FabricPort> ports[2];
        for (auto& port : ports)
        {
            port = CreateObject<FabricPort>();
            port->SetRate(8 * GBPS); // one ns per byte
            port->SetBuffer(&buffer);
            port->Connect(&sink, 5000, Simulator::NO_CONTEXT);
        }
        ports[0]->Enqueue(MakePacket(0, 0, 1000), 0);
        ports[0]->Enqueue(MakePacket(1, 0, 600), 0); // begins at 1000
        At(999, [&]() {
            ports[1]->Enqueue(MakePacket(2, 0, 500), Now()); // begins at once
            ports[1]->Enqueue(MakePacket(3, 0, 401), Now()); // does not fit
        });
        At(1000, [&]() { ports[1]->Enqueue(MakePacket(4, 0, 610), Now()); });
        At(1001, [&]() { ports[1]->Enqueue(MakePacket(5, 0, 390), Now()); });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(sink.arrivals.size(), 5, "wrong number of arrivals");
        NS_TEST_EXPECT_MSG_EQ(ports[1]->GetCounters().dropPackets, 1, "wrong number of drops");
        NS_TEST_EXPECT_MSG_EQ(buffer.GetMaxUsed(), 1000, "wrong maximum");
        Finish();
    }

    /** The maximum does not count what is being sent. */
    void Maximum()
    {
        Recorder sink;
        FabricBuffer buffer(10000, 1000.0);
        Ptr<FabricPort> ports[2];
        for (auto& port : ports)
        {
            port = CreateObject<FabricPort>();
            port->SetRate(8 * GBPS);
            port->SetBuffer(&buffer);
            port->Connect(&sink, 5000, Simulator::NO_CONTEXT);
        }
        ports[0]->Enqueue(MakePacket(0, 0, 1000), 0);
        ports[0]->Enqueue(MakePacket(1, 0, 600), 0); // begins at 1000
        At(1100, [&]() {
            ports[1]->Enqueue(MakePacket(2, 0, 500), Now());
            ports[1]->Enqueue(MakePacket(3, 0, 700), Now());
        });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(buffer.GetMaxUsed(), 700, "wrong maximum");
        Finish();
    }

    void DoRun() override
    {
        Release();
        Maximum();
        // A single port may take alpha / (1 + alpha) of the memory; a packet enters while that
        // holds.
        NS_TEST_EXPECT_MSG_EQ(Fill(1.0, 1), 50000, "alpha 1, one port");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(Fill(0.25, 1), 20000, "alpha 1/4, one port");
        NS_TEST_EXPECT_MSG_GT_OR_EQ(Fill(0.25, 1), 19000, "alpha 1/4, one port");
        // Of two alike, each may take alpha / (1 + 2 alpha) once both are there.
        const uint64_t two = Fill(1.0, 2);
        NS_TEST_EXPECT_MSG_GT_OR_EQ(two, 32000, "alpha 1, two ports");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(two, 36000, "alpha 1, two ports");
    }
};

/** Uplinks. */
class RoutingTest : public FabricTestCase
{
  public:
    RoutingTest()
        : FabricTestCase("spraying is even; ECMP keeps a flow on one path and spreads flows")
    {
    }

  private:
    /**
     * Send packets between two racks.
     * \param routing How.
     * \param flows Number of different flows.
     * \return Packets on each of rack 0's uplinks.
     */
    std::vector<uint64_t> Send(FabricRouting routing, uint32_t flows)
    {
        LeafSpineHelper helper = Shape(2, 16, 4);
        helper.Parameters().routing = routing;
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        for (uint32_t i = 0; i < 20000; i++)
        {
            FabricPacket* packet = MakePacket(i, 16 + i % 16, 84);
            packet->hash = FabricPacket::FlowHash(0, 16, 17, i % flows << 16 | 99);
            fabric->GetDevice(i / 7 % 16)->SendFabric(packet, 0);
        }
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(recorder.arrivals.size(), 20000, "packets were lost");
        std::vector<uint64_t> counts;
        for (uint32_t s = 0; s < 4; s++)
        {
            counts.push_back(fabric->GetPort(FabricRole::RACK_UP, 0, s)->GetCounters().packets[0]);
            NS_TEST_EXPECT_MSG_EQ(
                fabric->GetPort(FabricRole::SPINE_DOWN, s, 1)->GetCounters().packets[0],
                counts.back(),
                "what goes up does not come down");
        }
        Finish();
        std::sort(counts.begin(), counts.end());
        return counts;
    }

    void DoRun() override
    {
        const auto sprayed = Send(FabricRouting::SPRAY, 1);
        NS_TEST_EXPECT_MSG_GT(sprayed[0], 4750, "an uplink gets too little");
        NS_TEST_EXPECT_MSG_LT(sprayed[3], 5250, "an uplink gets too much");
        const auto sticky = Send(FabricRouting::ECMP, 1);
        NS_TEST_EXPECT_MSG_EQ(sticky[3], 20000, "the flow took several paths");
        const auto spread = Send(FabricRouting::ECMP, 1000);
        NS_TEST_EXPECT_MSG_GT(spread[0], 4200, "an uplink gets too few flows");
        NS_TEST_EXPECT_MSG_LT(spread[3], 5800, "an uplink gets too many flows");
    }
};

/** Counters in the middle of things, and their reset. */
class CounterTest : public FabricTestCase
{
  public:
    CounterTest()
        : FabricTestCase("counters are right at any moment and after a reset")
    {
    }

  private:
    void DoRun() override
    {
        Recorder sink;
        Ptr<FabricPort> port = CreateObject<FabricPort>();
        port->SetRate(8 * GBPS); // one ns per byte
        port->Connect(&sink, 400, Simulator::NO_CONTEXT);
        // 0-1000 sends the first; the second waits from 0 to 1000, the third from 500 to 1300.
        port->Enqueue(MakePacket(0, 0, 1000, 1), 0);
        port->Enqueue(MakePacket(1, 0, 300, 2), 0);
        At(500, [=]() { port->Enqueue(MakePacket(2, 0, 600, 1), Now()); });
        At(800, [this, port]() {
            const FabricPortCounters c = port->GetCounters();
            NS_TEST_EXPECT_MSG_EQ(c.packets[1], 1, "begun packets");
            NS_TEST_EXPECT_MSG_EQ(c.packets[2], 0, "waiting packets");
            NS_TEST_EXPECT_MSG_EQ(c.busyNs, 800, "busy");
            NS_TEST_EXPECT_MSG_EQ(c.queueByteNs, 800 * 300 + 300 * 600, "integral");
            NS_TEST_EXPECT_MSG_EQ(c.maxQueueBytes, 900, "maximum");
            NS_TEST_EXPECT_MSG_EQ(port->GetQueueBytes(), 900, "now");
            NS_TEST_EXPECT_MSG_EQ(port->GetDrainedAt(), 1900, "drained");
        });
        // The second has begun, though nothing has landed since.
        At(1200, [this, port]() {
            NS_TEST_EXPECT_MSG_EQ(port->GetQueueBytes(), 600, "now");
            const FabricPortCounters c = port->GetCounters();
            NS_TEST_EXPECT_MSG_EQ(c.bytes[2], 300, "bytes");
            NS_TEST_EXPECT_MSG_EQ(c.queueByteNs, 1000 * 300 + 700 * 600, "integral");
            NS_TEST_EXPECT_MSG_EQ(c.busyNs, 1200, "busy");
            port->ResetCounters();
        });
        At(2200, [this, port]() {
            const FabricPortCounters c = port->GetCounters();
            NS_TEST_EXPECT_MSG_EQ(c.TotalPackets(), 1, "only the third began after the reset");
            NS_TEST_EXPECT_MSG_EQ(c.TotalBytes(), 600, "bytes");
            NS_TEST_EXPECT_MSG_EQ(c.spanNs, 1000, "span");
            NS_TEST_EXPECT_MSG_EQ(c.busyNs, 700, "busy from 1200 to 1900");
            NS_TEST_EXPECT_MSG_EQ_TOL(c.Utilization(), 0.7, 1e-9, "utilisation");
            NS_TEST_EXPECT_MSG_EQ_TOL(c.MeanQueueBytes(), 60.0, 1e-9, "600 bytes for 100 ns");
            NS_TEST_EXPECT_MSG_EQ(c.maxQueueBytes, 600, "what waited at the reset");
        });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(sink.arrivals.size(), 3, "packets were lost");
        Finish();
    }
};

/** Runs depend on seed and run number, and on nothing else. */
class DeterminismTest : public FabricTestCase
{
  public:
    DeterminismTest()
        : FabricTestCase("same seed, same packets; looking at counters changes nothing")
    {
    }

  private:
    /**
     * \param run Run number.
     * \param look Read all counters once in a while.
     * \param scheduler Name of the scheduler.
     * \param ahead Ask for memory ahead of events.
     * \return All arrivals.
     */
    std::vector<Arrival> Run(uint32_t run,
                             bool look,
                             const std::string& scheduler,
                             bool ahead = false)
    {
        const uint64_t before = RngSeedManager::GetRun();
        RngSeedManager::SetRun(run);
        ObjectFactory factory;
        factory.SetTypeId("ns3::" + scheduler);
        Simulator::SetScheduler(factory);
        if (ahead)
        {
            FabricAhead::Begin();
        }
        LeafSpineHelper helper = Shape(3, 8, 3);
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        SendRandom(fabric, 42, 20000, 45);
        for (uint32_t i = 1; look && i < 2000; i++)
        {
            At(i * 601, [=]() {
                for (const auto& port : fabric->GetPorts())
                {
                    port->GetCounters();
                    port->GetQueueBytes();
                }
            });
        }
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(recorder.arrivals.size(), 20000, "packets were lost");
        NS_TEST_EXPECT_MSG_GT(fabric->GetCounters(FabricRole::RACK_DOWN).maxQueueBytes,
                              3000,
                              "the load is too low to test anything");
        Finish();
        RngSeedManager::SetRun(before);
        return recorder.arrivals;
    }

    void DoRun() override
    {
        const auto first = Run(1, false, "MapScheduler");
        NS_TEST_EXPECT_MSG_EQ((first == Run(1, false, "MapScheduler")), true, "repeat differs");
        NS_TEST_EXPECT_MSG_EQ((first == Run(1, true, "MapScheduler")), true, "looking disturbs");
        NS_TEST_EXPECT_MSG_EQ((first == Run(1, false, "FabricScheduler")), true, "scheduler");
        NS_TEST_EXPECT_MSG_EQ((first == Run(1, false, "FabricScheduler", true)), true, "ahead");
        NS_TEST_EXPECT_MSG_EQ((first == Run(2, false, "MapScheduler")), false, "run ignored");
    }
};

/** The closed form of the unloaded delay. */
class UnloadedDelayTest : public FabricTestCase
{
  public:
    UnloadedDelayTest()
        : FabricTestCase("unloaded delays are what the empty fabric shows")
    {
    }

  private:
    /** Notes when the packets of the present trial arrive. */
    struct Trial : public FabricHostSink
    {
        void ReceiveFabric(FabricPacket* packet, uint64_t now) override
        {
            last = now;
            missing--;
            packet->Release();
        }

        uint64_t last{0};    //!< Latest arrival.
        uint32_t missing{0}; //!< Packets on their way.
    };

    /**
     * Send groups of packets over an empty fabric.
     * \param helper What to build.
     * \param dst Receiver; host 0 sends.
     * \param exact True if chance has no part in the path.
     */
    void Check(LeafSpineHelper& helper, uint32_t dst, bool exact)
    {
        const uint32_t full = FabricPacket::WireBytes(1500);
        Ptr<Fabric> fabric = helper.Build();
        Trial trial;
        fabric->GetDevice(dst)->SetFabricReceiver(&trial);
        uint64_t at = 0;
        for (uint32_t n : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 40})
        {
            for (uint32_t last : {0U, 84U, 85U, 400U, 1000U, 1537U, full})
            {
                if (n + last == 0)
                {
                    continue;
                }
                const uint64_t expected = fabric->GetUnloadedNs(0, dst, n, full, last);
                uint64_t best = UINT64_MAX;
                // The right choice of paths for few packets comes up often enough.
                const uint32_t trials = exact ? 2 : 400;
                for (uint32_t t = 0; t < trials; t++)
                {
                    at += 1000000;
                    At(at, [&, n, last]() {
                        trial.missing = n + (last != 0);
                        for (uint32_t i = 0; i < n; i++)
                        {
                            fabric->GetDevice(0)->SendFabric(MakePacket(i, dst, full), Now());
                        }
                        if (last)
                        {
                            fabric->GetDevice(0)->SendFabric(MakePacket(n, dst, last), Now());
                        }
                    });
                    Simulator::Run();
                    NS_TEST_ASSERT_MSG_EQ(trial.missing, 0, "packets were lost");
                    best = std::min(best, trial.last - at);
                }
                NS_TEST_EXPECT_MSG_GT_OR_EQ(best,
                                            expected,
                                            n << " full and " << last << ": beaten by a run");
                if (exact || n + (last != 0) <= 4)
                {
                    NS_TEST_EXPECT_MSG_EQ(best, expected, n << " full and " << last << " bytes");
                }
            }
        }
        Finish();
    }

    void DoRun() override
    {
        const struct
        {
            uint64_t host;
            uint64_t uplink;
            uint32_t spines;
        } shapes[] = {
            {10, 40, 4},  // host links slower
            {10, 10, 4},  // equal
            {100, 40, 4}, // one uplink is slower, all together are not
            {100, 10, 4}, // all uplinks together are slower
            {100, 10, 2},
            {25, 10, 1},
            {10, 40, 1},
        };

        for (const auto& shape : shapes)
        {
            LeafSpineHelper helper = Shape(2, 3, shape.spines);
            helper.Parameters().hostRate = shape.host * GBPS;
            helper.Parameters().uplinkRate = shape.uplink * GBPS;
            helper.Parameters().uplinkPropagationNs = 13;
            Check(helper, 1, true);
            Check(helper, 5, shape.spines == 1);
            helper.Parameters().routing = FabricRouting::ECMP;
            Check(helper, 5, true);
        }
    }
};

/** Datagrams through NetDevice::Send() and lean packets of the same lengths. */
class TwoRoadsTest : public FabricTestCase
{
  public:
    TwoRoadsTest()
        : FabricTestCase("the ordinary and the lean road have identical timing")
    {
    }

  private:
    /**
     * \param road 0: lean; 4 or 6: IPv4 or IPv6 datagrams.
     * \param routing How paths are chosen.
     * \return All arrivals.
     */
    std::vector<Arrival> Run(int road, FabricRouting routing)
    {
        LeafSpineHelper helper = Shape(3, 6, 3);
        helper.Parameters().routing = routing;
        helper.Parameters().portBufferBytes = 6000;
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        const uint16_t etherType = road == 6 ? 0x86dd : 0x0800;
        for (uint32_t h = 0; h < fabric->GetNHosts(); h++)
        {
            fabric->GetNode(h)->RegisterProtocolHandler(
                [&recorder, fabric, road, h](Ptr<NetDevice> device,
                                             Ptr<const Packet> packet,
                                             uint16_t protocol,
                                             const Address& from,
                                             const Address& to,
                                             NetDevice::PacketType type) {
                    uint8_t bytes[60];
                    packet->CopyData(bytes, sizeof(bytes));
                    uint32_t id;
                    std::memcpy(&id, bytes + (road == 6 ? 48 : 28), sizeof(id));
                    const uint32_t src =
                        road == 6 ? fabric->FindHost(Ipv6Address::Deserialize(bytes + 8))
                                  : fabric->FindHost(Ipv4Address::Deserialize(bytes + 12));
                    const uint8_t priority = road == 6 ? (bytes[0] & 15) >> 1 : bytes[1] >> 5;
                    recorder.arrivals.push_back({Now(), id, h, src, priority});
                },
                etherType,
                fabric->GetDevice(h));
        }
        Dice dice(7);
        uint64_t at = 0;
        for (uint32_t i = 0; i < 20000; i++)
        {
            at += dice.Roll(100);
            const uint32_t src = dice.Roll(fabric->GetNHosts());
            const uint32_t dst = dice.Roll(fabric->GetNHosts());
            const uint32_t payload = 12 + dice.Roll(1430);
            const uint8_t priority = dice.Roll(8);
            const uint16_t sport = dice.Roll(65536);
            const uint16_t dport = dice.Roll(65536);
            At(at, [this, i, src, dst, payload, priority, sport, dport, road, etherType, fabric]() {
                // An IPv4 datagram is padded by 20 bytes here, so that both are of the same length.
                const uint32_t datagram = 40 + 8 + payload;
                if (!road)
                {
                    FabricPacket* packet =
                        MakePacket(i, dst, FabricPacket::WireBytes(datagram), priority);
                    packet->hash =
                        FabricPacket::FlowHash(src, dst, 17, uint32_t(sport) << 16 | dport);
                    fabric->GetDevice(src)->SendFabric(packet, Now());
                    return;
                }
                std::vector<uint8_t> data(datagram - 8 - (road == 6 ? 40 : 20));
                std::memcpy(data.data(), &i, sizeof(i));
                Ptr<Packet> packet = Create<Packet>(data.data(), data.size());
                UdpHeader udp;
                udp.SetSourcePort(sport);
                udp.SetDestinationPort(dport);
                packet->AddHeader(udp);
                if (road == 6)
                {
                    Ipv6Header ip;
                    ip.SetSource(fabric->GetIpv6Address(src));
                    ip.SetDestination(fabric->GetIpv6Address(dst));
                    ip.SetNextHeader(17);
                    ip.SetTrafficClass(priority << 5);
                    ip.SetPayloadLength(packet->GetSize());
                    packet->AddHeader(ip);
                }
                else
                {
                    Ipv4Header ip;
                    ip.SetSource(fabric->GetIpv4Address(src));
                    ip.SetDestination(fabric->GetIpv4Address(dst));
                    ip.SetProtocol(17);
                    ip.SetTos(priority << 5);
                    ip.SetPayloadSize(packet->GetSize());
                    packet->AddHeader(ip);
                }
                const bool sent =
                    fabric->GetDevice(src)->Send(packet, Mac48Address::GetBroadcast(), etherType);
                NS_TEST_EXPECT_MSG_EQ(sent, true, "refused");
            });
        }
        Simulator::Run();
        NS_TEST_EXPECT_MSG_GT(fabric->GetDrops(), 0, "the load is too low to test drops");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetDrops() + recorder.arrivals.size(), 20000, "lost");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetUnroutable(), 0, "a packet found no way");
        Finish();
        return recorder.arrivals;
    }

    void DoRun() override
    {
        for (FabricRouting routing : {FabricRouting::SPRAY, FabricRouting::ECMP})
        {
            const auto lean = Run(0, routing);
            NS_TEST_EXPECT_MSG_EQ((lean == Run(4, routing)), true, "IPv4 differs");
            NS_TEST_EXPECT_MSG_EQ((lean == Run(6, routing)), true, "IPv6 differs");
        }
    }
};

/** Everything is given back, however a simulation ends. */
class PoolTest : public FabricTestCase
{
  public:
    PoolTest()
        : FabricTestCase("packets in flight and in queues are given back at the end")
    {
    }

  private:
    /**
     * Stop a loaded fabric in the middle.
     * \param fabricFirst Let go of the fabric before the simulator.
     */
    void Stop(bool fabricFirst)
    {
        LeafSpineHelper helper;
        helper.SetPreset("sigcomm18");
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        for (uint32_t i = 0; i < 5000; i++)
        {
            fabric->GetDevice(i % 144)->SendFabric(MakePacket(i, i % 7, 1538, i % 8), 0);
        }
        Simulator::Stop(MicroSeconds(30));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_GT(FabricPacket::GetOutstanding(), 1000, "nothing was on its way");
        NS_TEST_EXPECT_MSG_EQ(FabricPacket::GetOutstanding() + recorder.arrivals.size(),
                              5000,
                              "the count of packets outstanding is wrong");
        if (fabricFirst)
        {
            fabric = nullptr;
        }
        Simulator::Destroy();
        fabric = nullptr;
        NS_TEST_EXPECT_MSG_EQ(FabricPacket::GetOutstanding(), 0, "packets were not given back");
    }

    void DoRun() override
    {
        Stop(false);
        const std::size_t bytes = homa_arena_used();
        Stop(true);
        NS_TEST_EXPECT_MSG_EQ(homa_arena_used(), bytes, "memory was not used again");
    }
};

/** Real IP stacks over the fabric. */
class InternetTest : public FabricTestCase
{
  public:
    InternetTest()
        : FabricTestCase("UDP over IPv4 and IPv6 crosses the fabric, at the priority of its TOS")
    {
    }

  private:
    /**
     * Send a datagram to an echo server in another rack and back.
     * \param v6 Over IPv6.
     */
    void Echo(bool v6)
    {
        LeafSpineHelper helper = Shape(2, 2, 2);
        Ptr<Fabric> fabric = helper.Build();
        LeafSpineHelper::InstallInternet(fabric);
        const Address server = v6 ? Address(Inet6SocketAddress(fabric->GetIpv6Address(3), 7))
                                  : Address(InetSocketAddress(fabric->GetIpv4Address(3), 7));
        const Address any = v6 ? Address(Inet6SocketAddress(Ipv6Address::GetAny(), 7))
                               : Address(InetSocketAddress(Ipv4Address::GetAny(), 7));
        Ptr<Socket> echo = Socket::CreateSocket(fabric->GetNode(3), UdpSocketFactory::GetTypeId());
        echo->Bind(any);
        uint32_t echoed = 0;
        echo->SetRecvCallback([&](Ptr<Socket> socket) {
            Address from;
            Ptr<Packet> packet = socket->RecvFrom(from);
            NS_TEST_EXPECT_MSG_EQ(Simulator::GetContext(), fabric->GetNode(3)->GetId(), "context");
            echoed++;
            socket->SendTo(packet, 0, from);
        });
        Ptr<Socket> client =
            Socket::CreateSocket(fabric->GetNode(0), UdpSocketFactory::GetTypeId());
        if (v6)
        {
            client->Bind6();
            client->Connect(server);
            client->SetIpv6Tclass(0xc0);
        }
        else
        {
            client->Bind();
            client->Connect(server); // before the TOS, which some versions reset here
            client->SetIpTos(0xc0);
        }
        uint64_t done = 0;
        client->SetRecvCallback([&](Ptr<Socket> socket) {
            NS_TEST_EXPECT_MSG_EQ(socket->Recv()->GetSize(), 1000, "wrong length");
            done = Now();
        });
        uint32_t sniffed = 0;
        auto onSniff = [&](Ptr<const Packet> packet) {
            sniffed += packet->GetSize() >= 1000 ? packet->GetSize() : 0;
        };
        fabric->GetDevice(0)->TraceConnectWithoutContext(
            "PromiscSniffer",
            Callback<void, Ptr<const Packet>>(onSniff));
        At(20000, [&]() { client->Send(Create<Packet>(1000)); });
        Simulator::Stop(MilliSeconds(5));
        Simulator::Run();
        const uint32_t datagram = 1000 + 8 + (v6 ? 40 : 20);
        const uint64_t oneWay =
            fabric->GetUnloadedNs(0, 3, 1, FabricPacket::WireBytes(datagram), 0);
        NS_TEST_EXPECT_MSG_EQ(echoed, 1, "the server got nothing");
        NS_TEST_EXPECT_MSG_EQ(done, 20000 + 2 * oneWay, "wrong round-trip time");
        NS_TEST_EXPECT_MSG_EQ(sniffed, 2 * datagram, "wrong datagrams in the sniffer");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetPort(FabricRole::HOST_UP, 0)->GetCounters().packets[6],
                              1,
                              "wrong priority, IPv" << (v6 ? 6 : 4));
        NS_TEST_EXPECT_MSG_EQ(fabric->GetUnroutable(), 0, "something found no way");
        Finish();
    }

    void DoRun() override
    {
        Echo(false);
        Echo(true);
    }
};

/** Addresses that are nowhere, everywhere, or chosen by somebody else. */
class AddressTest : public FabricTestCase
{
  public:
    AddressTest()
        : FabricTestCase("multicast is swallowed, unknown destinations are counted")
    {
    }

  private:
    void DoRun() override
    {
        LeafSpineHelper helper;
        Ptr<Fabric> fabric = helper.Build();
        LeafSpineHelper::InstallInternet(fabric);
        Ptr<Node> node = fabric->GetNode(2);
        Ptr<Ipv4> ipv4 = node->GetObject<Ipv4>();
        ipv4->AddAddress(
            ipv4->GetInterfaceForDevice(fabric->GetDevice(2)),
            Ipv4InterfaceAddress(Ipv4Address("192.168.4.5"), Ipv4Mask("255.255.255.0")));
        NS_TEST_EXPECT_MSG_EQ(fabric->FindHost(Ipv4Address("192.168.4.5")), 2, "own address");
        NS_TEST_EXPECT_MSG_EQ(fabric->FindHost(Ipv4Address("10.0.0.16")), 15, "given address");
        NS_TEST_EXPECT_MSG_EQ(fabric->FindHost(Ipv6Address("fd00::1")), 0, "given address");
        NS_TEST_EXPECT_MSG_EQ(fabric->FindHost(Ipv4Address("10.0.0.17")), FABRIC_NO_HOST, "none");
        Ptr<Socket> socket =
            Socket::CreateSocket(fabric->GetNode(0), UdpSocketFactory::GetTypeId());
        socket->Bind();
        socket->SetAllowBroadcast(true);
        uint64_t before = 0;
        At(1000, [&]() {
            Ptr<Ipv6> ipv6 = node->GetObject<Ipv6>();
            const int32_t i = ipv6->GetInterfaceForDevice(fabric->GetDevice(2));
            for (uint32_t a = 0; a < ipv6->GetNAddresses(i); a++)
            {
                NS_TEST_EXPECT_MSG_EQ(ipv6->GetAddress(i, a).GetState(),
                                      Ipv6InterfaceAddress::PREFERRED,
                                      "an IPv6 address cannot be used yet");
            }
            before = fabric->GetDevice(0)->GetMulticastDrops();
            socket->SendTo(Create<Packet>(10), 0, InetSocketAddress(Ipv4Address("10.0.0.17"), 9));
            socket->SendTo(Create<Packet>(10),
                           0,
                           InetSocketAddress(Ipv4Address("255.255.255.255"), 9));
            // A lean packet for a host without a receiver.
            fabric->GetDevice(0)->SendFabric(MakePacket(1, 1, 100), Now());
        });
        Simulator::Stop(MilliSeconds(1));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(fabric->GetDevice(0)->GetUnroutable(), 1, "unknown address");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetDevice(1)->GetUnroutable(), 1, "no receiver");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetDevice(0)->GetMulticastDrops(), before + 1, "broadcast");
        Finish();
    }
};

/** Lean packets as datagrams. */
class SnifferTest : public FabricTestCase
{
  public:
    SnifferTest()
        : FabricTestCase("sniffers see lean packets as whole datagrams")
    {
    }

  private:
    void DoRun() override
    {
        LeafSpineHelper helper;
        Ptr<Fabric> fabric = helper.Build();
        Recorder recorder;
        Listen(recorder, fabric);
        std::vector<std::pair<uint32_t, uint64_t>> seen;
        auto onSniff = [&](Ptr<const Packet> packet) {
            uint32_t id;
            packet->CopyData(reinterpret_cast<uint8_t*>(&id), sizeof(id));
            NS_TEST_EXPECT_MSG_EQ(id, 77, "wrong bytes");
            seen.emplace_back(packet->GetSize(), Now());
        };
        for (uint32_t h : {0, 1})
        {
            fabric->GetDevice(h)->TraceConnectWithoutContext(
                "Sniffer",
                Callback<void, Ptr<const Packet>>(onSniff));
        }
        At(100, [&]() {
            FabricPacket* packet = MakePacket(77, 1, FabricPacket::WireBytes(204));
            packet->payloadBytes = 200;
            fabric->GetDevice(0)->SendFabric(packet, Now());
        });
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(seen.size(), 2, "not seen at both ends");
        NS_TEST_EXPECT_MSG_EQ(seen[0].first, 204, "wrong length");
        NS_TEST_EXPECT_MSG_EQ(seen[1].first, 204, "wrong length");
        NS_TEST_EXPECT_MSG_EQ(seen[0].second, 100, "not seen when sent");
        NS_TEST_EXPECT_MSG_EQ(seen[1].second, recorder.arrivals.at(0).at, "not when received");
        Finish();
    }
};

/** The scheduler made for the fabric. */
class SchedulerTest : public FabricTestCase
{
  public:
    SchedulerTest()
        : FabricTestCase("FabricScheduler gives events in the order of MapScheduler")
    {
    }

  private:
    /** What an event does. */
    static void Nothing()
    {
    }

    /** \param ev Give up what it would call. */
    static void Drop(const Scheduler::Event& ev)
    {
        if (ev.impl)
        {
            ev.impl->Unref();
        }
    }

    void DoRun() override
    {
        for (uint64_t seed = 1; seed <= 20; seed++)
        {
            Dice dice(seed);
            Ptr<Scheduler> wheel = CreateObject<FabricScheduler>();
            Ptr<Scheduler> map = CreateObject<MapScheduler>();
            std::vector<Scheduler::Event> inserted;
            uint64_t now = 0;
            uint32_t uid = 4;
            for (uint32_t step = 0; step < 20000; step++)
            {
                const uint32_t what = dice.Roll(100);
                if (what < 48 || map->IsEmpty())
                {
                    // Packets have their places within themselves, all else has not.
                    const uint32_t kind = dice.Roll(4);
                    Scheduler::Event ev;
                    ev.impl = kind == 0   ? nullptr
                              : kind == 1 ? MakeEvent(&Nothing)
                                          : FabricPacket::Create();
                    const uint32_t far = dice.Roll(10);
                    // Of the second kind are the times on both sides of the wheel's end.
                    ev.key.m_ts = now + (far == 0   ? dice.Roll(1000000)
                                         : far == 1 ? 8188 + dice.Roll(8)
                                         : far < 5  ? dice.Roll(4)
                                                    : dice.Roll(3000));
                    ev.key.m_uid = uid++;
                    const uint32_t contexts[] = {dice.Roll(100),
                                                 65533 + dice.Roll(4),
                                                 Simulator::NO_CONTEXT};
                    ev.key.m_context = contexts[dice.Roll(3)];
                    wheel->Insert(ev);
                    map->Insert(ev);
                    inserted.push_back(ev);
                }
                else if (what < 98)
                {
                    NS_TEST_ASSERT_MSG_EQ(wheel->PeekNext().key.m_uid,
                                          map->PeekNext().key.m_uid,
                                          "wrong peek");
                    const Scheduler::Event a = wheel->RemoveNext();
                    const Scheduler::Event b = map->RemoveNext();
                    NS_TEST_ASSERT_MSG_EQ(a.key.m_uid, b.key.m_uid, "wrong order");
                    NS_TEST_ASSERT_MSG_EQ(a.key.m_ts, b.key.m_ts, "wrong time");
                    NS_TEST_ASSERT_MSG_EQ(a.key.m_context, b.key.m_context, "wrong context");
                    NS_TEST_ASSERT_MSG_EQ((a.impl == b.impl), true, "wrong event");
                    Drop(a);
                    now = a.key.m_ts;
                    inserted.erase(std::find(inserted.begin(), inserted.end(), a));
                }
                else
                {
                    const Scheduler::Event ev = inserted[dice.Roll(inserted.size())];
                    wheel->Remove(ev);
                    map->Remove(ev);
                    Drop(ev);
                    inserted.erase(std::find(inserted.begin(), inserted.end(), ev));
                }
                NS_TEST_ASSERT_MSG_EQ(wheel->IsEmpty(), map->IsEmpty(), "wrong emptiness");
                if (step == 15000)
                {
                    // Somebody inserts before the event removed last: the wheel has to turn back.
                    now -= std::min<uint64_t>(now, 500);
                }
            }
            while (!map->IsEmpty())
            {
                const Scheduler::Event ev = wheel->RemoveNext();
                NS_TEST_ASSERT_MSG_EQ(ev.key.m_uid,
                                      map->RemoveNext().key.m_uid,
                                      "wrong order at the end");
                Drop(ev);
            }
            NS_TEST_ASSERT_MSG_EQ(wheel->IsEmpty(), true, "something remains");
        }
        Finish();
    }
};

/** Presets and refusals. */
class HelperTest : public FabricTestCase
{
  public:
    HelperTest()
        : FabricTestCase("presets can be built, impossible fabrics are refused in words")
    {
    }

  private:
    /**
     * \param change Makes the figures of sigcomm18 impossible.
     * \param word What the complaint must mention.
     */
    void Refuse(std::function<void(FabricParameters&)> change, const std::string& word)
    {
        LeafSpineHelper helper;
        helper.SetPreset("sigcomm18");
        NS_TEST_EXPECT_MSG_EQ(helper.Check(), "", "a preset is refused");
        change(helper.Parameters());
        NS_TEST_EXPECT_MSG_NE(helper.Check().find(word),
                              std::string::npos,
                              "said '" << helper.Check() << "' instead of " << word);
    }

    void DoRun() override
    {
        const std::map<std::string, uint32_t> hosts = {{"sigcomm18", 144},
                                                       {"atc21", 40},
                                                       {"c6620", 16}};
        NS_TEST_EXPECT_MSG_EQ(LeafSpineHelper::GetPresets().size(), hosts.size(), "presets");
        for (const auto& name : LeafSpineHelper::GetPresets())
        {
            LeafSpineHelper helper;
            NS_TEST_EXPECT_MSG_EQ(helper.SetPreset(name), "", "unknown preset");
            NS_TEST_EXPECT_MSG_EQ(helper.Check(), "", "bad preset");
            Ptr<Fabric> fabric = helper.Build();
            NS_TEST_EXPECT_MSG_EQ(fabric->GetNHosts(), hosts.at(name), "wrong size");
            Simulator::Destroy();
        }
        LeafSpineHelper helper;
        NS_TEST_EXPECT_MSG_NE(helper.SetPreset("sigcom").find("sigcomm18"),
                              std::string::npos,
                              "the complaint must name the presets");
        Refuse([](FabricParameters& p) { p.racks = 0; }, "racks");
        Refuse([](FabricParameters& p) { p.racks = 257; }, "racks");
        Refuse([](FabricParameters& p) { p.hostsPerRack = 0; }, "hosts per rack");
        Refuse([](FabricParameters& p) { p.racks = 5, p.hostsPerRack = 13108; }, "65535 hosts");
        Refuse([](FabricParameters& p) { p.spines = 0; }, "spine");
        Refuse([](FabricParameters& p) { p.racks = p.hostsPerRack = 1; }, "at least two");
        Refuse([](FabricParameters& p) { p.hostRate = 0; }, "host link rate");
        Refuse([](FabricParameters& p) { p.uplinkRate = 1; }, "uplink rate");
        Refuse([](FabricParameters& p) { p.softwareRxNs = UINT64_MAX; }, "software delay");
        Refuse([](FabricParameters& p) { p.mtu = 100; }, "MTU");
        Refuse([](FabricParameters& p) { p.portBufferBytes = 1000; }, "port buffers");
        Refuse([](FabricParameters& p) { p.switchBufferBytes = 1000; }, "shared buffer");
        Refuse(
            [](FabricParameters& p) {
                p.switchBufferBytes = 1000000;
                p.alpha = 0;
            },
            "alpha");

        helper.SetPreset("sigcomm18");
        Ptr<Fabric> fabric = helper.Build();
        NS_TEST_EXPECT_MSG_EQ(fabric->GetPorts().size(), 2 * 144 + 2 * 36, "number of ports");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetPort(FabricRole::HOST_UP, 17)->GetName(),
                              "host 17 -> rack 1",
                              "name");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetPort(FabricRole::RACK_UP, 8, 3)->GetName(),
                              "rack 8 -> spine 3",
                              "name");
        NS_TEST_EXPECT_MSG_EQ(fabric->GetPorts(FabricRole::SPINE_DOWN).back()->GetName(),
                              "spine 3 -> rack 8",
                              "name");
        NS_TEST_EXPECT_MSG_EQ(bool(fabric->GetPort(FabricRole::RACK_UP, 8, 4)), false, "no such");
        Finish();
    }
};

/** Attributes of devices and ports. */
class AttributeTest : public FabricTestCase
{
  public:
    AttributeTest()
        : FabricTestCase("attributes are what the fabric was built with; none is set to no effect")
    {
    }

  private:
    /**
     * \param object An object.
     * \param name Of an attribute.
     * \return Its value.
     */
    static std::string Get(Ptr<Object> object, const std::string& name)
    {
        StringValue value;
        object->GetAttribute(name, value);
        return value.Get();
    }

    void DoRun() override
    {
        LeafSpineHelper helper;
        helper.SetPreset("atc21");
        Ptr<Fabric> fabric = helper.Build();
        Ptr<FabricNetDevice> device = fabric->GetDevice(1);
        const std::map<std::string, std::string> delays = {{"SoftwareTxDelay", "+2500ns"},
                                                           {"NicTxDelay", "+1000ns"},
                                                           {"SoftwareRxDelay", "+3600ns"}};
        for (const auto& [name, value] : delays)
        {
            NS_TEST_EXPECT_MSG_EQ(Get(device, name), value, name);
            NS_TEST_EXPECT_MSG_EQ(device->SetAttributeFailSafe(name, StringValue("1us")),
                                  false,
                                  name << " can be set, when the fabric will not hear of it");
        }
        NS_TEST_EXPECT_MSG_EQ(Get(device, "Mtu"), "3000", "MTU");
        NS_TEST_EXPECT_MSG_EQ(device->GetTxDelayNs(), 3500, "out");

        Ptr<FabricPort> port = device->GetPort();
        NS_TEST_EXPECT_MSG_EQ(Get(port, "DataRate"), "25000000000bps", "rate");
        port->SetAttribute("DataRate", StringValue("40Gbps"));
        NS_TEST_EXPECT_MSG_EQ(port->GetRate(), 40 * GBPS, "rate as a string");
        port->SetAttribute("DataRate", DataRateValue(DataRate("5Gbps")));
        NS_TEST_EXPECT_MSG_EQ(port->GetRate(), 5 * GBPS, "rate");

        const std::map<std::string, std::string> defaults = {
            {"ns3::FabricNetDevice::Mtu", "9000"},
            {"ns3::FabricNetDevice::SoftwareTxDelay", "1us"},
            {"ns3::FabricNetDevice::NicTxDelay", "1us"},
            {"ns3::FabricNetDevice::SoftwareRxDelay", "1us"},
            {"ns3::FabricPort::DataRate", "1Gbps"}};
        for (const auto& [name, value] : defaults)
        {
            const std::string said = TestRefusal([&]() {
                Config::SetDefault(name, StringValue(value));
                Shape(1, 2, 0).Build();
            });
            NS_TEST_EXPECT_MSG_NE(said.find(name),
                                  std::string::npos,
                                  "a default of " << name << " is lost; said: " << said);
        }
        Finish();
    }
};

/** All of the above. */
class FabricTestSuite : public TestSuite
{
  public:
    FabricTestSuite()
        : TestSuite("homa-fabric", HOMA_TEST_UNIT)
    {
        AddTestCase(new TxTimeTest());
        AddTestCase(new OnePacketTest());
        AddTestCase(new PriorityTest());
        AddTestCase(new PlainModelTest());
        AddTestCase(new DropTailTest());
        AddTestCase(new DynamicThresholdTest());
        AddTestCase(new RoutingTest());
        AddTestCase(new CounterTest());
        AddTestCase(new DeterminismTest());
        AddTestCase(new UnloadedDelayTest());
        AddTestCase(new TwoRoadsTest());
        AddTestCase(new PoolTest());
        AddTestCase(new InternetTest());
        AddTestCase(new AddressTest());
        AddTestCase(new SnifferTest());
        AddTestCase(new SchedulerTest());
        AddTestCase(new HelperTest());
        AddTestCase(new AttributeTest());
    }
} g_fabricTestSuite; //!< The suite.

} // namespace
