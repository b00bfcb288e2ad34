/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host's Homa; see homa-transport.h.
 */
#include "homa-transport.h"

#include "homa-address.h"
#include "homa-host.h"

#include "ns3/boolean.h"
#include "ns3/log.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("HomaTransport");
NS_OBJECT_ENSURE_REGISTERED(HomaTransport);

void
HomaUser::HandleRequest(HomaRpc* rpc)
{
}

void
HomaUser::HandleResponse(HomaRpc* rpc)
{
}

void
HomaUser::HandleFailure(HomaRpc* rpc, HomaError error)
{
}

void
HomaUser::HandleFreed(HomaRpc* rpc)
{
}

bool
HomaUser::KeepsContent() const
{
    return true;
}

/** The longest packet without data must fit, and a full one then has room for data. */
constexpr uint32_t LEAST_MTU = HOMA_IPV6_HEADER + HOMA_MAX_HEADER;

/** Who owns RPCs whose user has gone. */
static HomaUser g_nobody;

/** A timer of a host: one event object, scheduled again and again, so that it costs no allocation.
 */
class HomaTimerEvent : public EventImpl, public FabricMemory
{
  public:
    /**
     * \param transport Whose.
     * \param timer Which.
     */
    HomaTimerEvent(HomaTransport* transport, enum homa_host_timer timer)
        : m_transport(transport),
          m_timer(timer)
    {
    }

    /** The transport is gone. */
    void Detach()
    {
        m_transport = nullptr;
    }

  private:
    void Notify() override
    {
        if (!m_transport)
        {
            return;
        }
        uint64_t now = Simulator::Now().GetTimeStep();
        if (m_timer == HOMA_HOST_PACER)
        {
            homa_host_pace(m_transport->m_host.get(), now);
        }
        else
        {
            homa_host_tick(m_transport->m_host.get(), now);
        }
    }

    HomaTransport* m_transport;   //!< Whose.
    enum homa_host_timer m_timer; //!< Which.
};

/** What the host asks of its transport: the ops of struct homa_host_ops. */
struct HomaHostOps
{
    /**
     * \param rpc The protocol's RPC.
     * \return The transport's.
     */
    static HomaRpc* Rpc(struct homa_host_rpc* rpc)
    {
        return static_cast<HomaRpc*>(rpc->message);
    }

    /**
     * \param owner The host's owner.
     * \return The transport.
     */
    static HomaTransport* Transport(void* owner)
    {
        return static_cast<HomaTransport*>(owner);
    }

    /// \copydoc homa_host_ops::send
    static void Send(void* owner,
                     struct homa_host_peer* peer,
                     const struct homa_packet* pkt,
                     struct homa_host_rpc* rpc,
                     u8 priority)
    {
        HomaTransport* t = Transport(owner);
        Ptr<Packet> content;
        if (rpc && Rpc(rpc)->m_out)
        {
            content = Rpc(rpc)->m_out->CreateFragment(pkt->data.offset, pkt->data.length);
        }
        if (!t->m_packetSent.IsEmpty())
        {
            t->m_packetSent(*pkt, HomaAddress::ToIpv6(peer->address), priority);
        }
        if (t->m_output)
        {
            t->m_output->Send(peer, *pkt, content, priority);
        }
    }

    /// \copydoc homa_host_ops::set_timer
    static void SetTimer(void* owner, enum homa_host_timer timer, u64 when)
    {
        Time delay = NanoSeconds(when) - Simulator::Now();
        Simulator::Schedule(delay, Ptr<EventImpl>(Transport(owner)->m_timers[timer]));
    }

    /// \copydoc homa_host_ops::accept
    static void* Accept(void* owner, struct homa_host_peer* peer, u16 port)
    {
        HomaTransport* t = Transport(owner);
        auto at = t->m_ports.find(port);
        if (at == t->m_ports.end() || !at->second)
        {
            t->m_refused = true;
            return nullptr;
        }
        return at->second;
    }

    /**
     * Find the RPC, or make it: a server's comes into being with its first bytes.
     * \param rpc The protocol's RPC.
     * \return The transport's.
     */
    static HomaRpc* RpcFor(struct homa_host_rpc* rpc)
    {
        if (!rpc->message)
        {
            HomaRpc* made = new HomaRpc;
            made->m_core = rpc;
            made->m_user = static_cast<HomaUser*>(rpc->socket);
            made->m_startNs = Simulator::Now().GetTimeStep();
            rpc->message = made;
        }
        return Rpc(rpc);
    }

