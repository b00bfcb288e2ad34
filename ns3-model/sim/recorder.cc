/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics of slowdowns; see recorder.h.
 */
#include "recorder.h"

#include "workloads/sampler.h"

#include <algorithm>
#include <cmath>

void
Recorder::Sort()
{
    std::sort(m_unfinished.begin(), m_unfinished.end());
    if (m_sorted == m_samples.size())
    {
        return;
    }
    std::sort(m_samples.begin(), m_samples.end(), [](const Sample& a, const Sample& b) {
        return a.bytes < b.bytes;
    });
    m_sorted = m_samples.size();
}

Statistics
Recorder::Summarize(std::size_t from, std::size_t to) const
{
    Statistics s{};
    s.count = to - from;
    if (!s.count)
    {
        return s;
    }
    std::vector<float> values;
    double sum = 0;
    values.reserve(s.count);
    for (std::size_t i = from; i < to; i++)
    {
        values.push_back(m_samples[i].slowdown);
        sum += m_samples[i].slowdown;
    }
    std::sort(values.begin(), values.end());
    /* Nearest rank: the smallest value that is not below the given share of them. */
    auto rank = [&values](double share) {
        std::size_t n =
            static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
        return static_cast<double>(values[n ? n - 1 : 0]);
    };
    s.mean = sum / static_cast<double>(s.count);
    s.p50 = rank(0.5);
    s.p90 = rank(0.9);
    s.p99 = rank(0.99);
    s.p999 = rank(0.999);
    s.max = values.back();
    s.fromBytes = m_samples[from].bytes;
    s.toBytes = m_samples[to - 1].bytes;
    return s;
}

std::vector<Statistics>
Recorder::ByPercentile(const struct sampler* sizes)
{
    static const double percentiles[] = {10, 20, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99, 99.9, 100};
    std::vector<Statistics> rows;
    double before = 0;
    uint32_t bytesBefore = 0;
    std::size_t at = 0;

    Sort();
    for (double percentile : percentiles)
    {
        uint32_t bytes = sampler_quantile(sizes, percentile / 100);
        std::size_t from = at;
        while (at < m_samples.size() && m_samples[at].bytes <= bytes)
        {
            at++;
        }
        Statistics s = Summarize(from, at);
        s.fromPercentile = before;
        s.toPercentile = percentile;
        s.fromBytes = bytesBefore;
        s.toBytes = bytes;
        s.unfinished = std::upper_bound(m_unfinished.begin(), m_unfinished.end(), bytes) -
                       std::upper_bound(m_unfinished.begin(), m_unfinished.end(), bytesBefore);
        rows.push_back(s);
        before = percentile;
        bytesBefore = bytes;
    }
    return rows;
}

std::vector<Statistics>
Recorder::ByBin()
{
    std::vector<Statistics> bins;
    std::size_t n = m_samples.size();
    std::size_t from = 0;
    uint32_t bytesBefore = 0;

    Sort();
    while (from < n)
    {
        double at = static_cast<double>(from) / static_cast<double>(n);
        double step = at < 0.99 ? 0.01 : at < 0.999 ? 0.001 : 0.0001;
        std::size_t to = from + std::max<std::size_t>(1, static_cast<std::size_t>(step * n));
        to = std::min(to, n);
        while (to < n && m_samples[to].bytes == m_samples[to - 1].bytes)
        {
            to++;
        }
        Statistics s = Summarize(from, to);
        uint32_t top = to == n ? UINT32_MAX : s.toBytes;
        s.fromPercentile = 100 * at;
        s.toPercentile = 100 * static_cast<double>(to) / static_cast<double>(n);
        s.unfinished = std::upper_bound(m_unfinished.begin(), m_unfinished.end(), top) -
                       std::upper_bound(m_unfinished.begin(), m_unfinished.end(), bytesBefore);
        bytesBefore = s.toBytes;
        bins.push_back(s);
        from = to;
    }
    return bins;
}

Statistics
Recorder::Overall()
{
    Sort();
    Statistics s = Summarize(0, m_samples.size());
    s.fromPercentile = 0;
    s.toPercentile = 100;
    s.unfinished = m_unfinished.size();
    return s;
}
