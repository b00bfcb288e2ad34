/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated hosts on a real wire; see wire.h.
 */
#include "wire.h"

#include "ns3/drop-tail-queue.h"
#include "ns3/error-model.h"
#include "ns3/fd-net-device.h"
#include "ns3/homa-helper.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6.h"
#include "ns3/pointer.h"
#include "ns3/simple-channel.h"
#include "ns3/simple-net-device.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ns3
{

namespace
{

/** Of each host's link: slow enough for the simulation to keep up with the clock. */
const char* const RATE = "200Mbps";
/** Room in front of it: all that a receiver grants by default, several times. */
const char* const QUEUE = "2000p";
constexpr uint32_t RX_QUEUE = 100000; //!< Frames from the tap device, when we are behind the clock.
constexpr uint16_t MTU = 1500;        //!< Of the links and the tap device.

/**
 * \param name Of a tap device.
 * \return A file that its frames can be read from and written to.
 */
int
OpenTap(const std::string& name)
{
    struct ifreq request = {};
    if (name.empty() || name.size() >= sizeof(request.ifr_name))
    {
        throw std::runtime_error("\"" + name + "\" cannot be the name of a tap device");
    }
    if (!if_nametoindex(name.c_str()))
    {
        throw std::runtime_error("there is no device " + name + "; make it: ip tuntap add dev " +
                                 name + " mode tap");
    }
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
    {
        throw std::runtime_error(std::string("/dev/net/tun: ") + strerror(errno));
    }
    strcpy(request.ifr_name, name.c_str());
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (ioctl(fd, TUNSETIFF, &request))
    {
        int error = errno;
        close(fd);
        throw std::runtime_error("cannot use the tap device " + name + ": " + strerror(error));
    }
    return fd;
}

/**
 * One end of a host's link.
 * \param node Where.
 * \param channel The link.
 * \param loss Share of packets lost on their way to this end.
 * \param lost Counts them.
 * \return The device.
 */
Ptr<SimpleNetDevice>
AddEnd(Ptr<Node> node, Ptr<SimpleChannel> channel, double loss, uint64_t& lost)
{
    Ptr<SimpleNetDevice> device = CreateObject<SimpleNetDevice>();
    device->SetAttribute("DataRate", StringValue(RATE));
    Ptr<Queue<Packet>> queue = CreateObject<DropTailQueue<Packet>>();
    queue->SetAttribute("MaxSize", StringValue(QUEUE));
    device->SetQueue(queue);
    device->SetAddress(Mac48Address::Allocate());
    device->SetMtu(MTU);
    device->SetChannel(channel);
    if (loss > 0)
    {
        Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(loss);
        device->SetReceiveErrorModel(errors);
    }
    device->TraceConnectWithoutContext(
        "PhyRxDrop",
        Callback<void, Ptr<const Packet>>([&lost](Ptr<const Packet>) { lost++; }));
    node->AddDevice(device);
    return device;
}

} // namespace

Wire::Wire(const std::string& tap)
    : m_switch(CreateObject<Node>()),
      m_bridge(CreateObject<BridgeNetDevice>())
{
    Ptr<FdNetDevice> uplink = CreateObject<FdNetDevice>();
    uplink->SetFileDescriptor(OpenTap(tap));
    uplink->SetAddress(Mac48Address::Allocate());
    uplink->SetMtu(MTU);
    /* When more wait to be simulated, the device drops them and does not listen for 100 ms. */
    uplink->SetAttribute("RxQueueSize", UintegerValue(RX_QUEUE));
    m_switch->AddDevice(uplink);
    m_switch->AddDevice(m_bridge);
    m_bridge->AddBridgePort(uplink);
}

Host&
Wire::AddHost(const std::string& ipv4, const std::string& ipv6, double loss)
{
    m_hosts.push_back(std::make_unique<Host>());
    Host& host = *m_hosts.back();
    host.node = CreateObject<Node>();
    host.loss = loss;
    Ptr<SimpleChannel> link = CreateObject<SimpleChannel>();
    Ptr<SimpleNetDevice> device = AddEnd(host.node, link, loss, host.lostIn);
    m_bridge->AddBridgePort(AddEnd(m_switch, link, loss, host.lostOut));

    InternetStackHelper().Install(host.node);
    Ptr<Ipv4> stack4 = host.node->GetObject<Ipv4>();
    uint32_t interface = stack4->AddInterface(device);
    stack4->AddAddress(interface, Ipv4InterfaceAddress(ipv4.c_str(), "255.255.255.0"));
    stack4->SetUp(interface);
    Ptr<Ipv6> stack6 = host.node->GetObject<Ipv6>();
    interface = stack6->AddInterface(device);
    stack6->AddAddress(interface, Ipv6InterfaceAddress(Ipv6Address(ipv6.c_str()), Ipv6Prefix(64)));
    stack6->SetUp(interface);
    HomaHelper().Install(NodeContainer(host.node));
    host.transport = host.node->GetObject<HomaTransport>();
    return host;
}

} // namespace ns3