    /// \copydoc homa_host_ops::data
    static void Data(void* owner, struct homa_host_rpc* rpc, struct homa_range range, u32 at)
    {
        const Ptr<Packet>& payload = Transport(owner)->m_payload;
        HomaRpc* r = RpcFor(rpc);
        if (!payload || !r->m_user->KeepsContent())
        {
            return;
        }
        if (!r->m_in)
        {
            r->m_in = std::make_unique<std::map<uint32_t, Ptr<Packet>>>();
        }
        (*r->m_in)[range.start] = payload->CreateFragment(at, range.end - range.start);
    }

    /// \copydoc homa_host_ops::deliver
    static void Deliver(void* owner, struct homa_host_rpc* rpc)
    {
        HomaRpc* r = Rpc(rpc);
        Transport(owner)->m_messageReceived(r, rpc->core.in.length);
        if (r->IsClient())
        {
            r->m_user->HandleResponse(r);
        }
        else
        {
            r->m_user->HandleRequest(r);
        }
    }

    /// \copydoc homa_host_ops::restart
    static void Restart(void* owner, struct homa_host_rpc* rpc)
    {
        Rpc(rpc)->m_in.reset();
    }

    /// \copydoc homa_host_ops::fail
    static void Fail(void* owner, struct homa_host_rpc* rpc, enum homa_error error)
    {
        HomaRpc* r = Rpc(rpc);
        r->m_user->HandleFailure(r,
                                 error == HOMA_ERR_NOTCONN    ? HomaError::REFUSED
                                 : error == HOMA_ERR_HOSTDOWN ? HomaError::UNREACHABLE
                                                              : HomaError::TIMED_OUT);
    }

    /// \copydoc homa_host_ops::free_message
    static void FreeMessage(void* owner, struct homa_host_rpc* rpc)
    {
        HomaRpc* r = Rpc(rpc);
        HomaTransport* t = Transport(owner);
        if (!r)
        {
            return;
        }
        bool unfinished =
            r->IsClient() ? !rpc->delivering : !rpc->out.length || rpc->out.sent < rpc->out.length;
        /* Whoever listens may be gone when the transport goes, as its user may. */
        if (unfinished && t->m_started)
        {
            t->m_messageAborted(r, r->IsClient() ? rpc->out.length : rpc->core.in.length);
        }
        if (r->m_user && t->m_started)
        {
            r->m_user->HandleFreed(r);
        }
        delete r;
        rpc->message = nullptr;
    }

    /// \copydoc homa_host_ops::granted
    static void Granted(void* owner, struct homa_host_rpc* rpc, u32 offset, u8 priority)
    {
        HomaTransport* t = Transport(owner);
        if (!t->m_granted.IsEmpty())
        {
            t->m_granted(Rpc(rpc), offset, priority);
        }
    }

    static const struct homa_host_ops ops; //!< All of the above.
};

const struct homa_host_ops HomaHostOps::ops = {
    HomaHostOps::Send,
    HomaHostOps::SetTimer,
    HomaHostOps::Accept,
    HomaHostOps::Data,
    HomaHostOps::Deliver,
    HomaHostOps::Restart,
    HomaHostOps::Fail,
    HomaHostOps::FreeMessage,
    HomaHostOps::Granted,
};

uint64_t
HomaRpc::GetId() const
{
    return m_core->core.id;
}

bool
HomaRpc::IsClient() const
{
    return homa_rpc_is_client(&m_core->core);
}

Ipv6Address
HomaRpc::GetPeer() const
{
    return HomaAddress::ToIpv6(m_core->peer->address);
}

uint16_t
HomaRpc::GetLocalPort() const
{
    return m_core->local_port;
}

uint16_t
HomaRpc::GetRemotePort() const
{
    return m_core->remote_port;
}

uint32_t
HomaRpc::GetReceivedLength() const
{
    return m_core->core.receiving ? m_core->core.in.length : 0;
}

uint32_t
HomaRpc::GetSentLength() const
{
    return m_core->out.length;
}

uint64_t
HomaRpc::GetStartNs() const
{
    return m_startNs;
}

HomaUser*
HomaRpc::GetUser() const
{
    return m_user;
}

