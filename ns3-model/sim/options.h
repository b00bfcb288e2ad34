/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command line of the simulator program.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "ns3/leaf-spine-helper.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/** What to simulate. */
struct Options
{
    std::string fabric{"sigcomm18"};  //!< Preset.
    ns3::FabricParameters parameters; //!< The preset's figures with the overrides.
    std::string workload{"w4"};       //!< Sizes: a name, a number of bytes, or a file.
    double load{0.8};          //!< Share of host link capacity on the wire; 0: messageRate counts.
    double messageRate{0};     //!< Requests per second and host.
    uint64_t messages{100000}; //!< Requests to expect in the measured time; 0: durationNs counts.
    uint64_t durationNs{0};    //!< Time in which measured requests start; 0: messages counts.
    int64_t warmupNs{-1};      //!< Time before; -1: by the longest message.
    int64_t drainNs{
        -1}; //!< Time after, at most, for measured requests to finish; -1: half the duration.
    uint64_t seed{1};             //!< Of all random numbers.
    uint32_t responseBytes{1};    //!< 0: as long as the request; 1: one-way.
    bool freeResponses{false};    //!< Responses take no time on links.
    std::string protocol{"auto"}; //!< Set of parameters: sigcomm18, linux, auto.
    std::string road{"lean"};     //!< lean, or ip: through ns-3's InternetStack.
    std::vector<std::pair<std::string, uint32_t>> sets; //!< Protocol parameters, in order.
    std::string out;                                    //!< Folder for result files; empty: none.
    bool everyMessage{false};                           //!< Write each message's time.
    std::string pcap;                                   //!< Prefix of pcap files; empty: none.
    std::string scheduler; //!< TypeId of ns-3's event scheduler; empty: the fastest.
    bool quiet{false};     //!< No progress.
};

/**
 * Read the command line. Prints and exits by itself for --help, --version and errors (status 2).
 * \param argc As main() has it.
 * \param argv As main() has it.
 * \return The options, each within its range.
 */
Options ParseOptions(int argc, char** argv);

/** Version of the program, as in its manifest. */
extern const char* const SIM_VERSION;

#endif /* SIM_OPTIONS_H */
