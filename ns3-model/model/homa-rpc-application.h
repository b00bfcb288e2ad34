/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic: a client that issues RPCs of drawn sizes, open loop (Poisson) or closed loop, and the
 * server that answers them.
 */
#ifndef HOMA_RPC_APPLICATION_H
#define HOMA_RPC_APPLICATION_H

#include "homa-transport.h"

#include "ns3/application.h"
#include "ns3/nstime.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct rng;
struct sampler;

namespace ns3
{

class HomaArrivalEvent;

/**
 * \brief Answers RPCs.
 *
 * The response is as long as the request, or of a fixed length; 1 byte makes messages one-way: the
 * shortest response there is completes the RPC.
 */
class HomaRpcServer : public Application, public HomaUser
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaRpcServer();
    ~HomaRpcServer() override;
    // Inherited from HomaUser
    void HandleRequest(HomaRpc* rpc) override;
    void HandleFreed(HomaRpc* rpc) override;
    bool KeepsContent() const override;

    /**
     * TracedCallback of requests.
     * \param rpc A request that has just arrived in full.
     */
    typedef void (*RequestCallback)(const HomaRpc* rpc);

  private:
    void DoDispose() override;
    void StartApplication() override;
    void StopApplication() override;
    /**
     * Send the response, if the RPC still waits for one; one that is too long is fatal.
     * \param rpc The RPC.
     */
    void Respond(HomaRpc* rpc);
    /**
     * Send the response, if there still is the RPC.
     * \param peer Client's address.
     * \param id RPC.
     */
    void Answer(Ipv6Address peer, uint64_t id);

    uint16_t m_port;                          //!< Served.
    uint32_t m_responseBytes;                 //!< 0: as long as the request.
    Time m_serviceTime;                       //!< Between request and response.
    Ptr<HomaTransport> m_transport;           //!< Of our node.
    TracedCallback<const HomaRpc*> m_request; //!< See RequestCallback.
};

/**
 * \brief Issues RPCs.
 *
 * Open loop (Outstanding 0): with exponential gaps of mean Interval, whatever becomes of them.
 * Closed loop: Outstanding RPCs at a time, a new one as soon as one ends; Interval after one that
 * failed. Sizes come from Workload, destinations are drawn evenly from those added.
 *
 * Random numbers follow RngSeedManager's seed and run, with a stream for each client, unless
 * SetStream() says otherwise.
 */
class HomaRpcClient : public Application, public HomaUser
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaRpcClient();
    ~HomaRpcClient() override;

    /**
     * Add a server, to those of ShareServers() if they are given before.
     * \param address Its address; IPv4-mapped for IPv4.
     */
    void AddServer(Ipv6Address address);
    /**
     * Share one list of servers among many clients, instead of AddServer().
     * \param servers Addresses; IPv4-mapped for IPv4.
     * \param without Index of one that this client leaves out: its own host. Beyond the end: none.
     */
    void ShareServers(std::shared_ptr<const std::vector<Ipv6Address>> servers,
                      std::size_t without = SIZE_MAX);
    /**
     * Share one distribution among many clients, instead of the attribute Workload.
     * \param sizes Opened; outlives the application.
     */
    void SetSampler(const struct sampler* sizes);
    /**
     * Choose the random numbers without RngSeedManager; clients with different streams are
     * independent.
     * \param seed Of the experiment.
     * \param stream Of this client.
     */
    void SetStream(uint64_t seed, uint64_t stream);
    /**
     * Fix the stream of random numbers, within RngSeedManager's seed and run. Later versions of
     * ns-3 have this in Application.
     * \param stream First stream that may be used.
     * \return Number of streams used: one.
     */
    int64_t AssignStreams(int64_t stream);
    /** \return RPCs issued. */
    uint64_t GetIssued() const;
    /** \return Bytes of the requests issued. */
    uint64_t GetIssuedBytes() const;

    // Inherited from HomaUser
    void HandleResponse(HomaRpc* rpc) override;
    void HandleFailure(HomaRpc* rpc, HomaError error) override;
    void HandleFreed(HomaRpc* rpc) override;
    bool KeepsContent() const override;

    /**
     * TracedCallback of RPCs that end.
     * \param rpc The RPC.
     * \param failed Whether it ended without response.
     */
    typedef void (*DoneCallback)(const HomaRpc* rpc, bool failed);

  private:
    friend class HomaArrivalEvent;
    void DoDispose() override;
    void StartApplication() override;
    void StopApplication() override;
    /** Issue one RPC. */
    void Issue();
    /** Issue one RPC, unless stopped since. */
    void IssueAgain();
    /** Give the port back, if it is not needed any more. */
    void ReleasePort();
    /**
     * \param stream Of RngSeedManager's seed and run.
     */
    void UseStream(uint64_t stream);
    /** \return Number of servers to draw from. */
    std::size_t CountServers() const;
    /** Schedule the next arrival of the open loop. */
    void Arm();

    std::string m_workload;         //!< See the attribute.
    Time m_interval;                //!< Mean gap.
    uint32_t m_outstanding;         //!< Closed loop's; 0: open.
    uint16_t m_remotePort;          //!< Servers'.
    uint64_t m_limit;               //!< RPCs to issue at most; 0: no limit.
    uint64_t m_issued{0};           //!< See GetIssued().
    uint64_t m_issuedBytes{0};      //!< See GetIssuedBytes().
    uint32_t m_inProgress{0};       //!< RPCs.
    uint16_t m_localPort{0};        //!< Ours; 0: none.
    bool m_running{false};          //!< Between start and stop.
    Ptr<HomaTransport> m_transport; //!< Of our node.
    /** Destinations. */
    std::shared_ptr<const std::vector<Ipv6Address>> m_servers;
    std::shared_ptr<std::vector<Ipv6Address>> m_added; //!< The same if not shared, else null.
    std::size_t m_without{SIZE_MAX};                   //!< See ShareServers().
    std::unique_ptr<struct sampler> m_own;             //!< Opened from Workload.
    const struct sampler* m_sizes{nullptr};            //!< Own or shared.
    std::unique_ptr<struct rng> m_rng;                 //!< Random numbers.
    Ptr<HomaArrivalEvent> m_arrival;                   //!< Reused.
    TracedCallback<const HomaRpc*, bool> m_done;       //!< See DoneCallback.
};

} // namespace ns3

#endif /* HOMA_RPC_APPLICATION_H */
