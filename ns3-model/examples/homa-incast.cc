/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incast: on a leaf-spine fabric, all hosts send requests to host 0 at once; with Homa on the lean
 * road or on IP stacks.
 *
 * Prints how long the responses took, and the longest queue at the switch port towards host 0.
 */
#include "ns3/core-module.h"
#include "ns3/homa-helper.h"
#include "ns3/homa-rpc-application.h"
#include "ns3/homa-rpc-helper.h"
#include "ns3/leaf-spine-helper.h"
#include "ns3/network-module.h"

#include <iostream>

using namespace ns3;

namespace
{

Time g_last;         //!< When the last RPC ended.
uint32_t g_done = 0; //!< RPCs that ended well.

/**
 * An RPC has ended.
 * \param rpc The RPC.
 * \param failed Whether it ended without response.
 */
void
Done(const HomaRpc* rpc, bool failed)
{
    g_done += !failed;
    g_last = Simulator::Now();
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string preset = "sigcomm18";
    std::string bytes = "20000";
    std::string pcap;
    bool ip = false;
    CommandLine cmd(__FILE__);
    cmd.AddValue("fabric", "Preset: sigcomm18, atc21, c6620", preset);
    cmd.AddValue("bytes", "Length of each request, or a workload, w1 to w5", bytes);
    cmd.AddValue("ip", "Use ns-3's IP stacks", ip);
    cmd.AddValue("pcap", "Prefix of files to write what the hosts send and receive to", pcap);
    cmd.Parse(argc, argv);

    LeafSpineHelper builder;
    std::string wrong = builder.SetPreset(preset);
    if (!wrong.empty())
    {
        std::cerr << "homa-incast: " << wrong << std::endl;
        return 2;
    }
    Simulator::SetScheduler(ObjectFactory(HomaHelper::FastestScheduler()));
    Ptr<Fabric> fabric = builder.Build();
    NodeContainer clients;
    for (uint32_t i = 1; i < fabric->GetNHosts(); i++)
    {
        clients.Add(fabric->GetNode(i));
    }
    HomaHelper homa;
    homa.SetAttribute("MaxMessage", UintegerValue(1 << 30));
    ip ? homa.InstallIp(fabric) : homa.InstallLean(fabric);
    if (!pcap.empty())
    {
        homa.EnablePcap(pcap, fabric);
    }

    HomaRpcServerHelper server;
    server.SetAttribute("ResponseBytes", UintegerValue(1));
    server.Install(fabric->GetNode(0));
    HomaRpcClientHelper client;
    client.AddServer(fabric->GetIpv4Address(0));
    client.SetAttribute("Workload", StringValue(bytes));
    client.SetAttribute("Outstanding", UintegerValue(1));
    client.SetAttribute("MaxRpcs", UintegerValue(1));
    ApplicationContainer apps = client.Install(clients);
    for (auto app = apps.Begin(); app != apps.End(); ++app)
    {
        (*app)->TraceConnectWithoutContext("Done", MakeCallback(&Done));
    }
    Simulator::Stop(Seconds(1));
    Simulator::Run();
    const FabricPortCounters& port = fabric->GetPort(FabricRole::RACK_DOWN, 0)->GetCounters();
    std::cout << g_done << " of " << clients.GetN() << " requests answered in "
              << g_last.GetMicroSeconds() << " us; longest queue " << port.maxQueueBytes << " bytes"
              << std::endl;
    int status = g_done == clients.GetN() ? 0 : 1;
    Simulator::Destroy();
    return status;
}
