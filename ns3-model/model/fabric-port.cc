/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sending side of a link. See the header for how it does with one event per packet.
 */
#include "fabric-port.h"

#include "ns3/abort.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(FabricPort);

uint64_t
FabricPortCounters::TotalPackets() const
{
    uint64_t sum = 0;
    for (uint64_t n : packets)
    {
        sum += n;
    }
    return sum;
}

uint64_t
FabricPortCounters::TotalBytes() const
{
    uint64_t sum = 0;
    for (uint64_t n : bytes)
    {
        sum += n;
    }
    return sum;
}

double
FabricPortCounters::MeanQueueBytes() const
{
    return spanNs ? double(queueByteNs) / double(spanNs) : 0.0;
}

double
FabricPortCounters::Utilization() const
{
    return spanNs ? double(busyNs) / double(spanNs) : 0.0;
}

void
FabricPortCounters::Add(const FabricPortCounters& other)
{
    for (uint32_t p = 0; p < FABRIC_PRIORITIES; p++)
    {
        packets[p] += other.packets[p];
        bytes[p] += other.bytes[p];
    }
    dropPackets += other.dropPackets;
    dropBytes += other.dropBytes;
    maxQueueBytes = std::max(maxQueueBytes, other.maxQueueBytes);
    queueByteNs += other.queueByteNs;
    busyNs += other.busyNs;
    spanNs += other.spanNs;
}

bool
FabricLink::operator<(const FabricLink& other) const
{
    return std::tie(rate, nsPerByte, delay, lead, shift) <
           std::tie(other.rate, other.nsPerByte, other.delay, other.lead, other.shift);
}

FabricBuffer::FabricBuffer(uint64_t bytes, double alpha)
    : m_bytes(bytes),
      m_alpha(alpha)
{
}

void
FabricBuffer::Advance(uint64_t now)
{
    for (FabricPort* port : m_ports)
    {
        port->Advance(now);
    }
}

uint64_t
FabricBuffer::GetUsed() const
{
    uint64_t used = 0;
    for (const FabricPort* port : m_ports)
    {
        used += port->GetQueueBytes();
    }
    return used;
}

void
FabricBuffer::ResetMax()
{
    m_maxUsed = GetUsed();
}

TypeId
FabricPort::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::FabricPort")
            .SetParent<Object>()
            .SetGroupName("Homa")
            .AddConstructor<FabricPort>()
            .AddAttribute("DataRate",
                          "Rate of the link, 1 Mbit/s to 10 Tbit/s. A fabric sets it when it is "
                          "built (FabricParameters::hostRate and uplinkRate).",
                          DataRateValue(DataRate(10000000000)),
                          MakeDataRateAccessor(&FabricPort::SetDataRate, &FabricPort::GetDataRate),
                          MakeDataRateChecker())
            .AddTraceSource("Enqueue",
                            "A packet arrived at the port, and is about to be sent, queued or "
                            "dropped.",
                            MakeTraceSourceAccessor(&FabricPort::m_enqueueTrace),
                            "ns3::FabricPort::PacketTracedCallback")
            .AddTraceSource("Transmit",
                            "A packet began to be sent.",
                            MakeTraceSourceAccessor(&FabricPort::m_startTrace),
                            "ns3::FabricPort::PacketTracedCallback")
            .AddTraceSource("Drop",
                            "A packet was refused by a limit.",
                            MakeTraceSourceAccessor(&FabricPort::m_dropTrace),
                            "ns3::FabricPort::PacketTracedCallback");
    return tid;
}

FabricPort::FabricPort()
    : m_link(nullptr),
      m_context(Simulator::NO_CONTEXT),
      m_newPackets{},
      m_newBytes{},
      m_spare{}
{
    SetLink(FabricLink());
}

FabricPort::~FabricPort()
{
    Flush();
}

void
FabricPort::DoDispose()
{
    Flush();
    Object::DoDispose();
}

void
FabricPort::Flush()
{
    while (m_waiting)
    {
        TakeFirst()->Release();
    }
    m_queueBytes = 0;
}

void
FabricPort::Connect(FabricSink* sink, uint64_t delayNs, uint32_t context)
{
    m_sink = sink;
    NS_ABORT_MSG_IF(delayNs > UINT32_MAX, "delay of a link must be below 4.29 s");
    FabricLink link = *m_link;
    link.delay = delayNs;
    SetLink(link);
    m_context = context;
}

void
FabricPort::SetLink(const FabricLink& link)
{
    static std::set<FabricLink> links;
    m_link = &*links.insert(link).first;
}

