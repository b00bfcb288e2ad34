/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sending side of a link: eight strict priorities, a rate, a delay, limits and counters.
 *
 * Used by FabricSwitch (ports towards hosts, racks and spines) and FabricNetDevice (the host's
 * NIC).
 *
 * One event per packet and hop. A port does not schedule the end of a transmission. It knows when
 * its link gets free, and makes the choices that were due up to some moment when that moment
 * matters: when another packet arrives, and when the packet sent before lands at the other end.
 * Landing is never before the end of the transmission, so a choice is made in time to schedule the
 * chosen packet's own landing; and because every arrival first makes the choices due, a choice
 * never sees a packet that came after it. The result is that of an event at the end of every
 * transmission, with one rule for ties: a packet that arrives in the very nanosecond in which a
 * transmission ends takes part in the next choice, not in this one, unless nothing else is waiting.
 */
#ifndef FABRIC_PORT_H
#define FABRIC_PORT_H

#include "fabric-memory.h"
#include "fabric-packet.h"
#include "fabric-trace.h"

#include "ns3/data-rate.h"
#include "ns3/nstime.h"
#include "ns3/object.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ns3
{

/** What one port did since its counters were reset. */
struct FabricPortCounters
{
    uint64_t packets[FABRIC_PRIORITIES]{}; //!< Packets sent, by priority.
    uint64_t bytes[FABRIC_PRIORITIES]{};   //!< Wire bytes sent, by priority.
    uint64_t dropPackets{0};               //!< Packets refused by a limit.
    uint64_t dropBytes{0};                 //!< Wire bytes of those.
    uint64_t maxQueueBytes{0};             //!< Most wire bytes waiting at one time.
    uint64_t queueByteNs{0};               //!< Integral of the waiting wire bytes over time, ns.
    uint64_t busyNs{0};                    //!< Time the link was sending, ns.
    uint64_t spanNs{0};                    //!< Time the counters cover, ns.

    /** \return Packets sent, all priorities. */
    uint64_t TotalPackets() const;
    /** \return Wire bytes sent, all priorities. */
    uint64_t TotalBytes() const;
    /** \return Wire bytes waiting, averaged over time. */
    double MeanQueueBytes() const;
    /** \return Share of the time in which the link was sending, 0 to 1. */
    double Utilization() const;
    /**
     * Add another port's counters; maxima are kept, spans and integrals summed.
     * \param other The other port's.
     */
    void Add(const FabricPortCounters& other);
};

/**
 * What ports of one kind have in common. There are few kinds, so this stays in the caches however
 * many ports there are.
 */
struct FabricLink
{
    uint64_t rate{0};      //!< Rate, bit/s.
    uint64_t nsPerByte{0}; //!< ns per byte, times 2^shift, rounded up.
    uint32_t delay{0};     //!< End of transmission to receiver, ns.
    uint32_t lead{0};      //!< Sending delay before the queue, ns.
    uint8_t shift{0};      //!< See nsPerByte.

    /**
     * \param wireBytes Length of a packet.
     * \return See FabricPort::TxNs().
     */
    uint64_t TxNs(uint32_t wireBytes) const
    {
        return (uint64_t(wireBytes) * nsPerByte + (1ULL << shift >> 1)) >> shift;
    }

    /**
     * \param other Another kind.
     * \return An order, for a set of kinds.
     */
    bool operator<(const FabricLink& other) const;
};

/**
 * A packet memory shared by all ports of a switch, with dynamic thresholds: a port may hold at most
 * alpha times the bytes that are free. Counted are the wire bytes of waiting packets.
 */
class FabricBuffer
{
  public:
    /**
     * \param bytes Size of the memory.
     * \param alpha Share of the free bytes that one port may hold; above 0.
     */
    FabricBuffer(uint64_t bytes, double alpha);

    /** \return Most wire bytes held at one time. */
    uint64_t GetMaxUsed() const
    {
        return m_maxUsed;
    }

    /** \return Wire bytes held now. */
    uint64_t GetUsed() const;
    /** Restart the maximum from what is held now. */
    void ResetMax();

  private:
    friend class FabricPort;

    /**
     * \param held Wire bytes the port holds.
     * \param bytes Wire bytes of the arriving packet.
     * \return True if the packet may enter.
     */
    bool Fits(uint64_t held, uint32_t bytes) const
    {
        const uint64_t free = m_bytes - m_used;
        return bytes <= free && double(held + bytes) <= m_alpha * double(free);
    }

    /**
     * Make all ports forget what they have begun to send.
     * \param now Present time, ns.
     */
    void Advance(uint64_t now);

    uint64_t m_bytes;                 //!< Size.
    uint64_t m_used{0};               //!< Held; too high by what is being sent until Advance().
    uint64_t m_maxUsed{0};            //!< Largest m_used seen.
    double m_alpha;                   //!< Threshold factor.
    std::vector<FabricPort*> m_ports; //!< Who shares it.
};

/**
 * \brief The sending side of a link.
 *
 * Store and forward, non-preemptive strict priority, FIFO within a priority. Bytes count as queued
 * from arrival until their transmission begins; limits and queue counters speak of these.
 */
class FabricPort : public Object, public FabricMemory
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    FabricPort();
    ~FabricPort() override;

    /**
     * Callback signature of the trace sources.
     * \param packet The packet; must not be kept.
     * \param when The moment it arrived, was dropped or began to be sent. It may lie before
     *        Simulator::Now() for the latter and, at hosts, after it by the host's sending delay.
     */
    typedef void (*PacketTracedCallback)(const FabricPacket* packet, Time when);

    /**
     * \param sink Where the packets arrive.
     * \param delayNs From the end of a transmission to the call of \p sink: propagation and the
     *        receiver's fixed delay, ns.
     * \param context Node id to run the receiver under, or Simulator::NO_CONTEXT.
     */
    void Connect(FabricSink* sink, uint64_t delayNs, uint32_t context);
    /** \param bitsPerSecond Rate of the link; at least 1 Mbit/s, at most 10 Tbit/s. */
    void SetRate(uint64_t bitsPerSecond);
    /** \return Rate of the link, bit/s. */
    uint64_t GetRate() const;
    /** \param bytes Most wire bytes that may wait here; 0 for no limit. */
    void SetLimit(uint64_t bytes);
    /** \param buffer Memory shared with other ports, which must outlive this one; or null. */
    void SetBuffer(FabricBuffer* buffer);
    /**
     * Set how far ahead of the simulator's clock packets are handed to this port: the sending delay
     * of a host. Not to be changed while packets are on their way.
     * \param ns Lead, ns.
     */
    void SetLead(uint64_t ns);
    /** \return From the end of a transmission to the receiver, ns. */
    uint64_t GetDelayNs() const;
    /** \return Delay between handing a packet over and its arrival in the queue, ns. */
    uint64_t GetLeadNs() const;
    /** \param name For reports, such as "host 3 -> rack 0". */
    void SetName(const std::string& name);
    /** \return Name for reports. */
    const std::string& GetName() const;

    /**
     * Time to put a packet on the link, rounded to the nearest nanosecond, halves up. A
     * multiplication and a shift; exact for rates that are a multiple of 1 Mbit/s, 1 Mbit/s to 10
     * Tbit/s, and packets below 128 KiB.
     * \param wireBytes Length of the packet.
     * \return ns.
     */
    uint64_t TxNs(uint32_t wireBytes) const
    {
        return m_link->TxNs(wireBytes);
    }

    /**
     * Take a packet, which will be sent or dropped.
     * \param packet The packet; the port now owns it.
     * \param now Simulator::Now() in ns.
     */
    void Enqueue(FabricPacket* packet, uint64_t now)
    {
        const uint64_t at = now + m_link->lead;
        if (m_waiting && m_freeAt <= at)
        {
            Advance(now);
        }
        if (!m_enqueueTrace.IsEmpty())
        {
            m_enqueueTrace(packet, NanoSeconds(at));
        }
        if (m_freeAt <= at)
        {
            Start(packet, at, now);
        }
        else
        {
            Wait(packet, at);
        }
    }

    /**
     * Begin the transmissions that were due up to now.
     * \param now Simulator::Now() in ns.
     */
    void Advance(uint64_t now);

    /** \return True if a packet waits behind the one being sent. */
    bool HasWaiting() const
    {
        return m_waiting != 0;
    }

    /** \return Where what every packet touches of this object begins. */
    const void* GetLine() const
    {
        return &m_freeAt;
    }

    /** Ask for the memory that HasWaiting() looks at. */
    void Prefetch() const
    {
        homa_arena_fetch(GetLine());
    }

    /**
     * Ask for the memory that Advance() looks at if a packet waits.
     * \param priority Guess of that packet's priority.
     */
    void PrefetchWaiting(uint32_t priority) const
    {
        homa_arena_fetch(&m_queueBytes);
        homa_arena_fetch(&m_queues[priority]);
    }

    /** \return Wire bytes waiting now; at a host, when what was handed over by now has arrived. */
    uint64_t GetQueueBytes() const;
    /** \return When all that waits now will have been sent, by the port's clock (with lead), ns. */
    uint64_t GetDrainedAt() const;
    /** \return The counters since the last reset. Reading them never changes a run. */
    FabricPortCounters GetCounters() const;
    /** Start counting anew; what waits goes on waiting. */
    void ResetCounters();

  private:
    /** Packets of one priority that wait. */
    struct Queue
    {
        FabricPacket* head{nullptr}; //!< First to be sent.
        FabricPacket* tail{nullptr}; //!< Last to be sent.
    };

    /** What was sent of one priority. */
    struct Sent
    {
        uint64_t packets{0}; //!< Packets, ever.
        uint64_t bytes{0};   //!< Wire bytes, ever.
    };

    void DoDispose() override;
    /**
     * Begin to send a packet.
     * \param packet The packet.
     * \param at When its first bit goes out, ns.
     * \param now Simulator::Now() in ns.
     */
    void Start(FabricPacket* packet, uint64_t at, uint64_t now);
    /**
     * Queue or drop a packet.
     * \param packet The packet.
     * \param at When it arrives, ns.
     */
    void Wait(FabricPacket* packet, uint64_t at);
    /**
     * \param packet To refuse.
     * \param at When it arrived, ns.
     */
    void Drop(FabricPacket* packet, uint64_t at);
    /**
     * Take the packet that is sent next out of the queue, which is not empty.
     * \return The packet.
     */
    FabricPacket* TakeFirst();
    /**
     * Look at waiting packets in the order in which they will be sent if no other arrives.
     * \param visit Called with each and the moment its transmission begins; returns false to stop.
     */
    template <typename F>
    void Foresee(F visit) const;
    /**
     * \param at The port's present time, ns.
     * \return What GetCounters() would say if there had never been a reset.
     */
    FabricPortCounters Count(uint64_t at) const;
    /**
     * Bring the integral of the queue up to a moment.
     * \param at The moment, ns.
     */
    void Integrate(uint64_t at);
    /** Give back everything that waits. */
    void Flush();
    /**
     * Move what was sent of a priority to where it cannot overflow.
     * \param priority The priority.
     */
    void Fold(uint32_t priority);
    /**
     * Have a link of other properties.
     * \param link The properties, copied.
     */
    void SetLink(const FabricLink& link);
    /** \param rate See SetRate(). */
    void SetDataRate(DataRate rate);
    /** \return Rate of the link. */
    DataRate GetDataRate() const;
    /** \return Simulator::Now() in ns. */
    static uint64_t NowNs();

    // A cache line for every packet,
    alignas(64) uint64_t m_freeAt{0};        //!< When the link has sent what it began, ns.
    const FabricLink* m_link;                //!< Rate and delays.
    FabricSink* m_sink{nullptr};             //!< Receiver.
    uint64_t m_busyNs{0};                    //!< Time spent sending, of what has begun.
    uint32_t m_context;                      //!< Node id of the receiver.
    uint8_t m_waiting{0};                    //!< Bit p set: level p has a packet.
    uint8_t m_newPackets[FABRIC_PRIORITIES]; //!< By priority: not in m_sent yet.
    uint16_t m_newBytes[FABRIC_PRIORITIES];  //!< Likewise.
    // one more for those that wait,
    alignas(64) uint64_t m_queueBytes{0}; //!< Wire bytes waiting.
    uint64_t m_integralAt{0};             //!< Moment up to which m_queueByteNs is complete, ns.
    uint64_t m_queueByteNs{0};            //!< Integral of m_queueBytes.
    uint64_t m_maxQueueBytes{0};          //!< Largest m_queueBytes since the last reset.
    uint64_t m_limit{UINT64_MAX};         //!< Most wire bytes waiting.
    FabricBuffer* m_buffer{nullptr};      //!< Shared memory, or null.
    // and for each half of the priorities.
    alignas(64) Queue m_queues[FABRIC_PRIORITIES]; //!< By priority; valid if its bit is set.

    Sent m_sent[FABRIC_PRIORITIES];                        //!< By priority; see Fold().
    FabricTrace<const FabricPacket*, Time> m_enqueueTrace; //!< A packet arrived.
    FabricTrace<const FabricPacket*, Time> m_startTrace;   //!< A packet begins to be sent.
    FabricTrace<const FabricPacket*, Time> m_dropTrace;    //!< A packet was refused.
    uint64_t m_dropPackets{0};                             //!< Packets refused.
    uint64_t m_dropBytes{0};                               //!< Wire bytes refused.
    FabricPortCounters m_base;                             //!< Counters at the last reset.
    std::string m_name;                                    //!< For reports.
    /**
     * Makes the length an odd number of cache lines: ports lie in a row, and the same part of each
     * would otherwise share a few sets of a cache.
     */
    char m_spare[64];
};

static_assert(sizeof(FabricPort) / 64 % 2 == 1, "see FabricPort::m_spare");

inline void
FabricPacket::Prepare() const
{
    m_port->Prefetch();
    m_port->PrefetchWaiting(priority);
    m_sink->Expect(this);
}

} // namespace ns3

#endif /* FABRIC_PORT_H */
