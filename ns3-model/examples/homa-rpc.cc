/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two nodes, one link, sockets: a client sends requests of several lengths, the server sends each
 * back.
 *
 *	n0 ---- 10 Gbit/s, 1 us ---- n1
 *
 * Prints how long each RPC took. --ipv6=1 goes over IPv6; --pcap=1 writes homa-rpc-0-0.pcap and
 * homa-rpc-1-0.pcap; --loss=0.01 drops packets on the way.
 *
 * Exit status: 0 all RPCs were answered, or not all because so many packets were lost; 1 some were
 * not; 2 bad usage.
 */
#include "ns3/core-module.h"
#include "ns3/homa-helper.h"
#include "ns3/homa-socket-factory.h"
#include "ns3/homa-socket.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"

#include <iostream>
#include <map>

using namespace ns3;

namespace
{

constexpr uint16_t PORT = 7;          //!< The server's.
constexpr double BEARABLE_LOSS = 0.1; //!< Share of packets that may be lost without RPCs failing.

uint32_t g_answered = 0; //!< RPCs.

/**
 * Answer all requests that have arrived.
 * \param socket The server's socket.
 */
void
Serve(Ptr<Socket> socket)
{
    Ptr<HomaSocket> server = DynamicCast<HomaSocket>(socket);
    while (std::optional<HomaMessage> message = server->RecvMessage())
    {
        server->SendReply(message->id, message->from, message->packet);
    }
}

/**
 * Print all responses that have arrived.
 * \param socket The client's socket.
 */
void
Report(Ptr<Socket> socket)
{
    Ptr<HomaSocket> client = DynamicCast<HomaSocket>(socket);
    while (std::optional<HomaMessage> message = client->RecvMessage())
    {
        /* The cookie is the time at which the request was sent. */
        double us = (Simulator::Now().GetNanoSeconds() - message->cookie) * 1e-3;
        if (message->error)
        {
            std::cout << "RPC " << message->id << " failed after " << us << " us" << std::endl;
            continue;
        }
        g_answered++;
        std::cout << "RPC " << message->id << ": " << message->packet->GetSize()
                  << " bytes there and back in " << us << " us" << std::endl;
    }
}

/**
 * Send a request.
 * \param client The client's socket.
 * \param server The server's address.
 * \param bytes Length.
 */
void
Request(Ptr<HomaSocket> client, Address server, uint32_t bytes)
{
    if (!client->SendRequest(Create<Packet>(bytes), server, Simulator::Now().GetNanoSeconds()))
    {
        std::cerr << "a request of " << bytes << " bytes was refused: error " << client->GetErrno()
                  << std::endl;
    }
}

} // namespace

int
main(int argc, char* argv[])
{
    bool ipv6 = false;
    bool pcap = false;
    double loss = 0;
    CommandLine cmd(__FILE__);
    cmd.AddValue("ipv6", "Send over IPv6 instead of IPv4", ipv6);
    cmd.AddValue("pcap", "Write what both nodes send and receive", pcap);
    cmd.AddValue("loss", "Share of packets that are lost, each way", loss);
    cmd.Parse(argc, argv);
    if (!(loss >= 0 && loss <= 1))
    {
        std::cerr << "homa-rpc: --loss must be 0 to 1" << std::endl;
        return 2;
    }

    if (pcap)
    {
        /* As dissectors expect. */
        GlobalValue::Bind("ChecksumEnabled", BooleanValue(true));
    }

    NodeContainer nodes(2);
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue("10Gbps"));
    link.SetChannelAttribute("Delay", StringValue("1us"));
    NetDeviceContainer devices = link.Install(nodes);
    InternetStackHelper().Install(nodes);
    Address any = InetSocketAddress(Ipv4Address::GetAny(), PORT);
    Address to;
    if (ipv6)
    {
        Ipv6AddressHelper addresses("fd00:1::", Ipv6Prefix(64));
        to = Inet6SocketAddress(addresses.Assign(devices).GetAddress(1, 1), PORT);
        any = Inet6SocketAddress(Ipv6Address::GetAny(), PORT);
    }
    else
    {
        Ipv4AddressHelper addresses("10.1.1.0", "255.255.255.0");
        to = InetSocketAddress(addresses.Assign(devices).GetAddress(1), PORT);
    }
    HomaHelper().Install(nodes);
    for (uint32_t i = 0; i < devices.GetN() && loss > 0; i++)
    {
        Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(loss);
        devices.Get(i)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
    }

    TypeId homa = HomaSocketFactory::GetTypeId();
    Ptr<Socket> server = Socket::CreateSocket(nodes.Get(1), homa);
    server->Bind(any);
    server->SetRecvCallback(MakeCallback(&Serve));
    Ptr<HomaSocket> client = DynamicCast<HomaSocket>(Socket::CreateSocket(nodes.Get(0), homa));
    client->SetRecvCallback(MakeCallback(&Report));

    uint32_t issued = 0;
    for (uint32_t bytes : {1, 100, 1000, 10000, 100000, 1000000})
    {
        /* From when on IPv6 has made sure that the addresses are its own. */
        Simulator::Schedule(Seconds(2) + MilliSeconds(10 * ++issued), &Request, client, to, bytes);
    }
    if (pcap)
    {
        link.EnablePcapAll("homa-rpc");
    }
    /* RPCs to a host that does not answer have failed by then. */
    Simulator::Stop(Seconds(5));
    Simulator::Run();
    Simulator::Destroy();
    if (g_answered == issued)
    {
        return 0;
    }
    std::cout << issued - g_answered << " of " << issued << " RPCs were not answered";
    if (loss > BEARABLE_LOSS)
    {
        std::cout << ", as is to be expected when so many packets are lost";
    }
    std::cout << std::endl;
    return loss > BEARABLE_LOSS ? 0 : 1;
}
