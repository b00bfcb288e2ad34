/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One simulation: a fabric of Homa hosts under an open-loop workload.
 */
#ifndef SIM_EXPERIMENT_H
#define SIM_EXPERIMENT_H

#include "options.h"
#include "recorder.h"
#include "workloads/sampler.h"

#include "ns3/fabric.h"
#include "ns3/homa-rpc-application.h"
#include "ns3/homa-transport.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

struct homa_cutoffs;

/** What a run found beside the slowdowns. */
struct Findings
{
    double messagesPerSecond{0};   //!< Requests per second and host.
    double wireBytesPerMessage{0}; //!< Computed: request, grants, response, acks.
    double offeredLoad{0};   //!< Of the requests that were issued, by their computed wire bytes.
    double carriedLoad{0};   //!< Wire bytes that hosts sent in the measured time.
    double deliveredLoad{0}; //!< Wire bytes that reached hosts in it.
    double goodput{0};       //!< Application bytes delivered in it, share of link capacity:
                             //!< requests that arrived, responses that ended their RPC.
    double backlogStart{0};  //!< Bytes of unfinished requests when measuring began.
    double backlogEnd{0};    //!< The same when it ended.
    std::vector<std::pair<uint64_t, double>>
        backlog;             //!< Time, ns, and bytes of unfinished requests.
    uint64_t warmupNs{0};    //!< Before measuring.
    uint64_t durationNs{0};  //!< Of measuring.
    uint64_t drainNs{0};     //!< After it, at most.
    uint64_t endNs{0};       //!< When the simulation ended.
    uint64_t issued{0};      //!< Measured requests.
    uint64_t issuedAll{0};   //!< All requests.
    uint64_t failed{0};      //!< RPCs that ended without response, whole run.
    uint64_t drops{0};       //!< Packets that ports refused, whole run.
    uint64_t dataPackets{0}; //!< DATA packets that reached hosts, whole run.
    uint64_t packetHops{0};  //!< Packets of all types times links, whole run.
    uint64_t events{0};      //!< Of the simulator.
    double wallSeconds{0};   //!< Of the run, without set-up.
    double cpuSeconds{0};    //!< Of the run, without set-up.
    double peakMegabytes{0}; //!< Memory of the process, 10^6 bytes.
    /** Each port's counters over the measured time, in the order of Fabric::GetPorts(). */
    std::vector<ns3::FabricPortCounters> ports;
    ns3::FabricPortCounters toHosts; //!< Those of the ports from rack to host, added up.
};

/** One simulation. */
class Experiment
{
  public:
    /** \param options What to simulate; exits with status 2 when something cannot be. */
    explicit Experiment(const Options& options);
    ~Experiment();

    /** Simulate. */
    void Run();

    /** \return What was asked for. */
    const Options& GetOptions() const;
    /** \return The protocol's parameters, as used. */
    const homa_params& GetParameters() const;
    /** \return The sizes. */
    const struct sampler* GetSizes() const;
    /** \return Slowdowns. */
    Recorder& GetRecorder();
    /** \return Everything else. */
    const Findings& GetFindings() const;
    /**
     * \param quarter 0 to 3.
     * \return Mean backlog over this quarter of the measured time, bytes.
     */
    double GetBacklog(uint32_t quarter) const;
    /** \return The fabric. */
    ns3::Ptr<ns3::Fabric> GetFabric() const;
    /** \return The hosts' protocol counters added up, as 64-bit numbers in the order of the core's
     * struct. */
    std::vector<uint64_t> GetCounters() const;
    /** \return Priority cutoffs of host 0 at the end. */
    const struct homa_cutoffs& GetCutoffs() const;

  private:
    /** Set the protocol's parameters up. \param transport Where. */
    void Configure(ns3::Ptr<ns3::HomaTransport> transport);
    /**
     * \param bytes Length of a message.
     * \return Wire bytes of its data packets and their grants.
     */
    double WireBytes(uint32_t bytes) const;
    /** Find rates and times from the load. */
    void Calibrate();
    /** A request has arrived in full. \param host At this host. \param rpc The request. */
    void Arrived(uint32_t host, const ns3::HomaRpc* rpc);
    /** An RPC has ended. \param host Of this host. \param rpc The RPC. \param failed Without
     * response. */
    void Done(uint32_t host, const ns3::HomaRpc* rpc, bool failed);
    /** \param bytes Size of a message. \param src From. \param dst To. \return Least possible time,
     * ns. */
    uint64_t LeastNs(uint32_t bytes, uint32_t src, uint32_t dst) const;
    /** Begin to measure. */
    void StartMeasuring();
    /** Measured requests stop being issued; traffic goes on until the last of them has finished. */
    void StopMeasuring();
    /**
     * \param rpc A client's RPC.
     * \return True if it is measured and its request has not arrived yet.
     */
    bool IsPending(const ns3::HomaRpc* rpc) const;
    /** Stop if every measured request has arrived or failed. */
    void FinishIfComplete();
    /** Count what is unfinished and stop. */
    void Finish();
    /** Note the backlog, and again after a hundredth of the measured time. */
    void Sample();
    /** Print progress, and again after a while. */
    void Progress();

    Options m_options;                                      //!< What was asked for.
    struct sampler m_sizes;                                 //!< Sizes.
    ns3::Ptr<ns3::Fabric> m_fabric;                         //!< Network.
    std::vector<ns3::Ptr<ns3::HomaTransport>> m_transports; //!< By host.
    std::vector<ns3::Ptr<ns3::HomaRpcClient>> m_clients;    //!< By host.
    std::vector<ns3::Ipv6Address> m_addresses;              //!< By host.
    Recorder m_recorder;                                    //!< Slowdowns.
    Findings m_findings;                                    //!< Everything else.
    uint32_t m_packet{0};                                   //!< Bytes of data in a full packet.
    uint64_t m_startNs{0};                                  //!< Measuring begins.
    uint64_t m_stopNs{0};                                   //!< Measured requests stop.
    uint64_t m_arrived{0};                                  //!< Measured requests that arrived.
    uint64_t m_issuedBefore{0};                             //!< Requests before measuring.
    uint64_t m_arrivedBytes{0};                             //!< Of all requests that arrived.
    uint64_t m_responseBytes{0};                            //!< Of all responses that arrived.
    uint64_t m_deliveredBefore{0};                          //!< Both before measuring.
    uint64_t m_hopsBefore{0};     //!< Packet-hops before the ports' counters were reset.
    uint64_t m_dropsBefore{0};    //!< Packets dropped before that.
    uint64_t m_progressEvents{0}; //!< Events that are not the simulation's.
    bool m_stopped{false};        //!< Measured requests have stopped.
    std::chrono::steady_clock::time_point m_wallStart;    //!< Run() began.
    std::chrono::steady_clock::time_point m_lastProgress; //!< Printed last.
};

#endif /* SIM_EXPERIMENT_H */
