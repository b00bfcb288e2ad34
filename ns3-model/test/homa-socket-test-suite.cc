/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa sockets: binding, errors, one-way messages, aborts, closing, on both roads.
 */
#include "homa-test-net.h"

using namespace ns3;

namespace
{

/** Names. */
class BindTest : public HomaTestCase
{
  public:
    BindTest()
        : HomaTestCase(
              "ports are bound once, by server sockets up to 32767, and given to clients above")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<Socket> socket =
            Socket::CreateSocket(net.nodes.Get(0), TypeId::LookupByName("ns3::HomaSocketFactory"));
        NS_TEST_ASSERT_MSG_EQ(bool(DynamicCast<HomaSocket>(socket)),
                              true,
                              "another kind of socket");
        NS_TEST_EXPECT_MSG_EQ(socket->GetSocketType(), Socket::NS3_SOCK_DGRAM, "type");
        NS_TEST_EXPECT_MSG_EQ(socket->GetNode(), net.nodes.Get(0), "node");
        Address name;
        socket->GetSockName(name);
        NS_TEST_EXPECT_MSG_EQ(InetSocketAddress::ConvertFrom(name).GetPort(), 0, "unbound");
        NS_TEST_EXPECT_MSG_EQ(socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), 32768)),
                              -1,
                              "");
        NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_INVAL, "a client's port");
        NS_TEST_EXPECT_MSG_EQ(socket->Bind(InetSocketAddress("1.2.3.4", 7)), -1, "");
        NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_ADDRNOTAVAIL, "not our address");
        NS_TEST_EXPECT_MSG_EQ(socket->Bind(Address()), -1, "");
        NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_AFNOSUPPORT, "no address");
        NS_TEST_EXPECT_MSG_EQ(socket->Bind(net.At(false, 32767, 0)), 0, "highest server port");
        socket->GetSockName(name);
        NS_TEST_EXPECT_MSG_EQ((name == net.At(false, 32767, 0)), true, "name");
        NS_TEST_EXPECT_MSG_EQ(socket->Bind(), -1, "");
        NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_INVAL, "bound twice");
        Ptr<HomaSocket> other = net.Open(0);
        NS_TEST_EXPECT_MSG_EQ(other->Bind(net.At(false, 32767, 0)), -1, "");
        NS_TEST_EXPECT_MSG_EQ(other->GetErrno(), Socket::ERROR_ADDRINUSE, "taken");
        NS_TEST_EXPECT_MSG_EQ(other->Bind(), 0, "client port");
        other->GetSockName(name);
        NS_TEST_EXPECT_MSG_GT_OR_EQ(InetSocketAddress::ConvertFrom(name).GetPort(),
                                    32768,
                                    "client");
        Ptr<HomaSocket> third = net.Open(0);
        NS_TEST_EXPECT_MSG_EQ(third->Bind6(), 0, "client port, IPv6");
        Address name6;
        third->GetSockName(name6);
        NS_TEST_EXPECT_MSG_NE(Inet6SocketAddress::ConvertFrom(name6).GetPort(),
                              InetSocketAddress::ConvertFrom(name).GetPort(),
                              "the same port twice");
        NS_TEST_EXPECT_MSG_EQ(socket->Close(), 0, "close");
        NS_TEST_EXPECT_MSG_EQ(socket->Bind(), -1, "");
        NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_BADF, "closed");
        NS_TEST_EXPECT_MSG_EQ(net.Open(0)->Bind(net.At(false, 32767, 0)), 0, "free again");
        Finish();
    }
};