Ptr<Packet>
HomaRpc::GetReceived() const
{
    if (!m_in)
    {
        return Create<Packet>(GetReceivedLength());
    }
    std::vector<Ptr<Packet>> parts;
    for (const auto& [offset, part] : *m_in)
    {
        parts.push_back(part->Copy());
    }
    /* Pair by pair: adding one after the other would copy the first ones again and again. */
    for (std::size_t step = 1; step < parts.size(); step *= 2)
    {
        for (std::size_t i = 0; i + step < parts.size(); i += 2 * step)
        {
            parts[i]->AddAtEnd(parts[i + step]);
        }
    }
    parts[0]->RemoveAllPacketTags();
    return parts[0];
}

/**
 * The ns-3 name of a parameter: unsched_bytes is UnschedBytes.
 * \param name As in the core's table.
 * \return As an attribute.
 */
static std::string
AttributeName(const std::string& name)
{
    std::string camel;
    bool upper = true;
    for (char c : name)
    {
        if (c == '_')
        {
            upper = true;
            continue;
        }
        camel += upper ? static_cast<char>(std::toupper(c)) : c;
        upper = false;
    }
    return camel;
}

template <std::size_t AT>
void
HomaTransport::SetParameter(uint64_t value)
{
    *reinterpret_cast<uint32_t*>(reinterpret_cast<char*>(&GetParameters()) + AT) = value;
    if (m_started)
    {
        UpdateParameters();
    }
}

template <std::size_t AT>
uint64_t
HomaTransport::GetParameter() const
{
    return *reinterpret_cast<const uint32_t*>(reinterpret_cast<const char*>(m_params.get()) + AT);
}