void
FabricPort::SetRate(uint64_t bitsPerSecond)
{
    NS_ABORT_MSG_IF(bitsPerSecond < 1000000 || bitsPerSecond > 10000000000000,
                    "link rate must be 1 Mbit/s to 10 Tbit/s");
    __extension__ typedef unsigned __int128 Wide;
    // The largest shift that leaves room for 2^17 bytes; rounded up so that halves round up.
    uint8_t shift = 63;
    Wide perByte;
    do
    {
        perByte = ((Wide(8000000000) << shift) + bitsPerSecond - 1) / bitsPerSecond;
    } while ((perByte >> 46) && shift-- > 0);
    FabricLink link = *m_link;
    link.rate = bitsPerSecond;
    link.shift = shift;
    link.nsPerByte = static_cast<uint64_t>(perByte);
    SetLink(link);
}

uint64_t
FabricPort::GetRate() const
{
    return m_link->rate;
}

void
FabricPort::SetDataRate(DataRate rate)
{
    SetRate(rate.GetBitRate());
}

DataRate
FabricPort::GetDataRate() const
{
    return DataRate(GetRate());
}

void
FabricPort::SetLimit(uint64_t bytes)
{
    m_limit = bytes ? bytes : UINT64_MAX;
}

void
FabricPort::SetBuffer(FabricBuffer* buffer)
{
    m_buffer = buffer;
    if (buffer)
    {
        buffer->m_ports.push_back(this);
    }
}

void
FabricPort::SetLead(uint64_t ns)
{
    NS_ABORT_MSG_IF(ns > UINT32_MAX, "sending delay of a host must be below 4.29 s");
    FabricLink link = *m_link;
    link.lead = ns;
    SetLink(link);
}

uint64_t
FabricPort::GetDelayNs() const
{
    return m_link->delay;
}

uint64_t
FabricPort::GetLeadNs() const
{
    return m_link->lead;
}

void
FabricPort::SetName(const std::string& name)
{
    m_name = name;
}

const std::string&
FabricPort::GetName() const
{
    return m_name;
}

uint64_t
FabricPort::NowNs()
{
    return static_cast<uint64_t>(Simulator::Now().GetTimeStep());
}

void
FabricPort::Integrate(uint64_t at)
{
    m_queueByteNs += m_queueBytes * (at - m_integralAt);
    m_integralAt = at;
}

void
FabricPort::Start(FabricPacket* packet, uint64_t at, uint64_t now)
{
    const uint32_t bytes = packet->wireBytes;
    const uint64_t tx = TxNs(bytes);
    const uint32_t priority = packet->priority;
    const uint32_t newBytes = m_newBytes[priority] + bytes;
    if (newBytes > UINT16_MAX || m_newPackets[priority] == UINT8_MAX)
    {
        Fold(priority);
        m_sent[priority].bytes += bytes;
    }
    else
    {
        m_newBytes[priority] = static_cast<uint16_t>(newBytes);
    }
    m_newPackets[priority]++;
    m_busyNs += tx;
    m_freeAt = at + tx;
    if (!m_startTrace.IsEmpty())
    {
        m_startTrace(packet, NanoSeconds(at));
    }
    packet->m_sink = m_sink;
    packet->m_port = this;
    // Our reference goes to the simulator. A time step is a ns: Fabric::Build() has made sure.
    Simulator::ScheduleWithContext(m_context, TimeStep(m_freeAt + m_link->delay - now), packet);
}

void
FabricPort::Fold(uint32_t priority)
{
    m_sent[priority].packets += m_newPackets[priority];
    m_sent[priority].bytes += m_newBytes[priority];
    m_newPackets[priority] = 0;
    m_newBytes[priority] = 0;
}

void
FabricPort::Wait(FabricPacket* packet, uint64_t at)
{
    const uint32_t bytes = packet->wireBytes;
    if (m_queueBytes + bytes > m_limit)
    {
        Drop(packet, at);
        return;
    }
    if (m_buffer)
    {
        if (!m_buffer->Fits(m_queueBytes, bytes))
        {
            m_buffer->Advance(at);
            if (!m_buffer->Fits(m_queueBytes, bytes))
            {
                Drop(packet, at);
                return;
            }
        }
        m_buffer->m_used += bytes;
        if (m_buffer->m_used > m_buffer->m_maxUsed)
        {
            m_buffer->Advance(at);
            m_buffer->m_maxUsed = std::max(m_buffer->m_maxUsed, m_buffer->m_used);
        }
    }
    Integrate(at);
    m_queueBytes += bytes;
    m_maxQueueBytes = std::max(m_maxQueueBytes, m_queueBytes);
    Queue& queue = m_queues[packet->priority];
    const uint32_t bit = 1U << packet->priority;
    if (m_waiting & bit)
    {
        queue.tail->m_event.behind = packet;
    }
    else
    {
        queue.head = packet;
        m_waiting |= bit;
    }
    queue.tail = packet;
}

