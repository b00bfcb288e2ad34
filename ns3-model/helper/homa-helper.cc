/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts Homa on nodes; see homa-helper.h.
 */
#include "homa-helper.h"

#include "ns3/homa-fabric-output.h"
#include "ns3/leaf-spine-helper.h"

namespace ns3
{

std::string
HomaHelper::FastestScheduler()
{
    return "ns3::FabricScheduler";
}

void
HomaHelper::InstallLean(Ptr<Fabric> fabric,
                        const std::vector<Ptr<HomaTransport>>& transports) const
{
    for (uint32_t i = 0; i < fabric->GetNHosts(); i++)
    {
        Ptr<HomaFabricOutput> output = CreateObject<HomaFabricOutput>();
        Ptr<Node> node = fabric->GetNode(i);
        node->AggregateObject(transports[i]);
        node->AggregateObject(output);
        output->Install(transports[i], fabric->GetDevice(i));
    }
}

void
HomaHelper::InstallIp(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const
{
    LeafSpineHelper::InstallInternet(fabric);
}

void
HomaHelper::EnablePcap(const std::string& prefix, Ptr<Fabric> fabric) const
{
}

} // namespace ns3