/** Calls that must be refused. */
class ErrnoTest : public HomaTestCase
{
  public:
    ErrnoTest()
        : HomaTestCase("calls that cannot be served say why in GetErrno()")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> socket = net.Open(0);
        Address to = net.At(false, 7);
        auto request = [&](uint32_t bytes, const Address& address, Socket::SocketErrno error) {
            NS_TEST_EXPECT_MSG_EQ(socket->SendRequest(Create<Packet>(bytes), address),
                                  0,
                                  "not refused: " << bytes << " bytes");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), error, "wrong error: " << bytes << " bytes");
        };
        TestAt(1000, [&]() {
            request(0, to, Socket::ERROR_INVAL);
            request(1000001, to, Socket::ERROR_MSGSIZE);
            request(1, net.At(false, 0), Socket::ERROR_INVAL);
            request(1, InetSocketAddress(Ipv4Address("224.0.0.1"), 7), Socket::ERROR_INVAL);
            request(1, InetSocketAddress(Ipv4Address::GetAny(), 7), Socket::ERROR_INVAL);
            request(1, Address(), Socket::ERROR_AFNOSUPPORT);
            NS_TEST_EXPECT_MSG_EQ(socket->GetTxAvailable(), 1000000, "longest message");
            NS_TEST_EXPECT_MSG_EQ(bool(socket->RecvMessage()), false, "");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_AGAIN, "nothing to receive");
            NS_TEST_EXPECT_MSG_EQ(bool(socket->Recv()), false, "");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_AGAIN, "nothing to receive");
            NS_TEST_EXPECT_MSG_EQ(socket->Send(Create<Packet>(1)), -1, "");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_NOTCONN, "not connected");
            Address peer;
            NS_TEST_EXPECT_MSG_EQ(socket->GetPeerName(peer), -1, "no peer");
            NS_TEST_EXPECT_MSG_EQ(socket->Listen(), -1, "");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_OPNOTSUPP, "listen");
            NS_TEST_EXPECT_MSG_EQ(socket->SendReply(5, to, Create<Packet>(1)), -1, "");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_INVAL, "no such request");
            NS_TEST_EXPECT_MSG_EQ(socket->Abort(4), -1, "");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_INVAL, "no such RPC");
            NS_TEST_EXPECT_MSG_EQ(socket->Bind(), 0, "bind");
            request(1, net.At(true, 7), Socket::ERROR_AFNOSUPPORT);
            NS_TEST_EXPECT_MSG_EQ(socket->SetAllowBroadcast(true), false, "broadcast");
            socket->ShutdownSend();
            request(1, to, Socket::ERROR_SHUTDOWN);
            socket->Close();
            request(1, to, Socket::ERROR_BADF);
        });
        Simulator::Stop(MilliSeconds(1));
        Simulator::Run();
        Finish();
    }
};

/** A program written for datagrams. */
class OneWayTest : public HomaTestCase
{
  public:
    OneWayTest()
        : HomaTestCase(
              "Send and Recv exchange one-way messages; nothing is left of them afterwards")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<Socket> client = net.Open(0);
        uint32_t received = 0;
        uint32_t back = 0;
        uint32_t sent = 0;
        server->SetRecvCallback(Callback<void, Ptr<Socket>>([&](Ptr<Socket> socket) {
            Address from;
            NS_TEST_EXPECT_MSG_EQ(socket->GetRxAvailable(), 3000, "bytes waiting");
            NS_TEST_EXPECT_MSG_EQ(bool(socket->RecvFrom(2999, 0, from)), false, "cut");
            NS_TEST_EXPECT_MSG_EQ(socket->GetErrno(), Socket::ERROR_MSGSIZE, "too long for it");
            Ptr<Packet> packet = socket->RecvFrom(from);
            NS_TEST_ASSERT_MSG_EQ(bool(packet), true, "nothing");
            NS_TEST_EXPECT_MSG_EQ(TestSame(packet, TestMessage(3000, received)), true, "content");
            NS_TEST_EXPECT_MSG_EQ(socket->GetRxAvailable(), 0, "bytes waiting after");
            received++;
        }));
        client->SetRecvCallback(Callback<void, Ptr<Socket>>([&](Ptr<Socket> socket) { back++; }));
        client->SetDataSentCallback(
            Callback<void, Ptr<Socket>, uint32_t>([&](Ptr<Socket>, uint32_t n) { sent += n; }));
        bool connected = false;
        client->SetConnectCallback(
            Callback<void, Ptr<Socket>>([&](Ptr<Socket>) { connected = true; }),
            MakeNullCallback<void, Ptr<Socket>>());
        NS_TEST_EXPECT_MSG_EQ(client->Connect(net.At(false, 7)), 0, "connect");
        NS_TEST_EXPECT_MSG_EQ(connected, true, "not told of the connection");
        for (uint32_t i = 0; i < 5; i++)
        {
            TestAt(1000 + 100000 * i, [&, i]() {
                NS_TEST_EXPECT_MSG_EQ(client->Send(TestMessage(3000, i)), 3000, "not sent");
            });
        }
        Simulator::Stop(MilliSeconds(100));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(received, 5, "messages are missing");
        NS_TEST_EXPECT_MSG_EQ(back, 0, "the response of a one-way message was delivered");
        NS_TEST_EXPECT_MSG_EQ(sent, 15000, "bytes sent");
        NS_TEST_EXPECT_MSG_EQ(net.CountRpcs(), 0, "RPCs are left over");
        Finish();
    }
};

