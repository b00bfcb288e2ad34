/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic; see homa-rpc-application.h.
 */
#include "homa-rpc-application.h"

#include "homa-host.h"
#include "workloads/random.h"
#include "workloads/sampler.h"

#include "ns3/log.h"
#include "ns3/node.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("HomaRpcApplication");
NS_OBJECT_ENSURE_REGISTERED(HomaRpcServer);
NS_OBJECT_ENSURE_REGISTERED(HomaRpcClient);

TypeId
HomaRpcServer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::HomaRpcServer")
            .SetParent<Application>()
            .SetGroupName("Homa")
            .AddConstructor<HomaRpcServer>()
            .AddAttribute("Port",
                          "Port served.",
                          UintegerValue(1),
                          MakeUintegerAccessor(&HomaRpcServer::m_port),
                          MakeUintegerChecker<uint16_t>(1))
            .AddAttribute("ResponseBytes",
                          "Length of every response, bytes; 0: as long as the request; 1: one-way "
                          "messages.",
                          UintegerValue(0),
                          MakeUintegerAccessor(&HomaRpcServer::m_responseBytes),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("ServiceTime",
                          "Time between a request and its response.",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&HomaRpcServer::m_serviceTime),
                          MakeTimeChecker(Time(0)))
            .AddTraceSource("Request",
                            "A request has arrived in full.",
                            MakeTraceSourceAccessor(&HomaRpcServer::m_request),
                            "ns3::HomaRpcServer::RequestCallback");
    return tid;
}

HomaRpcServer::HomaRpcServer() = default;
HomaRpcServer::~HomaRpcServer() = default;

void
HomaRpcServer::DoDispose()
{
    m_transport = nullptr;
    Application::DoDispose();
}

void
HomaRpcServer::StartApplication()
{
    m_transport = GetNode()->GetObject<HomaTransport>();
    NS_ABORT_MSG_UNLESS(m_transport, "HomaRpcServer: install Homa on the node first (HomaHelper)");
    NS_ABORT_MSG_UNLESS(m_transport->Bind(m_port, this),
                        "HomaRpcServer: port " << m_port << " is taken on this node");
}

void
HomaRpcServer::StopApplication()
{
    if (m_transport)
    {
        m_transport->ReleasePort(m_port);
    }
}

void
HomaRpcServer::HandleRequest(HomaRpc* rpc)
{
    m_request(rpc);
    if (m_serviceTime.IsZero())
    {
        Respond(rpc);
        return;
    }
    /* By id: the client may be done with the RPC before the response is. */
    Simulator::Schedule(m_serviceTime, &HomaRpcServer::Answer, this, rpc->GetPeer(), rpc->GetId());
}

void
HomaRpcServer::Answer(Ipv6Address peer, uint64_t id)
{
    HomaRpc* rpc = m_transport ? m_transport->Find(peer, id) : nullptr;
    if (rpc)
    {
        Respond(rpc);
    }
}

void
HomaRpcServer::Respond(HomaRpc* rpc)
{
    const uint32_t bytes = m_responseBytes ? m_responseBytes : rpc->GetReceivedLength();
    const bool sent = m_transport->Reply(rpc, bytes);
    /* Of an RPC that does not wait for its response any more, nobody misses it. */
    NS_ABORT_MSG_IF(!sent && bytes > m_transport->GetHost().cx.params->max_message,
                    "HomaRpcServer: refused: a response of " << bytes
                                                             << " bytes, when MaxMessage allows "
                                                                "less");
}

void
HomaRpcServer::HandleFreed(HomaRpc* rpc)
{
}

bool
HomaRpcServer::KeepsContent() const
{
    return false;
}

/** The next arrival of an open loop: one event object, scheduled again and again. */
class HomaArrivalEvent : public EventImpl
{
  public:
    /** \param client Whose. */
    explicit HomaArrivalEvent(HomaRpcClient* client)
        : m_client(client)
    {
    }

    /** The client is gone. */
    void Detach()
    {
        m_client = nullptr;
    }

  private:
    void Notify() override
    {
        if (m_client && m_client->m_running)
        {
            m_client->Issue();
            m_client->Arm();
        }
    }

    HomaRpcClient* m_client; //!< Whose.
};

TypeId
HomaRpcClient::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::HomaRpcClient")
            .SetParent<Application>()
            .SetGroupName("Homa")
            .AddConstructor<HomaRpcClient>()
            .AddAttribute("Workload",
                          "Sizes of requests: w1 to w5, a number of bytes, or a file.",
                          StringValue("100"),
                          MakeStringAccessor(&HomaRpcClient::m_workload),
                          MakeStringChecker())
            .AddAttribute("Interval",
                          "Mean time between requests of the open loop.",
                          TimeValue(MicroSeconds(100)),
                          MakeTimeAccessor(&HomaRpcClient::m_interval),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Outstanding",
                          "Closed loop: RPCs in progress at a time. 0: open loop.",
                          UintegerValue(0),
                          MakeUintegerAccessor(&HomaRpcClient::m_outstanding),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("RemotePort",
                          "Port of the servers.",
                          UintegerValue(1),
                          MakeUintegerAccessor(&HomaRpcClient::m_remotePort),
                          MakeUintegerChecker<uint16_t>(1))
            .AddAttribute("MaxRpcs",
                          "Requests to issue at most; 0: no limit.",
                          UintegerValue(0),
                          MakeUintegerAccessor(&HomaRpcClient::m_limit),
                          MakeUintegerChecker<uint64_t>())
            .AddTraceSource("Done",
                            "An RPC has ended.",
                            MakeTraceSourceAccessor(&HomaRpcClient::m_done),
                            "ns3::HomaRpcClient::DoneCallback");
    return tid;
}

