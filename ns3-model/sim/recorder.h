/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slowdowns of the measured messages, and their statistics.
 */
#ifndef SIM_RECORDER_H
#define SIM_RECORDER_H

#include <cstdint>
#include <string>
#include <vector>

struct sampler;

/** Statistics over the messages of some range of sizes. */
struct Statistics
{
    double fromPercentile;  //!< Of message count; messages above it, 0 to 100.
    double toPercentile;    //!< Up to it.
    uint32_t fromBytes;     //!< Smallest size.
    uint32_t toBytes;       //!< Largest size.
    uint64_t count{0};      //!< Messages that finished.
    uint64_t unfinished{0}; //!< Messages that did not; they are in no other figure.
    double mean{0};         //!< Of the slowdowns, as all below.
    double p50{0};          //!< Median.
    double p90{0};          //!< 90th percentile.
    double p99{0};          //!< 99th percentile.
    double p999{0};         //!< 99.9th percentile.
    double max{0};          //!< Largest.
};

/** Collects slowdowns by message size. */
class Recorder
{
  public:
    /** A message that finished. */
    struct Sample
    {
        uint32_t bytes;   //!< Its size.
        float slowdown;   //!< Its time over the least possible.
        uint32_t from;    //!< Its sender's index in the fabric.
        uint32_t to;      //!< Its receiver's.
        uint64_t startNs; //!< When it was issued.
        uint64_t tookNs;  //!< Its time.
    };

    /**
     * A measured message has finished.
     * \param message It.
     */
    void Add(const Sample& message)
    {
        m_samples.push_back(message);
    }

    /**
     * A measured message has not finished when the simulation ends.
     * \param bytes Its size.
     */
    void AddUnfinished(uint32_t bytes)
    {
        m_unfinished.push_back(bytes);
    }

    /** \return Messages that finished. */
    uint64_t GetCount() const
    {
        return m_samples.size();
    }

    /** \return Messages that did not. */
    uint64_t GetUnfinished() const
    {
        return m_unfinished.size();
    }

    /**
     * \param sizes The distribution the messages were drawn from.
     * \return Statistics between the percentiles that published tables name.
     */
    std::vector<Statistics> ByPercentile(const struct sampler* sizes);
    /**
     * \return Statistics over about equally many messages each: 1% of them up to the 99th
     * percentile, then 0.1%, above 99.9% 0.01%; messages of one size are never parted.
     */
    std::vector<Statistics> ByBin();
    /** \return Statistics over all messages. */
    Statistics Overall();

    /** \return All that finished, by size. */
    const std::vector<Sample>& GetSamples()
    {
        Sort();
        return m_samples;
    }

  private:
    /** Sort the samples by size. */
    void Sort();
    /**
     * \param from First sample, by size.
     * \param to One behind the last.
     * \return Their statistics.
     */
    Statistics Summarize(std::size_t from, std::size_t to) const;

    std::vector<Sample> m_samples;      //!< All that finished.
    std::vector<uint32_t> m_unfinished; //!< Sizes of those that did not.
    std::size_t m_sorted{0};            //!< How many samples were sorted last.
};

#endif /* SIM_RECORDER_H */