/** Ends before the end. */
class AbortTest : public HomaTestCase
{
  public:
    AbortTest()
        : HomaTestCase("aborted RPCs are heard of no more, others complete; a closed socket leaves "
                       "nothing behind")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<HomaSocket> client = net.Open(0);
        Ptr<HomaSocket> closing = net.Open(0);
        std::vector<uint64_t> ids;
        std::vector<uint64_t> cookies;
        uint32_t late = 0;
        uint32_t served = 0;
        TestCollect(server, [&](HomaSocket&, const HomaMessage& m) {
            served++;
            /* Answers come late, when some clients have given up. */
            Simulator::Schedule(MilliSeconds(20), [&, m]() {
                if (server->SendReply(m.id, m.from, Create<Packet>(100)))
                {
                    late++;
                    NS_TEST_EXPECT_MSG_EQ(server->GetErrno(), Socket::ERROR_INVAL, "errno");
                }
                NS_TEST_EXPECT_MSG_EQ(server->SendReply(m.id, m.from, Create<Packet>(9)),
                                      -1,
                                      "answered twice");
            });
        });
        TestCollect(client, [&](HomaSocket&, const HomaMessage& m) {
            NS_TEST_EXPECT_MSG_EQ(m.error, Socket::ERROR_NOTERROR, "failed");
            NS_TEST_EXPECT_MSG_EQ(m.packet->GetSize(), 100, "the second answer");
            cookies.push_back(m.cookie);
        });
        TestAt(1000, [&]() {
            for (uint64_t i = 0; i < 4; i++)
            {
                ids.push_back(client->SendRequest(Create<Packet>(2000), net.At(false, 7), i));
                closing->SendRequest(Create<Packet>(100000), net.At(false, 7), i);
            }
        });
        TestAt(1000000, [&]() {
            NS_TEST_EXPECT_MSG_EQ(client->Abort(ids[1]), 0, "abort");
            NS_TEST_EXPECT_MSG_EQ(client->Abort(ids[1]), -1, "aborted twice");
            NS_TEST_EXPECT_MSG_EQ(closing->Close(), 0, "close");
            closing = nullptr;
        });
        TestAt(60000000, [&]() {
            client->SendRequest(Create<Packet>(2000), net.At(false, 7), 9);
            client->SendRequest(Create<Packet>(2000), net.At(false, 7), 9);
        });
        TestAt(61000000, [&]() { NS_TEST_EXPECT_MSG_EQ(client->Abort(0), 0, "abort all"); });
        Simulator::Stop(Seconds(2));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ((cookies == std::vector<uint64_t>{0, 2, 3}),
                              true,
                              "wrong RPCs ended");
        NS_TEST_EXPECT_MSG_EQ(served, 10, "requests");
        NS_TEST_EXPECT_MSG_EQ(net.CountRpcs(), 0, "RPCs are left over");
        Finish();
    }
};

/** Closing from within. */
class CloseTest : public HomaTestCase
{
  public:
    CloseTest()
        : HomaTestCase("a socket may be closed and dropped in its own callback; its server port "
                       "then refuses")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> server = net.Server(1, 7);
        Ptr<HomaSocket> client = net.Open(0);
        Ptr<HomaSocket> other = net.Open(0);
        uint32_t answers = 0;
        std::vector<Socket::SocketErrno> ends;
        server->SetRecvCallback(Callback<void, Ptr<Socket>>([&](Ptr<Socket> socket) {
            auto m = server->RecvMessage();
            server->SendReply(m->id, m->from, Create<Packet>(1));
            if (++answers == 2)
            {
                server->Close();
                server = nullptr;
            }
        }));
        client->SetRecvCallback(Callback<void, Ptr<Socket>>([&](Ptr<Socket> socket) {
            client->Close();
            client = nullptr;
        }));
        TestCollect(other, [&](HomaSocket&, const HomaMessage& m) { ends.push_back(m.error); });
        TestAt(1000, [&]() {
            client->SendRequest(Create<Packet>(10), net.At(false, 7));
            client->SendRequest(Create<Packet>(900000), net.At(false, 7));
        });
        TestAt(5000000, [&]() {
            other->SendRequest(Create<Packet>(500000), net.At(false, 7));
            other->SendRequest(Create<Packet>(10), net.At(false, 7));
        });
        Simulator::Stop(Seconds(2));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(bool(client), false, "no response");
        NS_TEST_EXPECT_MSG_EQ(bool(server), false, "no request");
        NS_TEST_ASSERT_MSG_EQ(ends.size(), 2, "RPCs are missing");
        NS_TEST_EXPECT_MSG_EQ(ends[0], Socket::ERROR_NOTERROR, "answered before the close");
        NS_TEST_EXPECT_MSG_EQ(ends[1], Socket::ERROR_NOTCONN, "not refused after the close");
        Finish();
    }
};

