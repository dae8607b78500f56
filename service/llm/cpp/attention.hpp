// Attention over cells of half-precision keys and values that a mask picks for each row, as a pool of many sequences
// has them: cells that no row of a group sees are never read, and all heads that share keys widen them once.
#pragma once

#include <memory>
#include <type_traits>
#include <vector>

#include "blocks.hpp"

namespace career {

constexpr int TILE = 32;       // cells at hand at a time: their keys, then their values, in the first cache
constexpr int TOGETHER = 4;    // rows that share a tile
constexpr uint16_t NEVER = 0xFC00;  // minus infinity in a mask

struct alignas(64) Line {
    float values[16];
};

struct Workspace {
    const uint16_t * at[2 * TILE];  // keys, then values, of the cells at hand and of those that come next
    alignas(64) float bias[TOGETHER][TILE];
    std::vector<Line> q, sum, scores;
    std::vector<float> most, total, kept;
    std::vector<int32_t> cells;
};

struct Attention {
    const Tensor *q, *k, *v, *mask;
    const Tensor * out;
    float scale;
    int64_t width, rows, heads, groups, cells;

    const uint16_t * mask_of(int64_t row) const {
        return reinterpret_cast<const uint16_t *>(mask->data + row * mask->nb[1]);
    }
};

// False where llama.cpp's own function must do it: other types, sinks, slopes, caps.
inline bool can_attend(const Tensor * out, Attention & a) {
    const Tensor *q = out->src[0], *k = out->src[1], *v = out->src[2], *mask = out->src[3];
    float slope, cap;
    memcpy(&a.scale, out->op_params, 4);
    memcpy(&slope, out->op_params + 1, 4);
    memcpy(&cap, out->op_params + 2, 4);
    if (!mask || out->src[4] || slope != 0 || cap != 0) return false;
    if (q->type != F32 || k->type != F16 || v->type != F16 || mask->type != F16 || out->type != F32) return false;
    if (q->ne[3] != 1 || k->ne[3] != 1 || v->ne[3] != 1 || mask->ne[2] != 1 || mask->ne[3] != 1) return false;
    if (k->ne[0] != v->ne[0] || (k->ne[0] != 64 && k->ne[0] != 128)) return false;
    if (k->ne[2] != v->ne[2] || q->ne[2] % k->ne[2]) return false;
    a.q = q, a.k = k, a.v = v, a.mask = mask, a.out = out;
    a.width = k->ne[0], a.rows = q->ne[1], a.heads = q->ne[2], a.groups = k->ne[2], a.cells = k->ne[1];
    return true;
}

// e^x for x <= 0, relative error below 1e-6: x = n ln 2 + r, and e^r by its series.
inline __m512 exponential(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-100.0f));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    for (float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
    return _mm512_scalef_ps(p, n);
}