HomaRpcClient::HomaRpcClient()
    : m_rng(std::make_unique<struct rng>()),
      m_arrival(Create<HomaArrivalEvent>(this))
{
    UseStream(RngSeedManager::GetNextStreamIndex());
}

HomaRpcClient::~HomaRpcClient() = default;

void
HomaRpcClient::DoDispose()
{
    m_running = false;
    m_arrival->Detach();
    m_transport = nullptr;
    if (m_own)
    {
        sampler_close(m_own.get());
        m_own.reset();
    }
    Application::DoDispose();
}

void
HomaRpcClient::AddServer(Ipv6Address address)
{
    if (!m_added)
    {
        m_added = m_servers ? std::make_shared<std::vector<Ipv6Address>>(*m_servers)
                            : std::make_shared<std::vector<Ipv6Address>>();
        m_servers = m_added;
    }
    m_added->push_back(address);
}

void
HomaRpcClient::ShareServers(std::shared_ptr<const std::vector<Ipv6Address>> servers,
                            std::size_t without)
{
    m_servers = servers;
    m_added = nullptr;
    m_without = without;
}

std::size_t
HomaRpcClient::CountServers() const
{
    return m_servers ? m_servers->size() - (m_without < m_servers->size()) : 0;
}

void
HomaRpcClient::SetSampler(const struct sampler* sizes)
{
    m_sizes = sizes;
}

void
HomaRpcClient::SetStream(uint64_t seed, uint64_t stream)
{
    rng_seed(m_rng.get(), seed, stream);
}

void
HomaRpcClient::UseStream(uint64_t stream)
{
    SetStream((uint64_t(RngSeedManager::GetSeed()) << 32) + RngSeedManager::GetRun(), stream);
}

int64_t
HomaRpcClient::AssignStreams(int64_t stream)
{
    /* The lower half is for those that GetNextStreamIndex() gives, as ns-3 has it. */
    UseStream((1ULL << 63) + stream);
    return 1;
}

uint64_t
HomaRpcClient::GetIssued() const
{
    return m_issued;
}

uint64_t
HomaRpcClient::GetIssuedBytes() const
{
    return m_issuedBytes;
}

void
HomaRpcClient::StartApplication()
{
    m_transport = GetNode()->GetObject<HomaTransport>();
    NS_ABORT_MSG_UNLESS(m_transport, "HomaRpcClient: install Homa on the node first (HomaHelper)");
    NS_ABORT_MSG_UNLESS(CountServers(), "HomaRpcClient: AddServer() has not been called");
    if (!m_sizes)
    {
        char error[SAMPLER_ERROR_LEN];
        m_own = std::make_unique<struct sampler>();
        if (sampler_open(m_own.get(), m_workload.c_str(), nullptr, error, sizeof(error)))
        {
            m_own.reset();
            NS_FATAL_ERROR("HomaRpcClient: " << error);
        }
        m_sizes = m_own.get();
    }
    m_localPort = m_transport->AllocatePort();
    NS_ABORT_MSG_UNLESS(m_localPort, "HomaRpcClient: no free port on this node");
    m_running = true;
    if (!m_outstanding)
    {
        Arm();
    }
    for (uint32_t i = 0; i < m_outstanding; i++)
    {
        Issue();
    }
}

void
HomaRpcClient::StopApplication()
{
    m_running = false;
    ReleasePort();
}

void
HomaRpcClient::ReleasePort()
{
    /* An RPC's responses, and refusals that quote ports alone, still come to it. */
    if (!m_running && !m_inProgress && m_localPort && m_transport)
    {
        m_transport->ReleasePort(m_localPort);
        m_localPort = 0;
    }
}

void
HomaRpcClient::Arm()
{
    double gap = rng_exponential(m_rng.get(), static_cast<double>(m_interval.GetTimeStep()));
    Simulator::Schedule(NanoSeconds(std::llround(gap)), Ptr<EventImpl>(m_arrival));
}

void
HomaRpcClient::Issue()
{
    if (m_limit && m_issued >= m_limit)
    {
        m_running = false;
        ReleasePort();
        return;
    }
    uint32_t size = sampler_draw(m_sizes, rng_next(m_rng.get()));
    const std::size_t servers = CountServers();
    std::size_t to = servers > 1 ? rng_below(m_rng.get(), servers) : 0;
    to += to >= m_without;
    HomaRpc* rpc =
        m_transport->Call(this, (*m_servers)[to], m_localPort, m_remotePort, size, nullptr);
    NS_ABORT_MSG_UNLESS(rpc,
                        "HomaRpcClient: refused: a message of "
                            << size << " bytes, when MaxMessage and PeerNetMax allow less");
    m_issued++;
    m_inProgress++;
    m_issuedBytes += size;
}

bool
HomaRpcClient::KeepsContent() const
{
    return false;
}

void
HomaRpcClient::HandleResponse(HomaRpc* rpc)
{
    m_done(rpc, false);
    if (m_outstanding && m_running)
    {
        Issue();
    }
}

void
HomaRpcClient::HandleFailure(HomaRpc* rpc, HomaError error)
{
    m_done(rpc, true);
    if (m_outstanding && m_running)
    {
        /* Not now: if there is no way to the server, the next RPC fails as soon as this one. */
        Simulator::Schedule(m_interval, &HomaRpcClient::IssueAgain, Ptr<HomaRpcClient>(this));
    }
}

void
HomaRpcClient::IssueAgain()
{
    if (m_running)
    {
        Issue();
    }
}

void
HomaRpcClient::HandleFreed(HomaRpc* rpc)
{
    m_inProgress--;
    ReleasePort();
}

} // namespace ns3