/** Options. */
class OptionTest : public HomaTestCase
{
  public:
    OptionTest()
        : HomaTestCase("a client's port takes requests if the socket is a Server, and content can "
                       "be left out")
    {
    }

  private:
    void DoRun() override
    {
        TestPair net;
        Ptr<HomaSocket> server = net.Open(1);
        server->SetAttribute("Server", BooleanValue(true));
        server->SetAttribute("KeepContent", BooleanValue(false));
        server->Bind();
        Ptr<HomaSocket> client = net.Open(0);
        Address name;
        server->GetSockName(name);
        uint16_t port = InetSocketAddress::ConvertFrom(name).GetPort();
        uint32_t ended = 0;
        TestCollect(server, [&](HomaSocket& at, const HomaMessage& m) {
            NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, Create<Packet>(5000)), true, "not zeros");
            at.SendReply(m.id, m.from, TestMessage(4000, 3));
        });
        TestCollect(client, [&](HomaSocket&, const HomaMessage& m) {
            ended++;
            NS_TEST_EXPECT_MSG_EQ(m.error,
                                  (ended == 1 ? Socket::ERROR_NOTERROR : Socket::ERROR_NOTCONN),
                                  "end of RPC " << ended);
            if (ended == 1)
            {
                NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(4000, 3)), true, "content");
            }
        });
        auto send = [&]() { client->SendRequest(TestMessage(5000, 2), net.At(false, port)); };
        TestAt(1000, send);
        TestAt(1000000, [&]() {
            server->SetAttribute("Server", BooleanValue(false));
            send();
        });
        Simulator::Stop(Seconds(1));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(ended, 2, "RPCs are missing");
        Finish();
    }
};

/** Sockets without a stack. */
class LeanTest : public HomaTestCase
{
  public:
    LeanTest()
        : HomaTestCase("sockets carry content on the lean road too")
    {
    }

  private:
    void DoRun() override
    {
        FabricParameters parameters;
        parameters.hostsPerRack = 3;
        TestFabric net(parameters, false);
        Ptr<HomaSocket> client = TestOpen(net.fabric->GetNode(0));
        Ptr<HomaSocket> server = TestOpen(net.fabric->GetNode(1));
        server->Bind(InetSocketAddress(Ipv4Address::GetAny(), 7));
        uint32_t done = 0;
        TestCollect(server, [&](HomaSocket& at, const HomaMessage& m) {
            NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(300000, 1)), true, "request");
            at.SendReply(m.id, m.from, TestMessage(200000, 2));
        });
        TestCollect(client, [&](HomaSocket&, const HomaMessage& m) {
            NS_TEST_EXPECT_MSG_EQ(TestSame(m.packet, TestMessage(200000, 2)), true, "response");
            done++;
        });
        TestAt(1000, [&]() {
            client->SendRequest(TestMessage(300000, 1),
                                InetSocketAddress(net.fabric->GetIpv4Address(1), 7));
        });
        Simulator::Stop(MilliSeconds(100));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(done, 1, "no response");
        Finish();
    }
};

/** All of the above. */
class HomaSocketTestSuite : public TestSuite
{
  public:
    HomaSocketTestSuite()
        : TestSuite("homa-socket", HOMA_TEST_UNIT)
    {
        AddTestCase(new BindTest());
        AddTestCase(new ErrnoTest());
        AddTestCase(new OneWayTest());
        AddTestCase(new AbortTest());
        AddTestCase(new CloseTest());
        AddTestCase(new OptionTest());
        AddTestCase(new LeanTest());
    }
};

HomaSocketTestSuite g_homaSocketTestSuite; //!< Registers itself.

} // namespace