TypeId
HomaTransport::GetTypeId()
{
    static TypeId tid = []() {
        TypeId made =
            TypeId("ns3::HomaTransport")
                .SetParent<Object>()
                .SetGroupName("Homa")
                .AddConstructor<HomaTransport>()
                .AddAttribute("HistoryPlaces",
                              "Finished requests remembered for at-most-once execution, a power of "
                              "two; read at the start.",
                              UintegerValue(4096),
                              MakeUintegerAccessor(&HomaTransport::m_historyPlaces),
                              MakeUintegerChecker<uint32_t>(1, 1U << 24))
                .AddTraceSource("MessageSent",
                                "A message was handed to the transport.",
                                MakeTraceSourceAccessor(&HomaTransport::m_messageSent),
                                "ns3::HomaTransport::MessageCallback")
                .AddTraceSource("MessageReceived",
                                "A message is complete.",
                                MakeTraceSourceAccessor(&HomaTransport::m_messageReceived),
                                "ns3::HomaTransport::MessageCallback")
                .AddTraceSource("MessageAborted",
                                "An RPC ended without its response. Those in progress when the "
                                "transport is disposed of are not told.",
                                MakeTraceSourceAccessor(&HomaTransport::m_messageAborted),
                                "ns3::HomaTransport::MessageCallback")
                .AddTraceSource("PacketSent",
                                "A packet of any type was sent.",
                                MakeTraceSourceAccessor(&HomaTransport::m_packetSent),
                                "ns3::HomaTransport::PacketCallback")
                .AddTraceSource("PacketReceived",
                                "A valid packet of any type has arrived.",
                                MakeTraceSourceAccessor(&HomaTransport::m_packetReceived),
                                "ns3::HomaTransport::PacketCallback")
                .AddTraceSource("Grant",
                                "A grant was sent.",
                                MakeTraceSourceAccessor(&HomaTransport::m_granted),
                                "ns3::HomaTransport::GrantCallback");
#define X(name, def, min, max, unit, meaning)                                                      \
    made.AddAttribute(                                                                             \
        AttributeName(#name),                                                                      \
        meaning " (" unit ")",                                                                     \
        UintegerValue(def),                                                                        \
        MakeUintegerAccessor(&HomaTransport::SetParameter<offsetof(struct homa_params, name)>,     \
                             &HomaTransport::GetParameter<offsetof(struct homa_params, name)>),    \
        MakeUintegerChecker<uint32_t>(min, max));
        HOMA_PARAMS(X)
#undef X
        return made;
    }();
    return tid;
}

HomaTransport::HomaTransport()
    : m_host(static_cast<homa_host*>(FabricMemory::operator new(sizeof(homa_host)))),
      m_params(std::make_shared<homa_params>())
{
    *m_host = {};
    homa_params_init(m_params.get());
    m_timers[HOMA_HOST_PACER] = Create<HomaTimerEvent>(this, HOMA_HOST_PACER);
    m_timers[HOMA_HOST_TICK] = Create<HomaTimerEvent>(this, HOMA_HOST_TICK);
}

HomaTransport::~HomaTransport() = default;

void
HomaTransport::HostDeleter::operator()(homa_host* host) const
{
    FabricMemory::operator delete(host, sizeof(*host));
}

void
HomaTransport::DoDispose()
{
    m_output = nullptr;
    for (auto& timer : m_timers)
    {
        timer->Detach();
    }
    if (m_started)
    {
        m_started = false;
        homa_host_destroy(m_host.get());
    }
    m_ports.clear();
    Object::DoDispose();
}

/** The parameters of the transport started last, unless somebody may change them. */
static std::weak_ptr<homa_params> g_params;

void
HomaTransport::ShareParameters()
{
    auto others = g_params.lock();
    if (others && !std::memcmp(others.get(), m_params.get(), sizeof(*others)))
    {
        m_params = others;
    }
    g_params = m_params;
}

void
HomaTransport::Start(HomaOutput* output, const Link& link)
{
    NS_ABORT_MSG_IF(m_started, "HomaTransport::Start(): called twice");
    NS_ABORT_MSG_UNLESS(Time::GetResolution() == Time::NS,
                        "HomaTransport: the resolution of ns3::Time must be nanoseconds");
    NS_ABORT_MSG_IF(link.mtu < LEAST_MTU,
                    "HomaTransport: an MTU of " << link.mtu << " bytes is too small for Homa; it "
                                                << "needs at least " << LEAST_MTU);
    if (link.rate)
    {
        m_params->link_mbps = std::clamp<uint64_t>(link.rate / 1000000, 1, 1000000);
    }
    const char* wrong = homa_params_update(m_params.get());
    NS_ABORT_MSG_IF(wrong, "HomaTransport: " << wrong);
    ShareParameters();
    NS_ABORT_MSG_IF(m_historyPlaces & (m_historyPlaces - 1),
                    "HomaTransport: HistoryPlaces must be a power of two");
    struct homa_host_link wire = {link.mtu, link.freeResponses, link.framing, link.minFrame};
    /* The clock never goes back within a simulation, so ids of a host's earlier lives are below
     * this. */
    uint64_t firstId = (static_cast<uint64_t>(Simulator::Now().GetTimeStep()) & ~1ULL) + 2;
    bool ok = homa_host_init(m_host.get(),
                             &HomaHostOps::ops,
                             this,
                             m_params.get(),
                             &wire,
                             firstId,
                             m_historyPlaces);
    NS_ABORT_MSG_UNLESS(ok, "HomaTransport: out of memory");
    m_output = output;
    m_started = true;
}

bool
HomaTransport::IsStarted() const
{
    return m_started;
}

bool
HomaTransport::Bind(uint16_t port, HomaUser* user)
{
    return port && m_ports.emplace(port, user).second;
}

uint16_t
HomaTransport::AllocatePort()
{
    for (uint32_t tries = 0; tries < 0x8000; tries++)
    {
        uint16_t port = m_nextPort;
        m_nextPort = port == 0xffff ? 0x8000 : port + 1;
        if (m_ports.emplace(port, nullptr).second)
        {
            return port;
        }
    }
    return 0;
}

void
HomaTransport::ReleasePort(uint16_t port)
{
    m_ports.erase(port);
}

HomaRpc*
HomaTransport::Call(HomaUser* user,
                    Ipv6Address to,
                    uint16_t localPort,
                    uint16_t remotePort,
                    uint32_t length,
                    Ptr<Packet> content,
                    uint64_t cookie)
{
    uint64_t now = Simulator::Now().GetTimeStep();
    NS_ABORT_MSG_UNLESS(m_started, "HomaTransport::Call(): the transport has not been started");
    if (!length || length > m_host->cx.params->max_message)
    {
        return nullptr;
    }
    struct homa_host_peer* peer = homa_host_peer(m_host.get(), now, HomaAddress::FromIpv6(to));
    if (!peer)
    {
        return nullptr;
    }
    HomaRpc* rpc = new HomaRpc;
    rpc->m_user = user;
    rpc->m_startNs = now;
    rpc->m_out = content;
    rpc->cookie = cookie;
    rpc->m_core = homa_host_call(m_host.get(), now, peer, localPort, remotePort, length, user, rpc);
    NS_ABORT_MSG_UNLESS(rpc->m_core, "HomaTransport: out of memory");
    m_messageSent(rpc, length);
    return rpc;
}

bool
HomaTransport::Reply(HomaRpc* rpc, uint32_t length, Ptr<Packet> content)
{
    if (rpc->m_core->core.state != HOMA_RPC_SERVING)
    {
        return false;
    }
    rpc->m_out = content;
    if (!homa_host_reply(m_host.get(), Simulator::Now().GetTimeStep(), rpc->m_core, length))
    {
        return false;
    }
    m_messageSent(rpc, length);
    return true;
}

void
HomaTransport::Abort(HomaRpc* rpc)
{
    homa_host_abort(m_host.get(), Simulator::Now().GetTimeStep(), rpc->m_core);
}

void
HomaTransport::Forget(HomaUser* user)
{
    if (!m_started)
    {
        return;
    }
    std::vector<struct homa_host_rpc*> rpcs;
    for (uint32_t i = 0; i < m_host->rpc_buckets; i++)
    {
        for (struct homa_host_rpc* rpc = m_host->rpcs[i]; rpc; rpc = rpc->next)
        {
            if (rpc->socket == user)
            {
                rpcs.push_back(rpc);
            }
        }
    }
    for (struct homa_host_rpc* rpc : rpcs)
    {
        rpc->socket = &g_nobody;
        if (rpc->message)
        {
            HomaHostOps::Rpc(rpc)->m_user = &g_nobody;
        }
    }
    /* An RPC whose end its user is just being told is freed when the user returns. */
    for (struct homa_host_rpc* rpc : rpcs)
    {
        homa_host_abort(m_host.get(), Simulator::Now().GetTimeStep(), rpc);
    }
}

HomaRpc*
HomaTransport::Find(Ipv6Address peer, uint64_t id)
{
    struct homa_host_peer* p = homa_host_known_peer(m_host.get(), HomaAddress::FromIpv6(peer));
    struct homa_host_rpc* rpc = homa_host_find(m_host.get(), p, id);
    return rpc ? HomaHostOps::Rpc(rpc) : nullptr;
}

bool
HomaTransport::Receive(const homa_address& from,
                       const uint8_t* bytes,
                       uint32_t readable,
                       uint32_t length,
                       Ptr<Packet> payload)
{
    if (!m_packetReceived.IsEmpty())
    {
        struct homa_packet pkt;
        if (!homa_wire_decode(&pkt, bytes, readable, length, m_host->cx.params->max_message))
        {
            m_packetReceived(pkt, HomaAddress::ToIpv6(from), 0);
        }
    }
    m_refused = false;
    m_payload = payload;
    homa_host_input(m_host.get(), Simulator::Now().GetTimeStep(), from, bytes, readable, length);
    m_payload = nullptr;
    return !m_refused;
}

void
HomaTransport::Unreachable(Ipv6Address peer, const homa_quote* quote, HomaError error)
{
    uint64_t now = Simulator::Now().GetTimeStep();
    struct homa_host_peer* p = homa_host_known_peer(m_host.get(), HomaAddress::FromIpv6(peer));
    homa_host_unreachable(m_host.get(),
                          now,
                          p,
                          quote,
                          error == HomaError::REFUSED ? HOMA_ERR_NOTCONN : HOMA_ERR_HOSTDOWN);
}

homa_params&
HomaTransport::GetParameters()
{
    /* The caller may change them: from now on they are nobody else's. */
    if (g_params.lock() == m_params)
    {
        g_params.reset();
    }
    if (m_params.use_count() > 1)
    {
        m_params = std::make_shared<homa_params>(*m_params);
        homa_host_set_params(m_host.get(), m_params.get());
    }
    return *m_params;
}

void
HomaTransport::UpdateParameters()
{
    const char* wrong = homa_params_update(&GetParameters());
    NS_ABORT_MSG_IF(wrong, "HomaTransport: " << wrong);
}

const homa_counters&
HomaTransport::GetCounters() const
{
    return m_host->counters;
}

const homa_host&
HomaTransport::GetHost() const
{
    return *m_host;
}

void
HomaTransport::LearnSizes(const std::function<uint32_t()>& draw, uint32_t draws)
{
    NS_ABORT_MSG_UNLESS(m_started, "HomaTransport::LearnSizes(): call Start() first");
    for (uint32_t i = 0; i < draws; i++)
    {
        homa_host_learn(m_host.get(), draw());
    }
    homa_allocator_check(&m_host->cx, &m_host->allocator, true);
}

} // namespace ns3