FabricPacket*
FabricPort::TakeFirst()
{
    const uint32_t priority = 31 - __builtin_clz(m_waiting);
    Queue& queue = m_queues[priority];
    FabricPacket* first = queue.head;
    if (first == queue.tail)
    {
        m_waiting &= ~(1U << priority);
    }
    else
    {
        queue.head = first->m_event.behind;
    }
    return first;
}

void
FabricPort::Drop(FabricPacket* packet, uint64_t at)
{
    m_dropPackets++;
    m_dropBytes += packet->wireBytes;
    if (!m_dropTrace.IsEmpty())
    {
        m_dropTrace(packet, NanoSeconds(at));
    }
    packet->Release();
}

void
FabricPort::Advance(uint64_t now)
{
    const uint64_t until = now + m_link->lead;
    while (m_waiting && m_freeAt <= until)
    {
        FabricPacket* packet = TakeFirst();
        Integrate(m_freeAt);
        m_queueBytes -= packet->wireBytes;
        if (m_buffer)
        {
            m_buffer->m_used -= packet->wireBytes;
        }
        Start(packet, m_freeAt, now);
    }
}

template <typename F>
void
FabricPort::Foresee(F visit) const
{
    uint64_t at = m_freeAt;
    for (uint32_t p = FABRIC_PRIORITIES; p-- > 0;)
    {
        const FabricPacket* packet = m_waiting & (1U << p) ? m_queues[p].head : nullptr;
        while (packet)
        {
            if (!visit(packet, at))
            {
                return;
            }
            at += TxNs(packet->wireBytes);
            packet = packet == m_queues[p].tail ? nullptr : packet->m_event.behind;
        }
    }
}

uint64_t
FabricPort::GetQueueBytes() const
{
    const uint64_t until = NowNs() + m_link->lead;
    uint64_t bytes = m_queueBytes;
    Foresee([&](const FabricPacket* packet, uint64_t at) {
        if (at > until)
        {
            return false;
        }
        bytes -= packet->wireBytes;
        return true;
    });
    return bytes;
}

uint64_t
FabricPort::GetDrainedAt() const
{
    uint64_t drained = m_freeAt;
    Foresee([&](const FabricPacket* packet, uint64_t at) {
        drained = at + TxNs(packet->wireBytes);
        return true;
    });
    return std::max(drained, NowNs() + m_link->lead);
}

FabricPortCounters
FabricPort::Count(uint64_t now) const
{
    FabricPortCounters counters;
    for (uint32_t p = 0; p < FABRIC_PRIORITIES; p++)
    {
        counters.packets[p] = m_sent[p].packets + m_newPackets[p];
        counters.bytes[p] = m_sent[p].bytes + m_newBytes[p];
    }
    counters.dropPackets = m_dropPackets;
    counters.dropBytes = m_dropBytes;
    counters.maxQueueBytes = m_maxQueueBytes;
    counters.queueByteNs = m_queueByteNs;
    counters.busyNs = m_busyNs;
    counters.spanNs = now;
    // Transmissions that are due, but have not been begun because nothing has depended on them yet.
    uint64_t freeAt = m_freeAt;
    uint64_t queueBytes = m_queueBytes;
    uint64_t integralAt = m_integralAt;
    Foresee([&](const FabricPacket* packet, uint64_t at) {
        if (at > now)
        {
            return false;
        }
        counters.packets[packet->priority]++;
        counters.bytes[packet->priority] += packet->wireBytes;
        counters.queueByteNs += queueBytes * (at - integralAt);
        integralAt = at;
        queueBytes -= packet->wireBytes;
        counters.busyNs += TxNs(packet->wireBytes);
        freeAt = at + TxNs(packet->wireBytes);
        return true;
    });
    if (queueBytes)
    {
        counters.queueByteNs += queueBytes * (now - integralAt);
    }
    if (freeAt > now)
    {
        counters.busyNs -= freeAt - now;
    }
    return counters;
}

FabricPortCounters
FabricPort::GetCounters() const
{
    FabricPortCounters counters = Count(NowNs() + m_link->lead);
    for (uint32_t p = 0; p < FABRIC_PRIORITIES; p++)
    {
        counters.packets[p] -= m_base.packets[p];
        counters.bytes[p] -= m_base.bytes[p];
    }
    counters.dropPackets -= m_base.dropPackets;
    counters.dropBytes -= m_base.dropBytes;
    counters.queueByteNs -= m_base.queueByteNs;
    counters.busyNs -= m_base.busyNs;
    counters.spanNs -= m_base.spanNs;
    return counters;
}

void
FabricPort::ResetCounters()
{
    m_base = Count(NowNs() + m_link->lead);
    m_maxQueueBytes = GetQueueBytes();
}

} // namespace ns3