// The sums of sixteen vectors, as one vector.
inline __m512 sums_of(const __m512 * v) {
    __m512 a[8], b[4], c[2];
    for (int i = 0; i < 8; i++)
        a[i] = _mm512_add_ps(_mm512_unpacklo_ps(v[2 * i], v[2 * i + 1]), _mm512_unpackhi_ps(v[2 * i], v[2 * i + 1]));
    for (int i = 0; i < 4; i++) {
        const __m512d x = _mm512_castps_pd(a[2 * i]), y = _mm512_castps_pd(a[2 * i + 1]);
        b[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
        b[i] = _mm512_add_ps(b[i], _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
    }
    for (int i = 0; i < 2; i++) {
        c[i] = _mm512_shuffle_f32x4(b[2 * i], b[2 * i + 1], 0x44);
        c[i] = _mm512_add_ps(c[i], _mm512_shuffle_f32x4(b[2 * i], b[2 * i + 1], 0xEE));
    }
    return _mm512_add_ps(_mm512_shuffle_f32x4(c[0], c[1], 0x88), _mm512_shuffle_f32x4(c[0], c[1], 0xDD));
}

// Which of 32 cells from `cell` on a row sees.
inline uint32_t seen_of(const uint16_t * mask, int64_t cell, int64_t cells) {
    const uint32_t there = cells - cell >= 32 ? 0xffffffffu : (1u << (cells - cell)) - 1;
    const __m512i bias = _mm512_maskz_loadu_epi16(there, mask + cell);
    return _mm512_mask_cmpneq_epi16_mask(there, bias, _mm512_set1_epi16(static_cast<short>(NEVER)));
}

// Whether two rows see nearly the same cells, as neighbours in a prompt do.
inline bool alike(const Attention & a, int64_t row, int64_t other) {
    int64_t apart = 0, seen = 0;
    for (int64_t c = 0; c < a.cells; c += 32) {
        const uint32_t x = seen_of(a.mask_of(row), c, a.cells), y = seen_of(a.mask_of(other), c, a.cells);
        apart += __builtin_popcount(x ^ y);
        seen += __builtin_popcount(x);
    }
    return apart * 8 <= seen + 64;
}

inline void list_cells(const Attention & a, int64_t row, int count, std::vector<int32_t> & cells) {
    cells.clear();
    for (int64_t c = 0; c < a.cells; c += 32) {
        uint32_t any = 0;
        for (int r = 0; r < count; r++) any |= seen_of(a.mask_of(row + r), c, a.cells);
        for (; any; any &= any - 1) cells.push_back(static_cast<int32_t>(c) + __builtin_ctz(any));
    }
}

inline __m512 widened(const uint16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
}

// The keys or values of a cell, into the second cache.
template <int PARTS>
void fetch(const uint16_t * later) {
    for (int i = 0; i < PARTS; i += 2) _mm_prefetch(reinterpret_cast<const char *>(later + 16 * i), _MM_HINT_T1);
}

// Scores of QUERIES queries with the `n` keys at hand, without their bias; a key is widened once for all of them. The
// keys that come next are fetched if `ahead`.
template <int PARTS, int QUERIES>
void score(const Workspace & w, const float * q, int n, bool ahead, float * scores) {
    __m512 part[QUERIES][PARTS];
    for (int h = 0; h < QUERIES; h++)
        for (int i = 0; i < PARTS; i++) part[h][i] = _mm512_load_ps(q + (h * PARTS + i) * 16);
    for (int c = 0; c < n; c += 16) {
        __m512 products[QUERIES][16];
        for (int j = 0; j < 16; j++) {
            const uint16_t * key = w.at[c + j];
            if (ahead) fetch<PARTS>(w.at[c + j + TILE]);
            __m512 p[QUERIES];
            for (int i = 0; i < PARTS; i++) {
                const __m512 k = widened(key + 16 * i);
                for (int h = 0; h < QUERIES; h++)
                    p[h] = i ? _mm512_fmadd_ps(part[h][i], k, p[h]) : _mm512_mul_ps(part[h][i], k);
            }
            for (int h = 0; h < QUERIES; h++) products[h][j] = p[h];
        }
        for (int h = 0; h < QUERIES; h++) _mm512_store_ps(scores + h * TILE + c, sums_of(products[h]));
    }
}

// Adds to the scores of a row what its mask says; their maximum.
inline float biased(float * scores, const float * bias, int n) {
    __m512 best = _mm512_set1_ps(-INFINITY);
    for (int c = 0; c < n; c += 16) {
        const __m512 s = _mm512_add_ps(_mm512_load_ps(scores + c), _mm512_load_ps(bias + c));
        _mm512_store_ps(scores + c, s);
        best = _mm512_max_ps(best, s);
    }
    return _mm512_reduce_max_ps(best);
}

// Scores to weights, after Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018): `total` holds
// what came before, relative to `most`. Returns by how much that must shrink.
inline float weigh(float * scores, int n, float top, float & most, float & total) {
    const float now = std::max(most, top);
    // Nothing seen yet, and nothing to see here.
    const __m512 base = _mm512_set1_ps(now == -INFINITY ? 0.0f : now);
    const float kept = most == now ? 1.0f : most == -INFINITY ? 0.0f : std::exp(most - now);
    most = now;
    __m512 added = _mm512_setzero_ps();
    for (int c = 0; c < n; c += 16) {
        const __m512 s = _mm512_load_ps(scores + c);
        const __mmask16 seen = _mm512_cmp_ps_mask(s, _mm512_set1_ps(-INFINITY), _CMP_NEQ_OQ);
        const __m512 e = _mm512_maskz_mov_ps(seen, exponential(_mm512_sub_ps(s, base)));
        _mm512_store_ps(scores + c, e);
        added = _mm512_add_ps(added, e);
    }
    total = total * kept + _mm512_reduce_add_ps(added);
    return kept;
}

// `sum` of QUERIES queries, shrunk to `kept` of what it was, and the `n` values at hand by their weights.
template <int PARTS, int QUERIES>
void gather(const Workspace & w, const float * weights, int n, bool ahead, const float * kept, float * sum) {
    __m512 part[QUERIES][PARTS];
    for (int h = 0; h < QUERIES; h++)
        for (int i = 0; i < PARTS; i++)
            part[h][i] = _mm512_mul_ps(_mm512_load_ps(sum + (h * PARTS + i) * 16), _mm512_set1_ps(kept[h]));
    for (int c = 0; c < n; c++) {
        if (ahead) fetch<PARTS>(w.at[c + TILE]);
        __m512 e[QUERIES];
        for (int h = 0; h < QUERIES; h++) e[h] = _mm512_set1_ps(weights[h * TILE + c]);
        for (int i = 0; i < PARTS; i++) {
            const __m512 value = widened(w.at[c] + 16 * i);
            for (int h = 0; h < QUERIES; h++) part[h][i] = _mm512_fmadd_ps(e[h], value, part[h][i]);
        }
    }
    for (int h = 0; h < QUERIES; h++)
        for (int i = 0; i < PARTS; i++) _mm512_store_ps(sum + (h * PARTS + i) * 16, part[h][i]);
}

// Three queries at a time fill the registers; what is left goes one by one.
template <typename Each>
void by_threes(int64_t queries, const Each & each) {
    int64_t i = 0;
    for (; i + 3 <= queries; i += 3) each(i, std::integral_constant<int, 3>());
    for (; i < queries; i++) each(i, std::integral_constant<int, 1>());
}

// Keys or values of listed cells from `start` on; behind the last one that one again, to be weighed with nothing.
inline void bring(const Tensor * from, Workspace & w, int64_t group, int64_t start) {
    const int64_t last = static_cast<int64_t>(w.cells.size()) - 1;
    const char * base = from->data + group * from->nb[2];
    for (int c = 0; c < 2 * TILE; c++)
        w.at[c] = reinterpret_cast<const uint16_t *>(base + w.cells[std::min(start + c, last)] * from->nb[1]);
}

inline void bring_bias(const Attention & a, Workspace & w, int64_t row, int count, int64_t start, int padded) {
    const int64_t seen = static_cast<int64_t>(w.cells.size());
    for (int r = 0; r < count; r++) {
        const uint16_t * mask = a.mask_of(row + r);
        for (int c = 0; c < padded; c++)
            w.bias[r][c] = start + c < seen ? _cvtsh_ss(mask[w.cells[start + c]]) : -INFINITY;
    }
}

// `count` rows from `row` on, all heads of `group`; w.cells lists what any of them sees.
template <int PARTS>
void attend_rows(const Attention & a, Workspace & w, int64_t row, int count, int64_t group) {
    const int64_t shared = a.heads / a.groups, queries = shared * count, width = 16 * PARTS;
    float *q = w.q.data()->values, *sum = w.sum.data()->values;
    const __m512 scale = _mm512_set1_ps(a.scale);
    for (int64_t i = 0; i < queries; i++) {
        const char * at = a.q->data + (row + i / shared) * a.q->nb[1] + (group * shared + i % shared) * a.q->nb[2];
        const float * from = reinterpret_cast<const float *>(at);
        for (int64_t p = 0; p < width; p += 16)
            _mm512_store_ps(q + i * width + p, _mm512_mul_ps(_mm512_loadu_ps(from + p), scale));
    }
    std::fill(sum, sum + queries * width, 0.0f);
    std::fill(w.most.begin(), w.most.end(), -INFINITY);
    std::fill(w.total.begin(), w.total.end(), 0.0f);
    const int64_t seen = static_cast<int64_t>(w.cells.size());
    for (int64_t start = 0; start < seen; start += TILE) {
        const int padded = static_cast<int>((std::min<int64_t>(TILE, seen - start) + 15) / 16 * 16);
        float * scores = w.scores.data()->values;
        bring(a.k, w, group, start);
        bring_bias(a, w, row, count, start, padded);
        by_threes(queries, [&](int64_t i, auto n) {
            score<PARTS, n()>(w, q + i * width, padded, i == 0, scores + i * TILE);
        });
        for (int64_t i = 0; i < queries; i++) {
            const float top = biased(scores + i * TILE, w.bias[i / shared], padded);
            w.kept[i] = weigh(scores + i * TILE, padded, top, w.most[i], w.total[i]);
        }
        bring(a.v, w, group, start);
        by_threes(queries, [&](int64_t i, auto n) {
            gather<PARTS, n()>(w, scores + i * TILE, padded, i == 0, &w.kept[i], sum + i * width);
        });
    }
    for (int64_t i = 0; i < queries; i++) {
        const int64_t head = group * shared + i % shared;
        float * to = reinterpret_cast<float *>(a.out->data + ((row + i / shared) * a.heads + head) * a.out->nb[1]);
        const __m512 by = _mm512_set1_ps(w.total[i] > 0 ? 1.0f / w.total[i] : 0.0f);
        for (int64_t p = 0; p < width; p += 16)
            _mm512_storeu_ps(to + p, _mm512_mul_ps(_mm512_load_ps(sum + i * width + p), by));
    }
}

// The part of thread `ith` of `nth`: every nth pair of neighbouring rows and heads that share keys.
inline void attend_all(const Attention & a, int ith, int nth) {
    thread_local std::unique_ptr<Workspace> kept;
    if (!kept) kept = std::make_unique<Workspace>();
    Workspace & w = *kept;
    const int64_t queries = a.heads / a.groups * TOGETHER;
    w.q.resize(queries * a.width / 16), w.sum.resize(queries * a.width / 16);
    w.most.resize(queries), w.total.resize(queries), w.kept.resize(queries);
    w.scores.resize(queries * TILE / 16);
    int64_t unit = 0;
    for (int64_t row = 0; row < a.rows;) {
        int count = 1;
        while (count < TOGETHER && row + count < a.rows && alike(a, row + count - 1, row + count)) count++;
        bool listed = false;
        for (int64_t group = 0; group < a.groups; group++, unit++) {
            if (unit % nth != ith) continue;
            if (!listed) list_cells(a, row, count, w.cells);
            listed = true;
            a.width == 64 ? attend_rows<4>(a, w, row, count, group) : attend_rows<8>(a, w, row, count, group);
        }
        row += count;
    }
}

}  // namespace career
